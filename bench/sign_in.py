"""What signing in costs, and whether its time tells which e-mails are known.

    PYTHONPATH=layers/core/python:. python bench/sign_in.py [rounds]

Starts a data engine in memory. E-mails that are unknown, known, without a password and of a
disabled user are tried in turns, with wrong passwords and for letters; exits with 1 where the
ratio of two medians tells them apart. Limits are off, and orders for letters stay in a queue.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
import timeit
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from covey.errors import Unauthenticated
from covey.identity import passwords
from covey.identity.flows import CODE, MAGIC
from covey.identity.ports import Account
from covey.identity.principal import Kind, Principal
from covey.identity.throttle import Throttle
from covey.insight import meter
from covey.mail.post import Post
from covey.records.model import Record
from covey.records.time import now_ms
from covey.store.models.base import write_together
from covey.testing.identity import MemoryAttemptStore
from covey.testing.queues import MemoryJobQueue
from covey.wiring import services

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "correct horse battery"
KINDS = ("unknown", "known", "passwordless", "disabled")
LEAST, MOST = 0.8, 1.25  # of the ratio of medians
Attempt = Callable[[str], object]


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
    made = services()
    tokens = made.tokens
    token = tokens.issue("06h09hjom1f2g2vkt1h1", "5cEkaiO0bj7RktGtLE_9_g", ("editor",))
    issue = microseconds(lambda: tokens.issue("06h09hjom1f2g2vkt1h1", "sid", ()))
    print(f"token issue              {issue:10.1f} µs")
    print(f"token verify, cold       {microseconds(lambda: tokens._verify(token)):10.1f} µs")
    print(f"token verify, remembered {microseconds(lambda: tokens.verify(token)):10.1f} µs")
    signed_up = made.accounts.sign_up({"email": "ann@example.test"}, PASSWORD)
    assert signed_up is not None
    claims = tokens.verify(signed_up.access_token)
    spent = meter.reset()
    made.presence.of(claims)
    units = spent.rru
    cost = microseconds(lambda: made.presence.of(claims))
    print(f"who calls, as of now     {cost:10.1f} µs, a call of {units:g} read units")


def population() -> dict[str, str]:
    """An e-mail of each kind of account."""
    made = services()
    emails = {kind: f"{kind}@example.test" for kind in KINDS}
    made.accounts.sign_up({"email": emails["known"]}, PASSWORD)
    disabled = made.accounts.sign_up({"email": emails["disabled"]}, PASSWORD)
    assert disabled is not None
    made.administration.disable(Principal(Kind.ADMINISTRATOR, "root"), disabled.user["id"])
    users, now = made.catalog.get("users"), now_ms()
    bare = Record(made.record_store.new_id(users), now, now, 1, {"email": emails["passwordless"]})
    made.record_store.create(users, bare)
    write_together([made.account_store.creation(Account(bare.id, "", now // 1000))])
    return emails


def compare(what: str, rounds: int, emails: dict[str, str], attempt: Attempt) -> bool:
    """Try each kind of account in turns, so that a busy machine slows all; whether they are alike.

    Prints the medians, and their ratio to that of an unknown e-mail.
    """
    spent: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for number in range(rounds):
        first = number % len(KINDS)  # who comes after whom must not matter
        for kind in KINDS[first:] + KINDS[:first]:
            started = time.perf_counter()
            with suppress(Unauthenticated):
                attempt(emails[kind])
            spent[kind].append((time.perf_counter() - started) * 1e3)
    medians = {kind: statistics.median(times) for kind, times in spent.items()}
    ratios = {kind: median / medians["unknown"] for kind, median in medians.items()}
    for kind in KINDS:
        print(f"{what:<16}{kind:<14}{medians[kind]:8.2f} ms{ratios[kind]:8.3f}")
    return all(LEAST <= ratio <= MOST for ratio in ratios.values())


def all_alike(rounds: int) -> bool:
    """Whether no time tells which e-mails are known."""
    emails, made = population(), services()
    attempts: dict[str, Attempt] = {
        "sign-in": lambda email: made.accounts.sign_in(email, "wrong password"),
        "reset/request": made.credentials.ask_reset,
        "otp/request": lambda email: made.codes.ask(CODE, email),
        "magic/request": lambda email: made.codes.ask(MAGIC, email),
    }
    print(f"\nmedians of {rounds} tries each, and their ratio to an unknown e-mail's")
    found = [compare(what, rounds, emails, attempt) for what, attempt in attempts.items()]
    print(f"all between {LEAST} and {MOST}: {'yes' if all(found) else 'NO'}")
    return all(found)


def main() -> int:
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
            # Before anything stands on them.
            services().throttle, services().post = Throttle(Unlimited()), Post(MemoryJobQueue())
            password_costs()
            token_costs()
            alike = all_alike(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
        finally:
            running.kill()
    return 0 if alike else 1


if __name__ == "__main__":
    sys.exit(main())
