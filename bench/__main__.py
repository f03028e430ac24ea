"""``make bench``: a gateway of its own, records, requests, figures.

make bench ARGS='--sizes 10000 --only get,list --seconds 5'
make bench ARGS='--write bench/README.md'
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from bench import imports, seeds
from bench.load import MakeRequest, load
from bench.operations import WORDS, operations
from bench.report import Measured, Report, page, text
from infra.cli.client import Client
from infra.cli.own_gateway import OwnGateway

COLLECTIONS = Path(__file__).parent / "collections"
NEW = 10_000_000  # numbers between the records of one stage and the next


def main() -> None:
    """Measure what the arguments ask for; exits with 1 when a request failed."""
    asked = _arguments()
    report = Report()
    if asked.only != ["imports"]:
        with tempfile.TemporaryDirectory(prefix="covey-bench-") as folder:
            data = asked.data or Path(folder)
            with OwnGateway(COLLECTIONS, data, *asked.gateway.split()) as gateway:
                _requests(asked, gateway, report)
    if "imports" in asked.only:
        report.imports = imports.cold()
        print("\n" + text(report.cold_imports()))
    print("\n" + "\n".join(report.sentences()))
    if asked.write:
        asked.write.write_text(page(report), encoding="utf-8")
        print(f"Written to {asked.write}.")
    sys.exit(any(one.errors for one in report.measured))


def _arguments() -> argparse.Namespace:
    def numbers(given: str) -> list[int]:
        return [int(part) for part in given.split(",")]

    every = [*WORDS, "imports"]
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=numbers, default=[10_000, 100_000], help="records")
    parser.add_argument("--connections", type=numbers, default=[1, 16, 64])
    parser.add_argument("--seconds", type=float, default=4.0, help="of each of the rounds")
    parser.add_argument("--rounds", type=int, default=3, help="the median of them counts")
    parser.add_argument("--only", type=lambda given: given.split(","), default=every)
    parser.add_argument("--gateway", default="", help="further arguments of `covey run`")
    parser.add_argument("--data", type=Path, help="a new folder to keep the records in")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="bench/README.md")
    asked = parser.parse_args()
    if unknown := set(asked.only) - set(every):
        parser.error(f"--only knows {', '.join(every)}; not {', '.join(sorted(unknown))}")
    return asked


def _requests(asked: argparse.Namespace, gateway: OwnGateway, report: Report) -> None:
    client = gateway.administrator()
    port = urlsplit(gateway.url).port or 80
    there = 0  # records so far, those included that were created while measuring
    for stage, size in enumerate(sorted(asked.sizes)):
        rate = seeds.load(client, NEW * stage, NEW * stage + size - there)
        report.rows_per_second[size - there] = rate
        print(f"{size:,} records, of which {size - there:,} imported at {rate:,.0f} rows/s")
        ids = seeds.some_ids(client, size)
        there = size
        made = operations(_token(gateway, stage), ids, NEW * stage + NEW // 2)
        for name, make in made.items():  # create is the last, as it adds to the size
            for connections in asked.connections if name in asked.only else ():
                one = _one(asked, port, name, make, size, connections)
                report.measured.append(one)
                there += one.requests if name == "create" else 0
                print(_line(one), flush=True)


def _token(gateway: OwnGateway, number: int) -> str:
    """An ordinary user's access token, fresh for each size: it holds for 15 minutes."""
    made = Client(gateway.url).call(
        "POST",
        "/auth/sign-up",
        {"email": f"bench{number}@example.test", "password": "correct horse battery"},
    )
    return str(made["access_token"])


def _one(
    asked: argparse.Namespace, port: int, name: str, make: MakeRequest, size: int, connections: int
) -> Measured:
    warm = load(port, make, connections=connections, seconds=0.5)  # workers start, code warms
    outcomes = [
        load(port, make, connections=connections, seconds=asked.seconds)
        for _ in range(asked.rounds)
    ]
    return Measured(
        name,
        size,
        connections,
        statistics.median(one.per_second for one in outcomes),
        statistics.median(one.percentile(0.5) for one in outcomes),
        statistics.median(one.percentile(0.99) for one in outcomes),
        errors=sum(one.errors for one in outcomes),
        requests=sum(one.requests for one in (warm, *outcomes)),
    )


def _line(one: Measured) -> str:
    return (
        f"  {one.operation:<8} {one.connections:>3} connections  {one.per_second:>8,.0f} /s"
        f"   p50 {one.p50:7.2f} ms   p99 {one.p99:7.2f} ms   {one.errors} errors"
    )


if __name__ == "__main__":
    main()
