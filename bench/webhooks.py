"""10,000 changes to a receiver that fails 30 % of the time, beside a good and a stalling one.

    python -m bench.webhooks --changes 10000 --write

The consumer, the worker, the tick and the outbound client are the real ones, over a real data
engine. The receivers are servers on loopback: one fails at random, in every way that it knows, one
stalls for two hours and then is well, and one is well throughout. Time is simulated, so that
retries over three days take a moment, and nothing sleeps but the receivers.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from standardwebhooks import Webhook

from bench.engine import table
from bench.report import markdown, text
from covey.collections.model import Collection, Field
from covey.config import settings
from covey.outbound.addresses import Reach
from covey.outbound.client import Client
from covey.store.deliveries import DynamoDeliveryStore
from covey.store.models.webhook import DynamoEndpointStore
from covey.store.transport import transport
from covey.store.turns import DynamoTurns
from covey.testing.receiver import Behaviour, Received, Receiver, Write, answering
from covey.testing.simulated import MINUTE, START, Deployment, written
from covey.webhooks.model import Delivery, Endpoint, Status
from covey.webhooks.retrying import DELAYS, HOUR, JITTER

PAGE = Path(__file__).parent / "webhooks.md"
POSTS = Collection("posts", {"number": Field("number", "integer", "1")})
BATCH = 100
GIVE_UP_S = 0.3  # on a receiver that stalls; 15 in earnest
SHARE = 0.3
STALLS_H = 2
TWICE = 10  # of so many batches the stream tells one twice
TICK = 15 * MINUTE  # one in earnest: most find nothing, and cost this machine time


def _cut(_: Received, write: Write) -> None:
    write(b"HTTP/1.1 500 No\r\nContent-Length: 900\r\n\r\nhalf of")


def _nonsense(_: Received, write: Write) -> None:
    write(b"\x00\x01\x02\r\n\r\n")


def _silence(_: Received, __: Write) -> None:
    return


FAILURES: tuple[Behaviour, ...] = (
    answering(500),
    answering(503, b"later"),
    answering(404),
    answering(302, Location="http://169.254.169.254/latest/meta-data/"),
    _cut,
    _nonsense,
    _silence,
)


@dataclass
class Failing:
    """Answers well but for a share of the requests, by a seed."""

    share: float
    well: Behaviour = field(default_factory=lambda: answering(204))
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    taken: list[Received] = field(default_factory=list)

    def __call__(self, request: Received, write: Write) -> None:
        """Fail or take it."""
        if self.chance.random() < self.share:
            self.chance.choice(FAILURES)(request, write)
            return
        self.well(request, write)
        self.taken.append(request)


@dataclass
class Outcome:
    """What one endpoint came to."""

    name: str
    deliveries: list[Delivery]
    requests: int
    unsigned: int
    out_of_order: int
    lost: int
    early: int
    first_s: float

    @property
    def statuses(self) -> Counter[Status]:
        """How many are of each."""
        return Counter(one.status for one in self.deliveries)

    def row(self) -> tuple[str, ...]:
        """A row of the table."""
        most = max((one.made for one in self.deliveries), default=0)
        return (
            self.name,
            f"{self.statuses[Status.DELIVERED]:,}",
            f"{self.statuses[Status.FAILED]:,}",
            f"{self.statuses[Status.PENDING]:,}",
            f"{self.requests:,}",
            str(most),
            str(self.unsigned),
            str(self.out_of_order),
            str(self.early),
            f"{self.first_s:.1f}",
        )


HEADINGS = (
    *("endpoint", "delivered", "failed", "pending", "requests", "most attempts"),
    *("bad signatures", "first attempts out of order", "retries too early", "first pass, s"),
)


@dataclass
class Result:
    """A run: the outcomes, and how long it took in earnest."""

    changes: int
    outcomes: list[Outcome]
    seconds: float
    simulated_h: float

    def find(self, name: str) -> Outcome:
        """One endpoint's."""
        return next(one for one in self.outcomes if one.name == name)


def measure(
    changes: int,
    *,
    records: int = 500,
    hours: float = 80.0,
    stalls_h: float = STALLS_H,
    give_up_s: float = GIVE_UP_S,
) -> Result:
    """Run it, over the table of this process: `changes` in batches, then `hours`."""
    stores = (transport(), settings().table_name)
    client = Client(Reach.LOOPBACK, total_s=give_up_s, connect_s=give_up_s)
    world = Deployment(
        DynamoEndpointStore(),
        DynamoDeliveryStore(*stores),
        DynamoTurns(*stores),
        client,
        chance=random.Random(11).random,
    )
    flaky, well = Failing(SHARE), Failing(0.0)
    began = time.perf_counter()
    with Receiver(flaky) as bad, Receiver(well) as good, Receiver() as stalling:
        stalling.answer = lambda *_: stalling.gone.wait(5)
        servers = {"failing 30 %": bad, "well": good, "stalling": stalling}
        made = {}
        for number, (name, receiver) in enumerate(servers.items()):
            made[name] = world.endpoint(f"e{number}", receiver.url)
        firsts = _write(world, changes, records, made)
        world.until(START + int(stalls_h * HOUR))
        stalling.answer = well
        world.until(START + int(hours * HOUR))
        taken = {"failing 30 %": flaky.taken, "well": well.taken, "stalling": well.taken}
        outcomes = [
            _outcome(world, name, *made[name], receiver.received, taken[name], firsts[name])
            for name, receiver in servers.items()
        ]
    return Result(changes, outcomes, time.perf_counter() - began, hours)


