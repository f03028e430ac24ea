"""Groups in the making: records and totals folded to what is asked for, sorted and shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from covey.aggregates.request import Asked, Order
from covey.aggregates.shares import Number, Scalar
from covey.errors import Invalid
from covey.records.model import Record

MAX_DIGITS = 38
# Sums of numbers between 1e-130 and 1e126 with 38 digits each are exact in this.
EXACT = Context(prec=400, Emin=-999, Emax=999)
_AVERAGE = Context(prec=MAX_DIGITS, rounding=ROUND_HALF_EVEN, Emin=-999, Emax=999)

Extreme = Callable[[str, bool], Scalar]  # of a field, the greatest or the least


@dataclass(slots=True)
class Group:
    """One group: `count` records, of fields the sums, the numbers of values, the extremes."""

    values: tuple[Scalar, ...]
    count: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)
    present: dict[str, int] = field(default_factory=dict)
    least: dict[str, Scalar] = field(default_factory=dict)
    greatest: dict[str, Scalar] = field(default_factory=dict)

    def add(self, name: str, total: Number, present: int) -> None:
        """Count values of a field that come to a total."""
        self.sums[name] = EXACT.add(self.sums.get(name, Decimal(0)), Decimal(total))
        self.present[name] = self.present.get(name, 0) + present

    def see(self, name: str, least: Scalar, greatest: Scalar) -> None:
        """Take note of the ends of a field's values."""
        if least is not None:
            known = self.least.get(name)
            self.least[name] = least if known is None else min(known, least, key=rank)
        if greatest is not None:
            known = self.greatest.get(name)
            self.greatest[name] = greatest if known is None else max(known, greatest, key=rank)


Groups = dict[tuple[Any, ...], Group]


def group_of(groups: Groups, values: tuple[Scalar, ...]) -> Group:
    """The group of these values, made where it is new; true is not 1."""
    key = tuple(map(rank, values))
    if key not in groups:
        groups[key] = Group(values)
    return groups[key]


def count_record(groups: Groups, asked: Asked, record: Record) -> None:
    """Count a record in."""
    group = group_of(groups, tuple(record.values.get(name) for name in asked.group))
    group.count += 1
    for name in asked.numbers:
        value = record.values.get(name)
        if value is not None:
            group.add(name, value, 1)
    for name in asked.extremes:
        value = record.values.get(name)
        group.see(name, value, value)


def rank(value: Scalar) -> tuple[int, Any]:
    """A key that orders all values: null, bools, numbers, text by code points."""
    if value is None:
        return 0, 0
    if isinstance(value, bool):
        return 1, value
    if isinstance(value, str):
        return 3, value
    return 2, value


def ordered(groups: Iterable[Group], asked: Asked) -> list[Group]:
    """The groups as asked for, those that are equal in the order of their values."""
    found = sorted(groups, key=lambda group: tuple(map(rank, group.values)))
    for order in reversed(asked.sort):
        found.sort(key=lambda group: rank(_value(group, asked, order)), reverse=order.descending)
    return found


def _value(group: Group, asked: Asked, order: Order) -> Scalar:
    match order.operation:
        case "group":
            return group.values[asked.group.index(order.field)]
        case "count":
            return group.count
        case "sum":
            return group.sums.get(order.field, Decimal(0))
        case "avg":
            return average(group, order.field)
        case "min":
            return group.least.get(order.field)
    return group.greatest.get(order.field)


def average(group: Group, name: str) -> Number | None:
    """The average of the values that there are, to 38 digits; None without any."""
    present = group.present.get(name, 0)
    if not present:
        return None
    return plain(_AVERAGE.divide(group.sums[name], Decimal(present)))


def shown(group: Group, asked: Asked) -> dict[str, Any]:
    """A group as it is answered; raises Invalid ``total_out_of_range``."""
    document: dict[str, Any] = {"group": dict(zip(asked.group, group.values, strict=True))}
    if asked.count:
        document["count"] = group.count
    if asked.sum:
        document["sum"] = {name: _total(group, name) for name in asked.sum}
    if asked.avg:
        document["avg"] = {name: average(group, name) for name in asked.avg}
    if asked.min:
        document["min"] = {name: group.least.get(name) for name in asked.min}
    if asked.max:
        document["max"] = {name: group.greatest.get(name) for name in asked.max}
    return document


def _total(group: Group, name: str) -> Number:
    total = group.sums.get(name, Decimal(0))
    digits = "".join(map(str, total.as_tuple().digits)).strip("0")
    if len(digits) > MAX_DIGITS or (total and not -130 <= total.adjusted() <= 125):
        raise Invalid(
            f"The sum of {name} takes more than the {MAX_DIGITS} digits of a number, or is out of "
            "its range; ask for smaller groups.",
            code="total_out_of_range",
        )
    return plain(total)


def plain(number: Decimal) -> Number:
    """An int where it is whole, else a Decimal without zeros at its end."""
    sign, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("not a finite number")
    text = "".join(map(str, digits))
    cut = text.rstrip("0")
    if not cut:
        return 0
    exponent += len(text) - len(cut)
    if exponent >= 0:
        return int(number)
    return Decimal((sign, tuple(map(int, cut.lstrip("0"))), exponent))


def values_by_name(names: Iterable[str], values: Iterable[Scalar]) -> Mapping[str, Scalar]:
    """A group's values as a record would have them."""
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}
