"""What sockets and channels cost, as docs/guide/channels.md says, by what the engine reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from covey.insight import meter
from covey.realtime.model import Connection, Identity
from covey.wiring import services
from tests.functions.realtime.test_channels import House

FAR = 4_000_000_000


@pytest.fixture
def house(api: Any) -> Iterator[House]:
    made = House(api)
    for user in ("ann", "ben"):
        made.open(user)
    made.say("ann", "ping")
    services().channels.get("rooms")
    yield made


def units(work: Callable[[], Any]) -> tuple[float, float]:
    spent = meter.reset()
    work()
    return spent.rru, spent.wru


def test_what_each_costs(house: House) -> None:
    """A rule of this channel reads one record; each rule of one caller reads it once."""
    parts = services()
    frame = (1, 1)
    joining = (2 + 1 + 1, 7)  # who it is, the rule's record, who is there
    event = (1, 0)  # the members
    member = (2 + 1, 0)  # who it is, the rule's record
    data = {"text": "x"}
    costs = {
        "open": (units(lambda: parts.connections.open(Connection("c", Identity(), FAR))), (0, 2)),
        "frame": (units(lambda: house.say("ann", "ping")), frame),
        "join": (units(lambda: house.say("ann", "join")), add(frame, joining, event)),
        "join of another": (
            units(lambda: house.say("ben", "join")),
            add(frame, joining, event, member),
        ),
        "publish": (
            units(lambda: house.say("ann", "publish", data=data)),
            add(frame, member, event, member),
        ),
        "presence": (units(lambda: house.say("ann", "presence")), add(frame, member, event)),
        "leave": (units(lambda: house.say("ben", "leave")), add(frame, (0, 2), event, member)),
        "close": (units(lambda: parts.rooms.depart("c")), (2, 4)),
    }
    assert {name: told for name, (told, _) in costs.items()} == {
        name: said for name, (_, said) in costs.items()
    }


def add(*costs: tuple[float, float]) -> tuple[float, float]:
    return sum(one for one, _ in costs), sum(one for _, one in costs)
