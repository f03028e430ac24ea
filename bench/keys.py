"""What API keys, the limit on requests and the list of passwords cost.

    PYTHONPATH=layers/core/python:. python bench/keys.py

Starts a data engine in memory; the median of 500 calls each, beside an access token.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

from covey.identity import passwords
from covey.identity.api_key import ApiKey, mint
from covey.identity.pace import Pace
from covey.identity.ports import Account
from covey.identity.scopes import asked
from covey.insight import meter
from covey.records.ids import created_of
from covey.records.model import Record
from covey.records.time import now_ms
from covey.store.models.base import write_together
from covey.store.models.throttle import DynamoAttemptStore
from covey.wiring import services

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 500


def measure(name: str, call: Callable[[], object]) -> None:
    """Print the median, and what one call was charged."""
    call()
    spent = meter.reset()
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    median = statistics.median(times) * 1e3
    rru, wru = spent.rru / ROUNDS, spent.wru / ROUNDS
    print(f"{name:34}{median:8.3f} ms {rru:6.2f} RRU {wru:6.3f} WRU")


def made(user: str) -> str:
    """A key of this user, or with "" of the service."""
    name, token, secret = mint(user)
    now = int(time.time())
    scopes = asked({"*": ["read"]}, [])
    key = ApiKey(name, "bench", secret, scopes, now, "root", used=now)
    services().api_key_store.add(key, None)
    return token


def _half(limit: int) -> Callable[[int], float]:
    """The time of the request of a number, where half of `limit` come each minute."""
    return lambda number: number * 120 / limit


def measurements() -> None:
    """Callers by tokens and keys, requests counted, passwords looked up."""
    users, now = services().catalog.get("users"), now_ms()
    id = services().record_store.new_id(users)
    record = Record(id, created_of(id), now, 1, {"email": "ann@example.test", "verified": True})
    services().record_store.create(users, record)
    account = Account(id, "", now // 1000)
    write_together([services().account_store.creation(account)])
    session, _ = services().sessions.open(account)
    token = services().tokens.issue(id, session.id, ())
    measure("caller by an access token", partial(services().principal, f"Bearer {token}"))
    for name, user in (("a user's key", id), ("a key of the service", "")):
        measure(f"caller by {name}", partial(services().principal, f"Bearer {made(user)}"))
    for limit in (100, 600, 6_000):
        # At half the limit.
        pace = Pace(DynamoAttemptStore(), limit=limit, clock=map(_half(limit), count()).__next__)
        measure(f"a request counted, limit {limit}", partial(pace.spend, f"ann {limit}"))
    started = time.perf_counter()
    passwords.check("correct horse battery")
    print(f"{'list of passwords, first use':34}{(time.perf_counter() - started) * 1e3:8.3f} ms")


def main() -> None:
    from covey.store.tables import create_table
    from covey.store.transport import transport
    from infra.gateway import engine, engine_binary

    port = engine.free_port()
    program = engine_binary.binary(ROOT / ".tools", print)
    os.environ |= {
        "AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{port}",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
    }
    with subprocess.Popen(
        engine.command(program, port, None), stdout=subprocess.DEVNULL
    ) as running:
        try:
            create_table(transport(), "covey-records", ROOT / "template.yaml")
            measurements()
        finally:
            running.kill()


if __name__ == "__main__":
    main()
