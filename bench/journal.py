"""What keeping the last invocations costs requests: one gateway with, one without, by turns.

The processor time of the front, where the keeping is done, tells it also on a busy machine.

``python -m bench.journal --rounds 5 --seconds 5``
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from bench.load import load, request
from infra.cli.own_gateway import OwnGateway

ROOT = Path(__file__).resolve().parents[1]
PATHS = ("/.well-known/jwks.json", "/records/items?limit=1")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=16)
    given = parser.parse_args()
    collections = ROOT / "bench" / "collections"
    with (
        tempfile.TemporaryDirectory() as one,
        tempfile.TemporaryDirectory() as other,
        OwnGateway(collections, Path(one)) as kept,
        OwnGateway(collections, Path(other), "--no-journal") as bare,
    ):
        for path in PATHS:
            rates: dict[str, list[float]] = {"with": [], "without": []}
            spent: dict[str, list[float]] = {"with": [], "without": []}
            for turn in range(2 * given.rounds + 2):
                name = ("with", "without")[(turn + turn // 2) % 2]  # ABBA: a slow minute hits both
                gateway = kept if name == "with" else bare
                port = urlsplit(gateway.url).port
                assert port is not None
                sent = request("GET", path)
                before = _cpu_ms(gateway.pid)
                done = load(
                    port,
                    lambda _number, sent=sent: sent,
                    connections=given.connections,
                    seconds=given.seconds,
                )
                if turn >= 2:  # the first of each warms up
                    rates[name].append(done.per_second)
                    spent[name].append((_cpu_ms(gateway.pid) - before) / done.requests)
            for name in ("with", "without"):
                rate, cpu = statistics.median(rates[name]), statistics.median(spent[name])
                print(f"{path:<28} {name:<8} {rate:6.0f} /s   front {cpu:.3f} ms CPU a request")
        size = sum(one.stat().st_size for one in (Path(one) / "events").iterdir())
        print(f"kept on disk: {size / 1e6:.1f} MB")


def _cpu_ms(pid: int) -> float:
    """What a process and its threads have computed, in milliseconds; Linux."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
