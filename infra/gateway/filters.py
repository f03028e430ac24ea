"""FilterCriteria of event source mappings: EventBridge patterns over one record.

A pattern is a tree whose leaves are lists: any one of a leaf's entries must hold. An entry is
a value or one of ``prefix suffix equals-ignore-case anything-but exists numeric``; ``$or``
holds alternatives (AWS, "Filter rule syntax"). A pattern that is not understood matches
nothing, as on AWS, where it would have been refused at deployment.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_MISSING = object()
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
}


def passes(patterns: Sequence[Mapping[str, Any]], record: Any) -> bool:
    """Whether any of the patterns matches; no pattern at all lets everything pass."""
    return not patterns or any(matches(pattern, record) for pattern in patterns)


def matches(pattern: Mapping[str, Any], value: Any) -> bool:
    """Whether every leaf of the pattern holds for the value."""
    for key, wanted in pattern.items():
        if key == "$or":
            if not any(matches(choice, value) for choice in wanted):
                return False
            continue
        inner = value.get(key, _MISSING) if isinstance(value, Mapping) else _MISSING
        if isinstance(wanted, Mapping):
            if not matches(wanted, {} if inner is _MISSING else inner):
                return False
        elif not _leaf(wanted, inner):
            return False
    return True


def _leaf(wanted: Any, value: Any) -> bool:
    if not isinstance(wanted, Sequence) or isinstance(wanted, str):
        return False
    values = value if isinstance(value, list) else [value]
    return any(_entry(entry, each) for entry in wanted for each in values or [_MISSING])


def _entry(entry: Any, value: Any) -> bool:
    if isinstance(entry, Mapping):
        if len(entry) != 1:
            return False
        ((name, argument),) = entry.items()
        test = _TESTS.get(name)
        return test is not None and test(argument, value)
    return _same(entry, value)


def _same(entry: Any, value: Any) -> bool:
    if isinstance(entry, bool) or isinstance(value, bool):
        return entry is value
    return bool(entry == value)


def _exists(argument: Any, value: Any) -> bool:
    return (value is not _MISSING) is bool(argument)


def _prefix(argument: Any, value: Any) -> bool:
    return isinstance(value, str) and isinstance(argument, str) and value.startswith(argument)


def _suffix(argument: Any, value: Any) -> bool:
    return isinstance(value, str) and isinstance(argument, str) and value.endswith(argument)


def _ignoring_case(argument: Any, value: Any) -> bool:
    return isinstance(value, str) and value.casefold() == str(argument).casefold()


def _anything_but(argument: Any, value: Any) -> bool:
    if value is _MISSING:
        return False
    refused = argument if isinstance(argument, list) else [argument]
    return not any(_entry(entry, value) for entry in refused)


def _numeric(argument: Any, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    pairs = list(zip(argument[::2], argument[1::2], strict=True))
    return bool(pairs) and all(
        name in _COMPARE and _COMPARE[name](value, bound) for name, bound in pairs
    )


_TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "exists": _exists,
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignoring_case,
    "anything-but": _anything_but,
    "numeric": _numeric,
}
