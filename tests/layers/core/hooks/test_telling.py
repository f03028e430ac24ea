"""What of changes goes to after hooks and to functions, and what they make of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest

from covey import json
from covey.collections import load
from covey.hooks import after
from covey.hooks.declaring import DECLARED, After
from covey.hooks.loading import HooksBrokenError
from covey.hooks.receiving import receive
from covey.hooks.telling import MOST_BYTES, Misdeclared, ToFunction, ToHooks, Wanted, calls, message
from covey.pipeline.record_change import RecordChange
from covey.records.model import Change, ChangeKind, Record
from covey.testing.events import queue_event
from covey.triggers.record_changes import each_change

POSTS = load(
    {
        "name": "posts",
        "fields": {
            "title": {"type": "text"},
            "published": {"type": "bool"},
            "price": {"type": "number"},
            "secret": {"type": "text", "hidden": True},
        },
    }
)
QUEUE = "https://sqs.example.test/queue"


class Post:
    """A Letterbox that keeps what was posted."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []

    def __call__(self) -> Post:
        return self

    def post(self, url: str, bodies: Sequence[str]) -> None:
        assert url == QUEUE
        self.bodies += [json.decode(body.encode()) for body in bodies]


class Hooks:
    """Those that the test declares."""

    broken = False

    def after(self) -> list[After]:
        if self.broken:
            raise HooksBrokenError("cannot be imported")
        return [hook for hook in DECLARED if isinstance(hook, After)]


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    kept, DECLARED[:] = list(DECLARED), []
    yield Hooks()
    DECLARED[:] = kept


def change(
    kind: str, after: dict[str, Any] | None, before: dict[str, Any] | None = None, at: int = 7
) -> Change:
    def record(values: dict[str, Any] | None, version: int) -> Record | None:
        return None if values is None else Record("p1", 1_000, 2_000, version, values)

    return Change(
        "posts", "p1", 2, ChangeKind(kind), record(before, 1), record(after, 2), str(at), 2_000
    )


CREATED = change("created", {"title": "a", "published": True, "price": Decimal("1.10")})
UPDATED = change("updated", {"title": "b", "published": True}, {"title": "a", "published": False})
RENAMED = change("updated", {"title": "c"}, {"title": "b"})
DELETED = change("deleted", None, {"title": "b", "published": True})
EVERY = (CREATED, UPDATED, RENAMED, DELETED)


@pytest.mark.parametrize(
    ("wanted", "met"),
    [
        (Wanted("posts", frozenset({"created"})), [CREATED]),
        (Wanted("*", frozenset({"updated", "deleted"})), [UPDATED, RENAMED, DELETED]),
        (Wanted("others", frozenset({"created"})), []),
        (
            Wanted("posts", frozenset({"created", "updated", "deleted"}), "published"),
            [CREATED, UPDATED, DELETED],
        ),
        (
            Wanted("posts", frozenset({"updated"}), "published && old.published == false"),
            [UPDATED],
        ),
        # Of a new record there is no old one: what cannot be said does not hold.
        (
            Wanted("posts", frozenset({"created", "updated"}), "old.title != title"),
            [UPDATED, RENAMED],
        ),
    ],
)
def test_changes_are_wanted_by_collection_kind_and_expression(
    wanted: Wanted, met: list[Change]
) -> None:
    assert [one for one in EVERY if wanted.meets(POSTS, one)] == met


def test_a_function_is_told_of_what_it_wants_as_an_event_with_every_field() -> None:
    line = {"function": "Greet", "queue": QUEUE, "collection": "posts", "kinds": ["created"]}
    (call,), _ = calls("\n" + json.encode(line) + "\n")
    post = Post()
    told = ToFunction(call, post, "https://covey.example.test/records")
    assert told.wants(POSTS)
    secret = change("created", {"title": "a", "secret": "s", "price": Decimal("1.10")}, at=8)
    told.apply(POSTS, [secret, UPDATED])
    (body,) = post.bodies
    assert body["type"] == "covey.record.created"
    assert body["id"] == "posts/p1/8"
    assert body["data"]["record"]["secret"] == "s"
    seen: list[RecordChange] = []
    assert each_change(seen.append)(queue_event(body), None) == {"batchItemFailures": []}  # type: ignore[arg-type]  # no context is needed
    (one,) = seen
    assert (one.collection, one.id, one.kind, one.key) == ("posts", "p1", "created", "posts/p1/8")
    assert (one.version, one.before, one.changed("title")) == (2, None, True)
    assert one.record["price"] == Decimal("1.10")
    assert isinstance(one.record["price"], Decimal)


