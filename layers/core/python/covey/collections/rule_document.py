"""Rules as they are written: expressions that must be true or false."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.collections.model import Rules
from covey.collections.reader import Reader
from covey.expressions import Expression, ExpressionError, Reach, Type, check, parse

ACTIONS = ("read", "create", "update", "delete")


def read_rule(
    reader: Reader, key: str, types: Mapping[str, Type], reach: Reach | None = None
) -> Expression | None:
    """The rule under a key, checked; None where it is left out or faulty.

    Without a `reach` it reads no other records.
    ``true`` and ``false`` may stand without quotes.
    """
    written = reader.values.get(key)
    if written is None:
        return None
    if isinstance(written, bool):
        written = "true" if written else "false"
    if not isinstance(written, str):
        reader.fault(key, "must be an expression as text")
        return None
    try:
        return check(parse(written), types, Type.BOOL, reach)
    except ExpressionError as error:
        reader.fault(key, f"is no rule: {error}", "invalid_expression")
        return None


def read_rules(reader: Reader, types: Mapping[str, Type], reach: Reach) -> Rules:
    """The rules of a collection."""
    rules = Reader(reader.mapping("rules", "must be rules by action"), "rules", reader.faults)
    rules.refuse_unknown(ACTIONS)
    return Rules(**{action: read_rule(rules, action, types, reach) for action in ACTIONS})


def dump_rules(rules: Rules) -> dict[str, Any]:
    """The rules as they were written."""
    written = {action: getattr(rules, action) for action in ACTIONS}
    return {action: rule.text for action, rule in written.items() if rule is not None}
