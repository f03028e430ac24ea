"""A channel as a document, as YAML and the API show it, and as the table keeps it.

name: rooms/{room}
rules:
  subscribe: record("members", room + ":" + auth.id).active
  publish: record("members", room + ":" + auth.id).role != "reader"
  presence: record("members", room + ":" + auth.id).active
message:
  schema: {type: object, required: [text]}
  max: 4000
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from covey.channels.model import ACTIONS, MAX_DATA, Channel
from covey.collections.faults import Faults
from covey.collections.naming import EXPRESSION_NAMES, is_name
from covey.collections.reader import Reader
from covey.collections.rule_document import read_rule
from covey.errors import Invalid
from covey.expressions import Expression, Reach, Type, impossible
from covey.fields.option import OptionFault
from covey.fields.shape import read_shape

_log = logging.getLogger(__name__)
KEYS = ("name", "description", "rules", "message")
MAX_PARTS = 5
MAX_DESCRIPTION = 2_000
_LITERAL = re.compile(r"[a-z0-9_-]{1,63}")

Far = Callable[[str], Mapping[str, Type] | None]
"""The names of a collection, for rules that read its records; raises LookupError."""


def load(
    document: Mapping[str, Any], far: Far = lambda _: None, *, previous: Channel | None = None
) -> Channel:
    """The channel that a document describes; its version is one more where something changed.

    Raises Invalid(code="invalid_channel") with every fault by its path, such as
    ``rules.subscribe``.
    """
    if not isinstance(document, Mapping):
        raise Invalid("A channel is a mapping.", code="invalid_channel")
    faults = Faults()
    reader = Reader(document, "", faults)
    reader.refuse_unknown(KEYS)
    path = _path(reader)
    parameters = [part[1:-1] for part in path if part.startswith("{")]
    schema, most = _message(reader)
    made = Channel(
        name_of("/".join(path)),
        path,
        _rules(reader, parameters, far),
        schema=schema,
        most=most,
        description=reader.text("description", MAX_DESCRIPTION),
    )
    _raise(faults, made.name)
    if previous is None:
        return made
    same = replace(made, version=previous.version)
    return same if dump(same) == dump(previous) else replace(made, version=previous.version + 1)


def name_of(path: str) -> str:
    """What a channel of this path is called: the first part, which is the same in all rooms."""
    return path.partition("/")[0]


def dump(channel: Channel) -> dict[str, Any]:
    """The document; `load` reads it."""
    said: dict[str, Any] = {"name": "/".join(channel.path)}
    if channel.description:
        said["description"] = channel.description
    said["rules"] = {
        action: channel.rules[action].text for action in ACTIONS if action in channel.rules
    }
    message: dict[str, Any] = {} if channel.schema is None else {"schema": dict(channel.schema)}
    if channel.most != MAX_DATA:
        message["max"] = channel.most
    return said | ({"message": message} if message else {})


def restore(document: Mapping[str, Any], version: int) -> Channel:
    """A channel that was kept; what its rules read elsewhere is not asked again.

    One that is not taken any more is closed to all but administrators, who can mend it: the
    others must not fall silent with it.
    """
    try:
        made = load(document)
    except Invalid as invalid:
        path = tuple(str(document.get("name")).split("/"))
        _log.error("channel %s cannot be read: %s", path[0], invalid.detail)
        made = Channel(path[0], path)
    return replace(made, version=version)


def _path(reader: Reader) -> tuple[str, ...]:
    written = reader.values.get("name")
    if not isinstance(written, str) or not written:
        reader.fault("name", "must be given, such as rooms/{room}", "required")
        return ("",)
    parts = tuple(written.split("/"))
    if len(parts) > MAX_PARTS:
        reader.fault("name", f"must have at most {MAX_PARTS} parts")
    if not is_name(parts[0]):
        reader.fault("name", "must begin with a name of a-z, 0-9 and _, the same in all rooms")
    seen: set[str] = set()
    for part in parts[1:]:
        if message := _part_fault(part, seen):
            reader.fault("name", message)
    return parts


def _part_fault(part: str, seen: set[str]) -> str:
    if not (part.startswith("{") and part.endswith("}")):
        taken = _LITERAL.fullmatch(part)
        return "" if taken else "has a part that is neither a word of a-z, 0-9, - and _ nor {name}"
    name = part[1:-1]
    if not is_name(name):
        return f"has a parameter that is no name: {part[:70]}"
    if name in EXPRESSION_NAMES:
        return f"has a parameter with a meaning in rules: {name}"
    if name in seen:
        return f"has the parameter {name} twice"
    seen.add(name)
    return ""


def _rules(reader: Reader, parameters: list[str], far: Far) -> dict[str, Expression]:
    rules = Reader(reader.mapping("rules", "must be rules by action"), "rules", reader.faults)
    rules.refuse_unknown(ACTIONS)
    types = {name: Type.TEXT for name in parameters if is_name(name)}
    types |= {"auth": Type.MAP, "now": Type.TIMESTAMP}
    read = {action: _rule(rules, action, types, far) for action in ACTIONS}
    return {action: rule for action, rule in read.items() if rule is not None}


def _rule(reader: Reader, action: str, types: Mapping[str, Type], far: Far) -> Expression | None:
    rule = read_rule(reader, action, types, Reach({}, lambda _: None))
    if rule is None:
        return None
    among = read_rule(reader, action, types, Reach({}, far))
    if among is not None and among.root != rule.root:
        # Text beside a timestamp is one only where its type is known: it is not, later.
        message = "must say of which type its values are: write "
        reader.fault(action, message + Expression(among.root).text, "invalid_expression")
    elif why := impossible(rule):
        message = f'can never hold ({why}); write "false" where nobody may'
        reader.fault(action, message, "invalid_expression")
    return rule


def _message(reader: Reader) -> tuple[Mapping[str, Any] | None, int]:
    message = Reader(reader.mapping("message"), "message", reader.faults)
    message.refuse_unknown(("schema", "max"))
    schema = message.values.get("schema")
    if schema is not None:
        try:
            schema = read_shape(schema)
        except OptionFault as fault:
            message.fault("schema", str(fault))
            schema = None
    most = message.values.get("max", MAX_DATA)
    if isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= MAX_DATA:
        message.fault("max", f"must be an integer from 1 to {MAX_DATA}")
        most = MAX_DATA
    return schema, most


def _raise(faults: Faults, name: str) -> None:
    try:
        faults.raise_any(f"Channel {name}" if name else "A channel")
    except Invalid as invalid:
        raise Invalid(invalid.detail, code="invalid_channel", errors=invalid.errors) from None