def _write(
    world: Deployment, changes: int, records: int, made: dict[str, tuple[Endpoint, str]]
) -> dict[str, float]:
    """All changes, some batches twice, as a stream may tell them; how long each endpoint's first
    attempts took, its worker alone.
    """
    sequence = 0
    versions: Counter[str] = Counter()
    for _ in range(0, changes, BATCH):
        batch = []
        for _ in range(min(BATCH, changes - sequence)):
            sequence += 1
            record = f"r{sequence * 7919 % records}"
            versions[record] += 1
            batch.append(written(record, versions[record], sequence, world.clock.ms))
        world.change(POSTS, batch)
        if sequence % (TWICE * BATCH) == BATCH:
            world.change(POSTS, batch)
        world.clock.ms += 10
    world.queue.take()
    taken = {}
    for name in ("stalling", "failing 30 %", "well"):
        began = time.perf_counter()
        world.attempts += world.courier.run(made[name][0].id, lambda: True)
        taken[name] = time.perf_counter() - began
    return taken


def _outcome(
    world: Deployment,
    name: str,
    endpoint: Endpoint,
    secret: str,
    received: Sequence[Received],
    taken: Sequence[Received],
    first_s: float,
) -> Outcome:
    deliveries: list[Delivery] = []
    while page := world.deliveries.oldest(
        endpoint.id, deliveries[-1].id if deliveries else "", "~", 500
    ):
        deliveries += page
    accepted = {one.headers["webhook-id"] for one in taken}
    delivered = {f"msg_{one.id}" for one in deliveries if one.status is Status.DELIVERED}
    return Outcome(
        name=name,
        deliveries=deliveries,
        requests=len(received),
        unsigned=sum(not _is_signed(one, secret) for one in received),
        out_of_order=_out_of_order(deliveries, received),
        lost=len(delivered - accepted),
        early=sum(_early(one) for one in deliveries),
        first_s=first_s,
    )


def _is_signed(request: Received, secret: str) -> bool:
    """Whether the reference library signs the same (its `verify` would look at today's clock)."""
    moment = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
    signed = Webhook(secret).sign(request.headers["webhook-id"], moment, request.body.decode())
    return request.headers["webhook-signature"] == signed


def _out_of_order(deliveries: Sequence[Delivery], received: Sequence[Received]) -> int:
    """Changes of a record that were first sent before an earlier one was."""
    first: dict[str, int] = {}
    for place, request in enumerate(received):
        first.setdefault(request.headers["webhook-id"], place)
    newest: dict[str, int] = {}
    wrong = 0
    for one in sorted(deliveries, key=lambda one: int(one.sequence)):
        place = first.get(f"msg_{one.id}")
        if place is not None:
            wrong += place < newest.get(one.record, 0)
            newest[one.record] = max(place, newest.get(one.record, 0))
    return wrong


def _early(delivery: Delivery) -> int:
    """Retries that came before their time, less the jitter."""
    if delivery.made != len(delivery.attempts):
        return 0
    pairs = zip(delivery.attempts, delivery.attempts[1:], strict=False)
    gaps = [later.at - sooner.at for sooner, later in pairs]
    return sum(gap < int(wanted * (1 - JITTER)) for gap, wanted in zip(gaps, DELAYS, strict=False))


def main() -> None:
    """Measure what the arguments ask for; exits with 1 where something is not as documented."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--changes", type=int, default=10_000)
    asked.add_argument("--write", action="store_true", help=f"to {PAGE.name}")
    options = asked.parse_args()
    with table():
        result = measure(options.changes)
    rows = [HEADINGS, *(one.row() for one in result.outcomes)]
    print(text(rows))
    said = (
        f"{result.changes:,} changes of 500 records, one batch in ten told twice, three endpoints, "
        f"{result.simulated_h:.0f} simulated hours in {result.seconds:.0f} s."
    )
    print("\n" + said)
    if options.write:
        PAGE.write_text(_page(options.changes, said, markdown(rows)))
    flaky = result.find("failing 30 %")
    sound = all(
        not (one.unsigned or one.out_of_order or one.early or one.lost) for one in result.outcomes
    )
    all_there = len(flaky.deliveries) == len(result.find("well").deliveries) == result.changes
    delivered = all(one.statuses[Status.DELIVERED] == result.changes for one in result.outcomes)
    raise SystemExit(0 if sound and all_there and delivered else 1)


def _page(changes: int, said: str, shown: str) -> str:
    return f"""# Webhooks, to receivers that fail

`python -m bench.webhooks --changes {changes} --write`, of {datetime.now(UTC):%Y-%m-%d}.

{said} The receiver that fails does so by 500, 503, 404, redirects to a metadata address, halves of
answers, nonsense and silence. Every request is compared with what the library `standardwebhooks`
signs. The first pass is how long the first attempts took, one worker after the other, on this
machine.

{shown}
"""


if __name__ == "__main__":
    main()
