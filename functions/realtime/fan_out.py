"""Table changes are told to the sockets that may know of them."""

from __future__ import annotations

from collections.abc import Sequence

from covey.records.model import Change
from covey.triggers.changes import changes_handler
from covey.wiring import services


def tell(changes: Sequence[Change]) -> None:
    """Tell the subscribers."""
    with services().gauges.around("realtime", changes):
        services().fan_out.tell(changes)


handler = changes_handler(lambda image: services().change_of(image), tell)
