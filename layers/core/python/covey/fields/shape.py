"""The JSON Schema of a json field: read once, and values checked against it in bounded time.

JSON Schema 2020-12, without what reaches outside the document (`$ref` elsewhere, `$id`), what
has no bound on its time (`unevaluated…`, `$dynamicRef`) and what checks nothing (`format` is a
note). Patterns are matched in linear time by `covey.fields.pattern`. A check that takes more
than `MAX_STEPS` keywords is given up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any

from covey.fields.characters import check_characters
from covey.fields.fault import FieldFault
from covey.fields.numeric import canonical_number
from covey.fields.option import OptionFault
from covey.fields.pattern import PatternFault, compiled

MAX_BYTES = 20_000
MAX_DEPTH = 16
MAX_STEPS = 20_000
MAX_MATCHED = 10_000  # characters of a text that a pattern looks at
DIALECT = "https://json-schema.org/draft/2020-12/schema"
REFUSED = (
    *("$anchor", "$dynamicAnchor", "$dynamicRef", "$id", "$vocabulary", "definitions"),
    *("unevaluatedItems", "unevaluatedProperties"),
)
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_MAPS = ("$defs", "dependentSchemas", "patternProperties", "properties")
_ONES = (
    *("additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"),
)

_steps: ContextVar[list[int]] = ContextVar("steps")


class TooManySteps(Exception):
    """The check was given up."""


def read_shape(value: Any) -> dict[str, Any]:
    """The canonical schema; OptionFault for one that is none, or that is refused."""
    schema = _plain(value, 1)
    if not isinstance(schema, dict):
        raise OptionFault("must be a JSON Schema, such as {type: object}")
    if len(_text(schema)) > MAX_BYTES:
        raise OptionFault(f"must take at most {MAX_BYTES} characters")
    if schema.get("$schema", DIALECT) != DIALECT:
        raise OptionFault(f"must be of the dialect {DIALECT}")
    for path, part in _parts(schema, ""):
        _check(path, part, schema)
    _check_against_dialect(schema)
    return schema


def check_shape(value: Any, schema: Mapping[str, Any]) -> None:
    """Raise FieldFault (code schema_mismatch, with the place) where a value does not fit."""
    token = _steps.set([MAX_STEPS])
    try:
        error = next(_validator(_text(schema)).iter_errors(value), None)
    except (TooManySteps, RecursionError):
        raise FieldFault("schema_mismatch", "must be simpler: its check takes too long") from None
    finally:
        _steps.reset(token)
    if error is not None:
        path = tuple(str(part)[:64] if isinstance(part, str) else part for part in error.path)
        raise FieldFault("schema_mismatch", _words(error), path)


def _words(error: Any) -> str:
    keyword, wanted = error.validator, error.validator_value
    if keyword == "type":
        kinds = [wanted] if isinstance(wanted, str) else wanted
        return f"must be of type {' or '.join(kinds)}"
    if keyword == "required":
        missing = [name for name in wanted if name not in error.instance]
        return f"must have {', '.join(missing[:5])}"
    if keyword is None or (keyword, wanted) == ("additionalProperties", False):
        return "must not be there"
    if isinstance(wanted, bool | Mapping) or len(_text(wanted)) > 100:
        return f"must fit the schema, by {keyword}"
    return f"must fit the schema: {keyword} {_text(wanted)}"


# ---- reading


def _plain(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise OptionFault(f"must be at most {MAX_DEPTH} levels deep")
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise OptionFault("must have names that are text")
        return {name: _plain(part, depth + 1) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part, depth + 1) for part in value]
    try:
        if isinstance(value, str):
            check_characters(value)
        elif value is not None and not isinstance(value, bool):
            return canonical_number(value)
    except FieldFault as fault:
        raise OptionFault(f"holds a value that {fault.message}") from None
    return value


def _text(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)


def _parts(schema: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schema in a schema, and where it stands; not what only looks like one."""
    if not isinstance(schema, Mapping):
        return
    yield path, schema
    for keyword, inner in schema.items():
        where = f"{path}/{keyword}"
        if keyword in _ONES:
            yield from _parts(inner, where)
        elif keyword in _LISTS and isinstance(inner, list):
            for position, one in enumerate(inner):
                yield from _parts(one, f"{where}/{position}")
        elif keyword in _MAPS and isinstance(inner, Mapping):
            for name, one in inner.items():
                yield from _parts(one, f"{where}/{name}")


