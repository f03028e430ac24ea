"""What signing in costs, and whether its time tells which e-mails are known.

    PYTHONPATH=layers/core/python:. python bench/sign_in.py [rounds]

Starts a data engine in memory. Known and unknown e-mails are tried alternately with wrong
passwords, so that a busy machine slows both; the ratio of their medians should be near 1.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
import timeit
from collections.abc import Callable
from pathlib import Path

from covey.errors import Unauthenticated
from covey.identity import passwords
from covey.identity.throttle import Throttle
from covey.testing.identity import MemoryAttemptStore

ROOT = Path(__file__).resolve().parents[1]
KNOWN, UNKNOWN, PASSWORD = "ann@example.test", "nobody@example.test", "correct horse battery"


class Unlimited(MemoryAttemptStore):
    """Lets every attempt pass: the limits would end the measurement."""

    def take(self, key: str, limit: int, expires: int) -> bool:
        return True


def microseconds(call: Callable[[], object]) -> float:
    """The best of five runs of a fifth of a second."""
    timer = timeit.Timer(call)
    number = max(1, int(timer.autorange()[0] / 2))
    return min(timer.repeat(5, number)) / number * 1e6


def password_costs() -> None:
    kept = passwords.digest(PASSWORD)
    print(f"password hash            {microseconds(lambda: passwords.digest(PASSWORD)):10.1f} µs")
    print(f"verify, right            {passes(kept, PASSWORD):10.1f} µs")
    print(f"verify, wrong            {passes(kept, 'wrong password'):10.1f} µs")
    print(f"verify, unknown e-mail   {passes(None, PASSWORD):10.1f} µs")


def passes(kept: str | None, password: str) -> float:
    return microseconds(lambda: passwords.verify(kept, password))


def token_costs() -> None:
    from covey.wiring import services

    tokens = services().tokens
    token = tokens.issue("06h09hjom1f2g2vkt1h1", "5cEkaiO0bj7RktGtLE_9_g", ("editor",))
    issue = microseconds(lambda: tokens.issue("06h09hjom1f2g2vkt1h1", "sid", ()))
    print(f"token issue              {issue:10.1f} µs")
    print(f"token verify, cold       {microseconds(lambda: tokens._verify(token)):10.1f} µs")
    print(f"token verify, remembered {microseconds(lambda: tokens.verify(token)):10.1f} µs")


def sign_in_times(rounds: int) -> None:
    from covey.wiring import services

    accounts = services().accounts
    accounts.sign_up({"email": KNOWN}, PASSWORD)
    accounts._limits = Throttle(Unlimited())
    spent: dict[str, list[float]] = {KNOWN: [], UNKNOWN: []}
    for _ in range(rounds):
        for email, times in spent.items():
            started = time.perf_counter()
            try:
                accounts.sign_in(email, "wrong password")
            except Unauthenticated:
                times.append((time.perf_counter() - started) * 1e3)
    known, unknown = (statistics.median(times) for times in spent.values())
    print(f"sign-in, known e-mail    {known:10.2f} ms, median of {rounds}")
    print(f"sign-in, unknown e-mail  {unknown:10.2f} ms")
    print(f"ratio                    {known / unknown:10.3f}")


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
            password_costs()
            token_costs()
            sign_in_times(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
        finally:
            running.kill()


if __name__ == "__main__":
    main()
