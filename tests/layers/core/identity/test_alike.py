"""Whoever asks, and for whomever: the same calls of the table and the same password hashes.

Times are measured by ``bench/sign_in.py``; here is counted what they are made of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import argon2
import pytest

from covey.errors import Unauthenticated
from covey.identity.flows import CODE, MAGIC
from covey.identity.ports import Account, Place
from covey.identity.principal import Kind, Principal
from covey.mail.post import Post
from covey.records.model import Record
from covey.records.time import now_ms
from covey.store.models.base import write_together
from covey.store.transport import transport
from covey.testing.queues import MemoryJobQueue
from tests.layers.core.identity.world import PASSWORD, World

ROOT = Principal(Kind.ADMINISTRATOR, "root")
WRONG = "three blind mice run"
KNOWN, UNKNOWN = "known@example.test", "unknown@example.test"
CASES = {
    "known": (KNOWN, WRONG),
    "unknown": (UNKNOWN, WRONG),
    "unknown, and the right password of another": (UNKNOWN, PASSWORD),
    "known, no password": ("passwordless@example.test", WRONG),
    "known, no account": ("imported@example.test", WRONG),
    "disabled, wrong password": ("disabled@example.test", WRONG),
    "disabled, right password": ("disabled@example.test", PASSWORD),
    "known, empty": (KNOWN, ""),
    "unknown, empty": (UNKNOWN, ""),
    "known, never a password": (KNOWN, "\0" * 9),
    "known, too long": (KNOWN, "x" * 100_000),
    "known, a surrogate": (KNOWN, "\ud800" * 9),
    "unknown, too long": (UNKNOWN, "x" * 100_000),
}
PLACE = Place("192.0.2.1")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, table: str) -> list[str]:
    """What is done from now on, in its order: operations of the table, and password hashes."""
    done: list[str] = []
    plain, check = transport().call, argon2.PasswordHasher.verify

    def call(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        done.append(operation)
        return plain(operation, request)

    def verify(self: argon2.PasswordHasher, *given: Any) -> Any:
        done.append("hash")
        return check(self, *given)

    monkeypatch.setattr(transport(), "call", call)
    monkeypatch.setattr(argon2.PasswordHasher, "verify", verify)
    return done


@pytest.fixture
def queue() -> MemoryJobQueue:
    return MemoryJobQueue()


@pytest.fixture
def world(table: str, queue: MemoryJobQueue) -> World:
    """Known, passwordless, disabled and imported users; letters are ordered, as in production."""
    made = World(table)
    for service in (made.accounts, made.credentials, made.codes):
        service._post = Post(queue)
    made.accounts.sign_up({"email": KNOWN}, PASSWORD)
    signed_up = made.accounts.sign_up({"email": "disabled@example.test"}, PASSWORD)
    assert signed_up is not None
    made.administration.disable(ROOT, signed_up.user["id"])
    for name in ("passwordless", "imported"):
        users, now = made.catalog.get("users"), now_ms()
        id = made.records.new_id(users)
        values = {"email": f"{name}@example.test"}
        made.records.create(users, Record(id, now, now, 1, values))
        if name == "passwordless":
            write_together([made.accounts_kept.creation(Account(id, "", now // 1000))])
    queue.take()
    return made


def all_alike(done: list[str], tried: Mapping[str, Callable[[], object]]) -> list[str]:
    """What every one of `tried` does, which is the same."""
    seen = {}
    for case, attempt in tried.items():
        done.clear()
        attempt()
        seen[case] = tuple(done)
    assert len(set(seen.values())) == 1, seen
    return list(done)


def test_signing_in_fails_alike_for_every_kind_of_account(world: World, calls: list[str]) -> None:
    def attempt(email: str, password: str) -> None:
        with pytest.raises(Unauthenticated) as refusal:
            world.accounts.sign_in(email, password, place=PLACE)
        assert refusal.value.code == "invalid_credentials"

    done = all_alike(
        calls, {case: lambda given=given: attempt(*given) for case, given in CASES.items()}
    )
    assert done.count("hash") == 1
    assert len(done) > 3


@pytest.mark.parametrize("letter", ["reset", "code", "magic"])
def test_letters_are_ordered_alike_for_every_kind_of_account(
    world: World, calls: list[str], queue: MemoryJobQueue, letter: str
) -> None:
    ways: dict[str, Callable[[str], object]] = {
        "reset": lambda email: world.credentials.ask_reset(email, PLACE),
        "code": lambda email: world.codes.ask(CODE, email, PLACE),
        "magic": lambda email: world.codes.ask(MAGIC, email, PLACE),
    }
    emails = sorted({email for email, _ in CASES.values()})
    done = all_alike(calls, {email: lambda email=email: ways[letter](email) for email in emails})
    assert "hash" not in done
    orders = queue.take()
    assert [order["values"]["email"] for order in orders] == emails
    assert {order["letter"] for order in orders} == {letter}