def _check(path: str, schema: Mapping[str, Any], root: Mapping[str, Any]) -> None:
    for keyword in REFUSED:
        if keyword in schema:
            raise OptionFault(f"cannot have {path}/{keyword}")
    reference = schema.get("$ref")
    if reference is not None and not _is_own(reference, root):
        raise OptionFault(f"cannot follow {path}/$ref: only to #/$defs/<name> of the same schema")
    named = schema.get("patternProperties")
    patterns = list(named) if isinstance(named, Mapping) else []
    for pattern in [*patterns, *([schema["pattern"]] if "pattern" in schema else [])]:
        try:
            compiled(str(pattern))
        except PatternFault as fault:
            raise OptionFault(f"has at {path} a pattern that is not possible: {fault}") from None


def _is_own(reference: Any, root: Mapping[str, Any]) -> bool:
    if reference == "#":
        return True
    if not isinstance(reference, str) or not reference.startswith("#/$defs/"):
        return False
    name = reference.removeprefix("#/$defs/")
    return "/" not in name and "%" not in name and "~" not in name and name in root.get("$defs", {})


def _check_against_dialect(schema: Mapping[str, Any]) -> None:
    from jsonschema import Draft202012Validator, FormatChecker, SchemaError

    try:
        Draft202012Validator.check_schema(schema, format_checker=FormatChecker(formats=()))
    except SchemaError as error:
        where = "/".join(str(part) for part in error.absolute_path)
        raise OptionFault(f"is no JSON Schema at /{where}: {error.message[:200]}") from None


# ---- checking


@lru_cache(maxsize=64)
def _validator(text: str) -> Any:
    return _kind()(json.loads(text, parse_float=Decimal))


@cache
def _kind() -> Any:
    """The library's validator, counting its steps, with what is not linear in it replaced."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    own: dict[str, Any] = {
        "additionalProperties": _additional_properties,
        "multipleOf": _multiple_of,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "uniqueItems": _unique_items,
    }
    every = {**Draft202012Validator.VALIDATORS, **own}
    return extend(Draft202012Validator, {name: _counted(one) for name, one in every.items()})


def _counted(check: Callable[..., Any]) -> Callable[..., Any]:
    def counting(validator: Any, wanted: Any, instance: Any, schema: Any) -> Any:
        left = _steps.get()
        left[0] -= 1
        if left[0] < 0:
            raise TooManySteps
        return check(validator, wanted, instance, schema)

    return counting


def _error(message: str, *path: str) -> Any:
    from jsonschema import ValidationError

    return ValidationError(message, path=path)


def _matches(pattern: str, text: str) -> bool:
    if len(text) > MAX_MATCHED:
        raise TooManySteps
    return compiled(pattern).found_in(text)


def _pattern(validator: Any, wanted: str, instance: Any, schema: Any) -> Iterator[Any]:
    if isinstance(instance, str) and not _matches(wanted, instance):
        yield _error("pattern")


def _pattern_properties(
    validator: Any, wanted: Mapping[str, Any], instance: Any, schema: Any
) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    for pattern, inner in wanted.items():
        for name, value in instance.items():
            _step()
            if _matches(pattern, name):
                yield from validator.descend(value, inner, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, wanted: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, value in instance.items():
        if name in known:
            continue
        _step()
        if any(_matches(pattern, name) for pattern in patterns):
            continue
        if wanted is False:
            yield _error("additionalProperties", name)
        else:
            yield from validator.descend(value, wanted, path=name)


def _step() -> None:
    left = _steps.get()
    left[0] -= 1
    if left[0] < 0:
        raise TooManySteps


def _multiple_of(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if isinstance(instance, bool) or not isinstance(instance, int | Decimal):
        return
    if (Fraction(instance) / Fraction(wanted)).denominator != 1:
        yield _error("multipleOf")


def _unique_items(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if wanted is True and isinstance(instance, list):
        seen = {_identity(one) for one in instance}
        if len(seen) < len(instance):
            yield _error("uniqueItems")


def _identity(value: Any) -> Any:
    """What equal values have in common, hashable: objects without order, true apart from 1."""
    if isinstance(value, Mapping):
        return "object", frozenset((name, _identity(part)) for name, part in value.items())
    if isinstance(value, list):
        return "array", tuple(_identity(part) for part in value)
    return isinstance(value, bool), value
