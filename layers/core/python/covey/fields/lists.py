"""Lists of scalars: `list: true` on any scalar type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from covey.fields import option
from covey.fields.bounds import check_order
from covey.fields.fault import FieldFault, wrong_type

if TYPE_CHECKING:
    from covey.collections.model import Field

MAX_ITEMS = 1_000

OPTIONS: Mapping[str, option.Option] = {
    "min_items": option.whole("The fewest items.", 0, MAX_ITEMS),
    "max_items": option.whole("The most items; 1,000 unless given.", 0, MAX_ITEMS),
    "unique_items": option.flag("Whether each item may be there only once."),
}


def validate_list(value: Any, field: Field, item: Callable[[Any, Field], Any]) -> list[Any]:
    """The canonical items, or FieldFault with the index of the first faulty one."""
    if not isinstance(value, list | tuple):
        raise wrong_type("a list")
    low, high = field.options.get("min_items", 0), field.options.get("max_items", MAX_ITEMS)
    if len(value) > high:
        raise FieldFault("too_many_items", f"must have at most {high} items")
    if len(value) < low:
        raise FieldFault("too_few_items", f"must have at least {low} items")
    items = [_item(part, index, field, item) for index, part in enumerate(value)]
    if field.options.get("unique_items"):
        _check_unique(items)
    return items


def _item(value: Any, index: int, field: Field, item: Callable[[Any, Field], Any]) -> Any:
    if value is None:
        raise FieldFault("required", "must not be null", (index,))
    try:
        return item(value, field)
    except FieldFault as fault:
        raise fault.within(index) from None


def _check_unique(items: list[Any]) -> None:
    seen = set()
    for index, item in enumerate(items):
        if item in seen:
            raise FieldFault("duplicate_item", "must not be there twice", (index,))
        seen.add(item)


def check_list_options(options: Mapping[str, Any]) -> None:
    """Raise OptionFault where the least number of items is above the most."""
    check_order(options, "min_items", "max_items")


def list_schema(items: dict[str, Any], field: Field) -> dict[str, Any]:
    """The JSON Schema of the list, given that of an item."""
    schema: dict[str, Any] = {
        "type": "array",
        "items": items,
        "maxItems": field.options.get("max_items", MAX_ITEMS),
    }
    if "min_items" in field.options:
        schema["minItems"] = field.options["min_items"]
    if field.options.get("unique_items"):
        schema["uniqueItems"] = True
    return schema
