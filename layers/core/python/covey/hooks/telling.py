"""What the team's own code is told of changes: each hook and each function by a queue.

A change that one of them cannot take then holds nothing up: neither the others, nor the changes
behind it. Queues keep no order, not even of one record's changes; decision 0025 says why.
"""

from __future__ import annotations

import json as plain_json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from covey import json
from covey.collections.model import Collection
from covey.collections.scope import RecordScope, types
from covey.expressions import Expression, ExpressionError, Type, check, parse
from covey.hooks.declaring import EVERY, After
from covey.identity.principal import SYSTEM
from covey.pipeline.cloudevents import event
from covey.records.model import Change, ChangeKind, Record

MOST_BYTES = 900_000  # of a message: SQS takes 1 MiB, of the batch and its attributes too
KINDS = tuple(str(kind) for kind in ChangeKind)


class Letterbox(Protocol):
    """How messages reach queues; `covey.aws.queues.SqsLetterbox`."""

    def post(self, url: str, bodies: Sequence[str]) -> None:
        """Queue all of them, or raise."""
        ...


class AfterHooks(Protocol):
    """Where after hooks are found; `covey.hooks.loading.TeamHooks`."""

    def after(self) -> Sequence[After]:
        """All of them."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which changes somebody wants: of a collection or ``*``, of these kinds, where it holds."""

    collection: str
    kinds: frozenset[str]
    when: str = ""

    def names(self, collection: str) -> bool:
        """Whether it wants any of this collection."""
        return self.collection in (collection, EVERY)

    def meets(self, collection: Collection, change: Change) -> bool:
        """Whether it wants this change; raises ExpressionError where `when` cannot be asked."""
        if not self.names(collection.name) or str(change.kind) not in self.kinds:
            return False
        return not self.when or _holds(self.when, collection, change)


@dataclass(frozen=True, slots=True)
class Call:
    """A function that changes call, as template.yaml declares it."""

    function: str
    queue: str
    wanted: Wanted


def calls(declared: str) -> tuple[list[Call], list[str]]:
    """The functions of the setting CHANGE_TRIGGERS, and what is wrong with lines that name none.

    A line of JSON for each: ``{"function": "greet", "queue": "https://…", "collection": "posts",
    "kinds": ["created"], "when": "published"}``; without kinds all, without when always.
    """
    found: list[Call] = []
    faults: list[str] = []
    for number, line in enumerate(declared.splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(_call(plain_json.loads(line)))
        except (ValueError, ExpressionError) as error:
            faults.append(f"line {number}: {error}")
    return found, faults


def _call(line: Any) -> Call:
    if not isinstance(line, dict):
        raise ValueError("is no object")
    if unknown := line.keys() - {"function", "queue", "collection", "kinds", "when"}:
        raise ValueError(f"there is no {sorted(unknown)[0]!r}")
    for name in ("function", "queue", "collection"):
        if not isinstance(line.get(name), str) or not line[name]:
            raise ValueError(f"{name} is missing")
    kinds, when = line.get("kinds", list(KINDS)), line.get("when", "")
    if not isinstance(kinds, list) or not kinds or not set(kinds) <= set(KINDS):
        raise ValueError(f"kinds are of {', '.join(KINDS)}")
    if not isinstance(when, str):
        raise ValueError("when is an expression as text")
    if when:
        parse(when)
    wanted = Wanted(line["collection"], frozenset(kinds), when)
    return Call(line["function"], line["queue"], wanted)


class ToFunction:
    """The consumer of changes that calls one function."""

    def __init__(self, call: Call, letterbox: Callable[[], Letterbox], source: str) -> None:
        self.name = f"function-{call.function.lower()}"
        self._call = call
        self._letterbox = letterbox
        self._source = source

    def wants(self, collection: Collection) -> bool:
        """Whether the function wants any change of this collection."""
        return self._call.wanted.names(collection.name)

    def apply(self, collection: Collection, changes: Sequence[Change]) -> None:
        """Queue those that it wants."""
        bodies = [
            message(change, collection, self._source)
            for change in changes
            if self._call.wanted.meets(collection, change)
        ]
        if bodies:
            self._letterbox().post(self._call.queue, bodies)


class Misdeclared:
    """The consumer in place of functions that cannot be called: it keeps changes for them.

    They become dead letters, which can be taken up again once the declaration is mended, and what
    others make of the changes is not held up.
    """

    name = "change-triggers"

    def __init__(self, faults: Sequence[str]) -> None:
        self._faults = tuple(faults)

    def wants(self, collection: Collection) -> bool:
        """Every change: nobody knows which were meant."""
        return True

    def apply(self, collection: Collection, changes: Sequence[Change]) -> None:
        """Raise ValueError."""
        raise ValueError(f"CHANGE_TRIGGERS, {'; '.join(self._faults)}")


class ToHooks:
    """The consumer of changes that calls after hooks, each by a message of its own."""

    name = "hooks"

    def __init__(
        self, hooks: AfterHooks, queue: str, letterbox: Callable[[], Letterbox], source: str
    ) -> None:
        self._hooks = hooks
        self._queue = queue
        self._letterbox = letterbox
        self._source = source

    def wants(self, collection: Collection) -> bool:
        """Whether a hook wants any change of this collection; raises HooksBrokenError."""
        return any(wanted_by(hook).names(collection.name) for hook in self._hooks.after())

    def apply(self, collection: Collection, changes: Sequence[Change]) -> None:
        """Queue each change for each hook that wants it."""
        bodies = [
            message(change, collection, self._source, hook=hook.name, **more)
            for change in changes
            for hook, more in self._wanting(collection, change)
        ]
        if bodies:
            self._letterbox().post(self._queue, bodies)

    def _wanting(
        self, collection: Collection, change: Change
    ) -> Iterable[tuple[After, Mapping[str, str]]]:
        for hook in self._hooks.after():
            try:
                if wanted_by(hook).meets(collection, change):
                    yield hook, {}
            except ExpressionError as error:  # its own fault: it ends in the hook's dead letters
                yield hook, {"fault": f"when: {error}"}


def wanted_by(hook: After) -> Wanted:
    """Which changes an after hook wants."""
    return Wanted(hook.collection, hook.kinds, hook.when)


def message(change: Change, collection: Collection, source: str, **more: str) -> str:
    """The event of a change as the body of a message, with everything that the record has.

    Where it does not fit into one, without `before`; and of a record that alone does not, by its
    id alone. `more` are extensions (CloudEvents 1.0, 3.3).
    """
    told = {**event(change, collection, source, hidden=True), **more}
    data = told["data"]
    for less in (data, {"record": data["record"]}):
        body = _sendable({**told, "data": less})
        if len(body.encode()) <= MOST_BYTES:
            return body
    return _sendable({**told, "data": {"record": {"id": change.id}}})


def _sendable(told: Mapping[str, Any]) -> str:
    """JSON in the characters that SQS takes; of those that JSON leaves as they are it refuses two.

    See `SendMessage` in Amazon's API reference.
    """
    return json.encode(told).replace("\ufffe", r"\ufffe").replace("\uffff", r"\uffff")


def _holds(when: str, collection: Collection, change: Change) -> bool:
    """Whether the expression holds on the record after the change, or as it last was."""
    rule: Expression = check(parse(when), types(collection), Type.BOOL)
    record = change.after or change.before or Record(change.id, 0, 0, change.version)
    return rule.holds(RecordScope(collection, record, old=change.before, auth=SYSTEM))
