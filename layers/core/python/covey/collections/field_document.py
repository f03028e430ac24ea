"""One field as it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from covey.collections.model import Field
from covey.collections.reader import Reader
from covey.collections.rule_document import read_rule
from covey.expressions import Expression, Reach, Type, nodes, parse
from covey.fields import REGISTRY, FieldFault, FieldType, lists, validate_value
from covey.fields.defaults import is_computed, may_compute
from covey.fields.option import Option, OptionFault
from covey.fields.suggestion import did_you_mean

COMMON = (
    *("type", "description", "required", "default", "read", "write", "hidden", "unique"),
    *("list", "was"),
)
MAX_DESCRIPTION = 1_000
NOBODY = "false"  # the rule of a hidden field: administrators and functions alone


@dataclass(frozen=True, slots=True)
class Draft:
    """A field before its rules, which may name any other field, and before its key."""

    reader: Reader
    field: Field
    was: str = ""


def options_of(kind: FieldType, many: bool) -> dict[str, Option]:
    """The options that a field of this type takes, as a list or not."""
    return {**kind.options, **(lists.OPTIONS if many else {})}


def known_keys(kind: FieldType, many: bool) -> list[str]:
    """Every key that such a field may have."""
    keys = [*COMMON, *options_of(kind, many)]
    if not kind.scalar:
        keys.remove("list")
    if not kind.defaults:
        keys.remove("default")
    return [*keys, "expires"] if kind.name == "datetime" and not many else keys


_ANY_KEY = {key for kind in REGISTRY.values() for key in known_keys(kind, many=kind.scalar)}
_ANY_KEY |= {"expires"}


def read_field(name: str, reader: Reader) -> Draft | None:
    """The field under a name, without rules and key; None where its type is not known."""
    written = reader.values.get("type")
    kind = REGISTRY.get(written) if isinstance(written, str) else None
    if kind is None:
        if "type" in reader.values:
            hint = did_you_mean(written, REGISTRY) or f": there are {', '.join(REGISTRY)}"
            reader.fault("type", f"must be a field type{hint}")
        else:
            reader.fault("type", "must be given", "required")
            reader.refuse_unknown(_ANY_KEY)
        return None
    many = reader.flag("list") if kind.scalar else False
    reader.refuse_unknown(known_keys(kind, many))
    field = Field(
        name=name,
        type=kind.name,
        key="",
        list=many,
        required=reader.flag("required"),
        expires=reader.flag("expires") if kind.name == "datetime" and not many else False,
        options=_options(kind, many, reader),
        description=reader.text("description", MAX_DESCRIPTION),
    )
    _check_clear(field, reader)
    default = _default(field, reader) if kind.defaults else None
    return Draft(reader, replace(field, default=default), reader.text("was", 63))


def _check_clear(field: Field, reader: Reader) -> None:
    """Refuse a relation that is to be cleared and must not be empty."""
    if field.options.get("on_delete") != "clear":
        return
    if field.options.get("min_items") or (field.required and not field.list):
        held = "min_items" if field.list else "required"
        reader.fault("on_delete", f"cannot be clear with {held}: say cascade or restrict")


def _options(kind: FieldType, many: bool, reader: Reader) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for key, option in options_of(kind, many).items():
        if key not in reader.values:
            if option.required:
                reader.fault(key, "must be given", "required")
            continue
        try:
            options[key] = option.read(reader.values[key])
        except OptionFault as fault:
            reader.fault(key, str(fault))
    try:
        kind.check_options(options)
        lists.check_list_options(options)
    except OptionFault as fault:
        reader.faults.add(reader.path, "invalid", f"is not possible: {fault}")
    return options


def _default(field: Field, reader: Reader) -> Expression | None:
    written = reader.values.get("default")
    if written is None:
        return None
    if is_computed(written, field):
        if not may_compute(written, field):
            reader.fault("default", f"cannot be {written} in a field of this type")
            return None
        return parse(written)
    if not all(name in field.options for name, option in _all_options(field) if option.required):
        return None  # already told; without its choices a choice cannot be checked
    try:
        return Expression(nodes.Literal(validate_value(written, field)))
    except FieldFault as fault:
        where = "".join(f" at {part}:" for part in fault.path)
        reader.fault("default", f"does not fit the field:{where} {fault.message}")
        return None


def _all_options(field: Field) -> list[tuple[str, Option]]:
    return list(options_of(REGISTRY[field.type], field.list).items())


def with_rules(draft: Draft, types: Mapping[str, Type], reach: Reach, key: str) -> Field:
    """The whole field."""
    read = read_rule(draft.reader, "read", types, reach)
    if draft.reader.flag("hidden"):
        if read is not None:
            draft.reader.fault("hidden", "is said already by read: leave one out")
        read = parse(NOBODY)
    if read is not None and draft.field.options.get("public"):
        draft.reader.fault("public", "is not possible with a rule for reading: leave one out")
    return replace(
        draft.field,
        key=key,
        read=read,
        write=read_rule(draft.reader, "write", types, reach),
    )


def dump_field(field: Field) -> dict[str, Any]:
    """The field as it is written: what is as usual is left out."""
    written: dict[str, Any] = {"type": field.type}
    if field.description:
        written["description"] = field.description
    for flag in ("list", "required", "expires"):
        if getattr(field, flag):
            written[flag] = True
    for key, value in field.options.items():
        written[key] = list(value) if isinstance(value, tuple) else value
    if field.default is not None:
        root = field.default.root
        written["default"] = root.value if isinstance(root, nodes.Literal) else field.default.text
    for rule in ("read", "write"):
        expression = getattr(field, rule)
        if expression is not None:
            written[rule] = expression.text
    return written
