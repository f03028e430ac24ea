"""All or nothing, with a word for each part that can stop it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from covey.errors import Conflict, Unavailable
from covey.store.faults import Reason, TransactionCancelled
from covey.store.transport import Transport

MAX_ITEMS = 100
MAX_BYTES = 4 * 1024 * 1024
_FAILED = "ConditionalCheckFailed"


class Part(NamedTuple):
    """One TransactItem and what to raise when its condition fails; None drops the part."""

    item: dict[str, Any]
    refused: Callable[[Reason], Exception] | None


def transact(
    transport: Transport, parts: Sequence[Part], also: Sequence[dict[str, Any]] = ()
) -> None:
    """Write the parts and `also`; raises the error of the first part that was refused.

    A condition that fails in `also` is Conflict ``conflict``.
    """
    every = [*parts, *(Part(item, _also) for item in also)]
    for _ in range(2):
        if len(every) > MAX_ITEMS:
            raise ValueError(f"a transaction takes {MAX_ITEMS} items")
        try:
            transport.call("TransactWriteItems", {"TransactItems": [part.item for part in every]})
            return
        except TransactionCancelled as fault:
            every = _without_droppable(every, fault)
    raise Unavailable("The data kept changing; try again.")


def _without_droppable(every: list[Part], fault: TransactionCancelled) -> list[Part]:
    """The parts to try again with; raises what the first refused part says."""
    left: list[Part] = []
    for part, reason in zip(every, fault.reasons, strict=True):
        if reason.code != _FAILED:
            left.append(part)
        elif part.refused is not None:
            # DynamoDB knows a repeated send by its token. An engine that was started anew does
            # not, and what stands in the way may be our own.
            raise (untold() if fault.uncertain else part.refused(reason)) from fault
    if len(left) == len(every):
        raise fault
    return left


def untold() -> Unavailable:
    """For a write of which nobody can tell whether it was done: it must not be tried again."""
    return Unavailable("The connection broke; the write may have been done. Look before repeating.")


def _also(reason: Reason) -> Exception:
    return Conflict("The data has changed meanwhile.")
