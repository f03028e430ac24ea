"""Faults of the service as the domain's errors, for every call of the repositories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.errors import Conflict, TooLarge, Unavailable
from covey.store.faults import (
    Contended,
    RequestRefused,
    ServiceDown,
    ServiceFault,
    Throttled,
    TransactionCancelled,
)
from covey.store.transport import Transport


class DomainTransport:
    """A transport that raises domain errors, except where a condition did not hold.

    Conditions are the repositories' own words: they alone know what one meant.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """As `Transport.call`; raises Unavailable, Conflict ``conflict`` or TooLarge instead."""
        try:
            return self._transport.call(operation, request)
        except (Throttled, ServiceDown) as error:
            raise Unavailable("The database is busy; try again.") from error
        except Contended as error:
            raise Conflict("Others are changing the same data; try again.") from error
        except (RequestRefused, TransactionCancelled) as error:
            if _too_large(error):
                raise TooLarge("A record holds at most 400 KB.", code="record_too_large") from error
            raise


def _too_large(fault: ServiceFault) -> bool:
    texts = [str(fault), *(reason.message for reason in fault.reasons)]
    return any("Item size" in text for text in texts)