def test_nothing_is_sent_where_nothing_is_wanted() -> None:
    line = {"function": "Greet", "queue": QUEUE, "collection": "posts", "when": "title == 'x'"}
    (call,), _ = calls(json.encode(line))

    def none() -> Post:
        raise AssertionError("a client is made for nothing")

    ToFunction(call, none, "s:").apply(POSTS, EVERY)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "line 1"),
        ("[]", "no object"),
        ('{"queue": "q", "collection": "posts"}', "function is missing"),
        ('{"function": "F", "queue": "q"}', "collection is missing"),
        ('{"function": "F", "queue": "q", "collection": "c", "kinds": ["made"]}', "kinds are of"),
        ('{"function": "F", "queue": "q", "collection": "c", "kinds": []}', "kinds are of"),
        ('{"function": "F", "queue": "q", "collection": "c", "when": "a =="}', "line 1"),
        ('{"function": "F", "queue": "q", "collection": "c", "where": "a"}', "'where'"),
    ],
)
def test_a_declaration_with_a_fault_is_told_by_its_line(line: str, fault: str) -> None:
    good = {"function": "Greet", "queue": QUEUE, "collection": "posts"}
    found, (told,) = calls(f"{line}\n{json.encode(good)}")
    assert fault in told
    assert [call.function for call in found] == ["Greet"]
    with pytest.raises(ValueError, match="CHANGE_TRIGGERS"):
        Misdeclared([told]).apply(POSTS, [CREATED])


def test_each_hook_that_wants_a_change_gets_a_message_of_its_own(hooks: Hooks) -> None:
    seen: list[tuple[str, str]] = []

    @after("posts", "create")
    def one(change: RecordChange) -> None:
        seen.append(("one", change.key))

    @after("posts", when="published")
    def two(change: RecordChange) -> None:
        seen.append(("two", change.key))

    post = Post()
    told = ToHooks(hooks, QUEUE, post, "s:")
    assert told.wants(POSTS)
    assert not told.wants(load({"name": "others", "fields": {}}))
    told.apply(POSTS, [CREATED, RENAMED])
    for body in [*post.bodies, post.bodies[0]]:
        receive(hooks, body)
    key = "posts/p1/7"
    assert seen == [("one", key), ("two", key), ("one", key)]


def test_a_hook_whose_expression_means_nothing_ends_in_its_own_dead_letters(hooks: Hooks) -> None:
    seen: list[str] = []

    @after("posts", when="no_such_field == 1")
    def faulty(change: RecordChange) -> None:
        seen.append("faulty")

    @after("posts")
    def sound(change: RecordChange) -> None:
        seen.append("sound")

    post = Post()
    ToHooks(hooks, QUEUE, post, "s:").apply(POSTS, [CREATED])
    first, second = post.bodies
    with pytest.raises(ValueError, match="no_such_field"):
        receive(hooks, first)
    receive(hooks, second)
    assert seen == ["sound"]


def test_changes_wait_for_hooks_that_cannot_be_imported(hooks: Hooks) -> None:
    hooks.broken = True
    with pytest.raises(HooksBrokenError):
        ToHooks(hooks, QUEUE, Post(), "s:").wants(POSTS)


def test_a_message_for_a_hook_that_is_gone_is_not_lost(hooks: Hooks) -> None:
    with pytest.raises(LookupError, match="no hook"):
        receive(
            hooks,
            {"hook": "team.hooks.gone", **json.decode(message(CREATED, POSTS, "s:").encode())},
        )


def test_what_does_not_fit_into_a_message_is_left_out() -> None:
    long = "x" * 350_000
    whole = change("updated", {"title": long}, {"title": long})
    wide = change("updated", {"title": "\u0001" * 80_000}, {"title": "\u0001" * 80_000})
    widest = change("updated", {"title": "\u0001" * 200_000}, {"title": "a"})
    cases = [(whole, True, True), (wide, False, True), (widest, False, False)]
    for each, before, title in cases:
        body = message(each, POSTS, "s:")
        assert len(body) <= MOST_BYTES
        told = RecordChange.of(json.decode(body.encode()))
        assert (told.before is not None, "title" in told.record, told.id) == (before, title, "p1")


def test_a_message_has_no_character_that_a_queue_refuses() -> None:
    # Amazon SQS, SendMessage: #x9 | #xA | #xD | #x20-#xD7FF | #xE000-#xFFFD | #x10000-#x10FFFF
    told = "".join(map(chr, [*range(1, 0xD800), *range(0xE000, 0x10002), 0x1FFFE, 0x10FFFF]))
    body = message(change("created", {"title": told}), POSTS, "s:", fault="\uffff")
    assert not re.search("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", body)
    assert RecordChange.of(json.decode(body.encode())).record["title"] == told


@pytest.mark.parametrize(
    "event", [{}, {"type": "other"}, {"type": 1}, {"type": "covey.record.made"}]
)
def test_what_is_no_change_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no "):
        RecordChange.of(event)
