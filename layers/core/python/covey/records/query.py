"""Query parameters to a checked request: what to list, in which order, and how to show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from covey.collections.model import Collection
from covey.errors import BadRequest
from covey.expressions import Expression, ExpressionError, parse
from covey.fields import REGISTRY
from covey.identity.authorize import check_filter, filterable_fields, known_fields
from covey.identity.principal import Principal
from covey.records.expansion import Expansions, Step
from covey.records.model import SYSTEM_FIELDS
from covey.records.ports import SortKey
from covey.records.projection import bad, check_names, split_names

DEFAULT_LIMIT, MAX_LIMIT = 30, 200
MAX_SORT_KEYS = 8
SHOW_PARAMETERS = frozenset({"fields", "expand"})
LIST_PARAMETERS = SHOW_PARAMETERS | {"filter", "sort", "limit", "cursor", "explain", "count"}


@dataclass(frozen=True, slots=True)
class Show:
    """How records are shown: `fields` None means all; `expand` is what is followed."""

    fields: tuple[str, ...] | None = None
    expand: tuple[Step, ...] = ()


WHOLE = Show()


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A list as asked for, checked against the collection and the caller; `where` is bound."""

    where: Expression | None
    sort: tuple[SortKey, ...]
    limit: int
    cursor: str | None
    show: Show
    explain: bool = False
    count: str | None = None


def parse_show(
    collection: Collection, parameters: Mapping[str, str], expansions: Expansions
) -> Show:
    """The `fields` and `expand` of a request; raises BadRequest (invalid_fields, invalid_expand).

    A field that this caller never reads is refused as an unknown one.
    """
    fields, expand = parameters.get("fields"), parameters.get("expand")
    if fields is None and expand is None:
        return WHOLE
    names: tuple[str, ...] | None = None
    if fields is not None:
        known = known_fields(expansions.principal, collection, write=False)
        names = split_names("fields", fields)
        check_names("fields", names, known | set(SYSTEM_FIELDS))
    steps = () if expand is None else expansions.parse(collection, expand)
    return Show(names, steps)


def parse_list(
    collection: Collection, parameters: Mapping[str, str], expansions: Expansions
) -> ListRequest:
    """A whole list request; raises BadRequest with a code that names the parameter."""
    check_parameters(parameters, LIST_PARAMETERS)
    principal = expansions.principal
    text = parameters.get("filter")
    return ListRequest(
        where=None if text is None else parse_filter(principal, collection, text),
        sort=parse_sort(principal, collection, parameters.get("sort")),
        limit=parse_limit(parameters.get("limit")),
        cursor=parameters.get("cursor"),
        show=parse_show(collection, parameters, expansions),
        explain=_flag("explain", parameters.get("explain")),
        count=_count(parameters.get("count")),
    )


def check_parameters(parameters: Mapping[str, str], known: frozenset[str]) -> None:
    """Raise BadRequest for a parameter that does not exist: a misspelt filter lists everything."""
    for name in parameters:
        if name not in known:
            names = ", ".join(sorted(known))
            raise BadRequest(
                f"There is no parameter {name[:64]!r} here; there are {names}.",
                code="invalid_parameter",
            )


def parse_filter(principal: Principal, collection: Collection, text: str) -> Expression:
    """A caller's filter, checked and with the caller filled in; raises BadRequest.

    The message ends with the position of the fault, counted in characters from 1.
    """
    try:
        return check_filter(principal, collection, parse(text))
    except ExpressionError as exc:
        raise bad("filter", str(exc)) from exc


def parse_sort(
    principal: Principal, collection: Collection, text: str | None
) -> tuple[SortKey, ...]:
    """``author,-created`` to sort keys; empty means newest first. Raises BadRequest."""
    if text is None:
        return ()
    names = split_names("sort", text)
    keys = tuple(SortKey(name.removeprefix("-"), name.startswith("-")) for name in names)
    if len({key.field for key in keys}) < len(keys) or len(keys) > MAX_SORT_KEYS:
        raise bad("sort", f"takes up to {MAX_SORT_KEYS} different fields")
    readable = filterable_fields(principal, collection)
    check_names("sort", [key.field for key in keys], readable | set(SYSTEM_FIELDS))
    for key in keys:
        field = collection.fields.get(key.field)
        if field is not None and (field.list or not REGISTRY[field.type].scalar):
            raise bad("sort", f"{key.field} has no order")
    return keys


def parse_limit(text: str | None) -> int:
    """1 to 200, 30 when absent; raises BadRequest."""
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_LIMIT):
        raise bad("limit", f"takes a whole number from 1 to {MAX_LIMIT}")
    return int(text)


def _count(text: str | None) -> str | None:
    if text not in (None, "exact", "estimated"):
        raise bad("count", "takes exact or estimated")
    return text


def _flag(name: str, text: str | None) -> bool:
    if text not in (None, "true", "false"):
        raise bad(name, "takes true or false")
    return text == "true"
