"""What DynamoDB answers when it does not do as asked, by the code in the answer.

ServiceFault
├── ConditionFailed         ConditionalCheckFailedException; `item` is what stood there
├── TransactionCancelled    TransactionCanceledException; `reasons`, one per item
├── TableMissing            ResourceNotFoundException
├── RequestRefused          ValidationException and the like: ours to mend
├── Throttled               over a throughput; worth another try
├── Contended               another transaction holds an item; worth another try
└── ServiceDown             5xx, no answer, a broken connection
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one item of a transaction stopped it, "None" when it did not."""

    code: str
    item: dict[str, Any] | None = None
    message: str = ""


class ServiceFault(Exception):
    """A failed call. `uncertain` says that an earlier try of it may have been carried out."""

    def __init__(
        self,
        code: str,
        message: str = "",
        *,
        item: dict[str, Any] | None = None,
        reasons: Sequence[Reason] = (),
    ) -> None:
        self.code = code
        self.item = item
        self.reasons = tuple(reasons)
        self.uncertain = False
        super().__init__(f"{code}: {message}" if message else code)


class ConditionFailed(ServiceFault):
    """A condition did not hold."""


class TransactionCancelled(ServiceFault):
    """Nothing of a transaction was done."""


class TableMissing(ServiceFault):
    """No such table."""


class RequestRefused(ServiceFault):
    """The request itself is at fault."""


class Throttled(ServiceFault):
    """Over a limit of throughput."""


class Contended(ServiceFault):
    """Another transaction was at work on the same item."""


class ServiceDown(ServiceFault):
    """The service failed or could not be reached."""


_CLASSES: dict[str, type[ServiceFault]] = {
    "ConditionalCheckFailedException": ConditionFailed,
    "ResourceNotFoundException": TableMissing,
    "ProvisionedThroughputExceededException": Throttled,
    "ThrottlingException": Throttled,
    "Throttling": Throttled,
    "RequestLimitExceeded": Throttled,
    "LimitExceededException": Throttled,
    "TransactionConflictException": Contended,
    "TransactionInProgressException": Contended,
    "InternalServerError": ServiceDown,
    "InternalFailure": ServiceDown,
    "ServiceUnavailable": ServiceDown,
    "ServiceUnavailableException": ServiceDown,
}
_PASSING = {
    "TransactionConflict": Contended,
    "ThrottlingError": Throttled,
    "ProvisionedThroughputExceeded": Throttled,
}


def fault_of(status: int, answer: Mapping[str, Any]) -> ServiceFault:
    """The fault that an error answer states.

    `answer` is the JSON body: ``__type`` with the code after ``#``, ``message`` or
    ``Message``, ``Item``, ``CancellationReasons``.
    """
    code = str(answer.get("__type", "")).rpartition("#")[2] or f"HTTP {status}"
    message = str(answer.get("message") or answer.get("Message") or "")
    if code == "TransactionCanceledException":
        return _cancelled(code, message, answer.get("CancellationReasons") or ())
    kind = _CLASSES.get(code) or (ServiceDown if status >= 500 else RequestRefused)
    return kind(code, message, item=answer.get("Item"))


def _cancelled(code: str, message: str, stated: Sequence[Mapping[str, Any]]) -> ServiceFault:
    """A cancelled transaction; one that only others' work stopped is Contended or Throttled."""
    reasons = [
        Reason(str(one.get("Code", "None")), one.get("Item"), str(one.get("Message") or ""))
        for one in stated
    ]
    kinds = {_PASSING.get(reason.code) for reason in reasons if reason.code != "None"}
    if kinds and None not in kinds:
        passing = Throttled if Throttled in kinds else Contended
        return passing(code, message, reasons=reasons)
    return TransactionCancelled(code, message, reasons=reasons)
