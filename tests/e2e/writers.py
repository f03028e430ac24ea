"""Eight writers that keep an account of what they were told, to be held against what is there.

Each has keys and records of its own, so that it alone knows what must have become of them. An
answer of 2xx is an acknowledgement. No answer, or one of 5xx, leaves the write unknown: it may
have happened once or not at all.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.running import User, until

WRITERS = 8
SHARED = "counted up by all"


@dataclass
class Record:
    """What a writer knows of a record of its own."""

    id: str
    acknowledged: int = 1  # writes, the create among them
    unknown: int = 0
    counted: int = 0  # acknowledged increments
    maybe_counted: int = 0
    keys: set[str] = field(default_factory=set)  # the one it has, or may have
    gone: str = ""  # "", "deleted" or "maybe"


@dataclass
class Account:
    """All that one writer was told."""

    records: dict[str, Record] = field(default_factory=dict)
    maybe_created: set[str] = field(default_factory=set)  # keys
    used: set[str] = field(default_factory=set)
    shared: int = 0  # acknowledged increments of the record that all writers count up
    maybe_shared: int = 0
    done: int = 0
    odd: list[str] = field(default_factory=list)


class Writer(threading.Thread):
    """Creates, counts up, renames and deletes until told to stop."""

    def __init__(self, number: int, url: str, token: str, shared: str) -> None:
        super().__init__(name=f"writer-{number}")
        self.account = Account()
        self._number = number
        self._url = url
        self._token = token
        self._shared = shared
        self._stop_wanted = threading.Event()
        self._random = random.Random(number)

    def finish(self) -> None:
        self._stop_wanted.set()

    def run(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        turn = 0
        while not self._stop_wanted.is_set():
            with httpx.Client(base_url=self._url, headers=headers, timeout=20) as http:
                try:
                    while not self._stop_wanted.is_set():
                        turn += 1
                        self._turn(http, turn)
                except httpx.TransportError:
                    self._stop_wanted.wait(0.02)

    def _turn(self, http: httpx.Client, turn: int) -> None:
        mine = [one for one in self.account.records.values() if not one.gone]
        if turn % 5 == 3:
            self._count_shared(http)
            return
        if len(mine) < 3 or turn % 4 == 0:
            self._create(http, self._key(turn))
            return
        record = self._random.choice(mine)
        if turn % 4 == 1:
            self._rename(http, record, self._key(turn))
        elif turn % 12 == 2:
            self._remove(http, record)
        else:
            self._count(http, record)

    def _key(self, turn: int) -> str:
        key = f"{self._number}-{turn}"
        self.account.used.add(key)
        return key

    def _create(self, http: httpx.Client, key: str) -> None:
        self.account.maybe_created.add(key)
        answer = http.post("/records/notes", json={"key": key})
        if answer.status_code == 201:
            self.account.maybe_created.discard(key)
            made = answer.json()["id"]
            self.account.records[made] = Record(made, keys={key})
            self.account.done += 1
        else:
            self._not(answer, "create", unknown_too={409})

    def _count(self, http: httpx.Client, record: Record) -> None:
        record.unknown += 1
        record.maybe_counted += 1
        answer = http.patch(f"/records/notes/{record.id}", json={"count": {"$inc": 1}})
        if answer.status_code == 200:
            record.unknown -= 1
            record.maybe_counted -= 1
            record.acknowledged += 1
            record.counted += 1
            self.account.done += 1
        else:
            self._not(answer, "count")

    def _count_shared(self, http: httpx.Client) -> None:
        self.account.maybe_shared += 1
        answer = http.patch(f"/records/notes/{self._shared}", json={"count": {"$inc": 1}})
        if answer.status_code in {200, 409}:
            self.account.maybe_shared -= 1
        if answer.status_code == 200:
            self.account.shared += 1
            self.account.done += 1
        else:
            self._not(answer, "count together", unknown_too={409})

    def _rename(self, http: httpx.Client, record: Record, key: str) -> None:
        record.unknown += 1
        record.keys.add(key)
        answer = http.patch(f"/records/notes/{record.id}", json={"key": key})
        if answer.status_code == 200:
            record.unknown -= 1
            record.acknowledged += 1
            record.keys = {key}
            self.account.done += 1
        else:
            self._not(answer, "rename")

    def _remove(self, http: httpx.Client, record: Record) -> None:
        record.gone = "maybe"
        answer = http.delete(f"/records/notes/{record.id}")
        if answer.status_code == 204:
            record.gone = "deleted"
            self.account.done += 1
        else:
            self._not(answer, "delete", unknown_too={404})

    def _not(self, answer: httpx.Response, what: str, unknown_too: set[int] | None = None) -> None:
        if answer.status_code < 500 and answer.status_code not in (unknown_too or set()):
            self.account.odd.append(f"{what}: {answer.status_code} {answer.text}")


@contextmanager
def writing(url: str, who: User) -> Iterator[list[Writer]]:
    """Eight writers at work; all have stopped after it."""
    shared = who.http.post("/records/notes", json={"key": SHARED}).json()["id"]
    writers = [Writer(number, url, who.token, shared) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        yield writers
    finally:
        for writer in writers:
            writer.finish()
        for writer in writers:
            writer.join(60)


def done(writers: list[Writer]) -> int:
    """How many writes were acknowledged so far."""
    return sum(writer.account.done for writer in writers)


def go_on(writers: list[Writer], more: int) -> None:
    """Return when each writer has had that many more writes acknowledged."""
    goals = [writer.account.done + more for writer in writers]
    until(
        lambda: all(w.account.done >= goal for w, goal in zip(writers, goals, strict=True)),
        f"each {more} writes further",
    )


def hold_to_account(writers: list[Writer], who: User) -> dict[str, int]:
    """Fail unless what is there is what the writers were told; returns versions by record."""
    there = {one["id"]: one for one in everything(who, "notes")}
    (shared,) = [one for one in there.values() if one["key"] == SHARED]
    known: dict[str, Record] = {
        shared["id"]: Record(
            shared["id"],
            acknowledged=1 + sum(writer.account.shared for writer in writers),
            unknown=sum(writer.account.maybe_shared for writer in writers),
            counted=sum(writer.account.shared for writer in writers),
            maybe_counted=sum(writer.account.maybe_shared for writer in writers),
            keys={SHARED},
        )
    }
    for writer in writers:
        assert writer.account.odd == []
        known |= writer.account.records
    for record in known.values():
        _hold_record(record, there.get(record.id))
    _hold_strangers(writers, [there[one] for one in there if one not in known])
    _hold_claims(writers, who, {one["key"] for one in there.values()})
    return {one["id"]: one["version"] for one in there.values()}


def _hold_record(record: Record, found: dict[str, Any] | None) -> None:
    if found is None:
        assert record.gone, f"lost: {record}"
        return
    assert record.gone != "deleted", f"came back: {record}"
    least, most = record.acknowledged, record.acknowledged + record.unknown
    assert least <= found["version"] <= most, (record, found)
    least, most = record.counted, record.counted + record.maybe_counted
    assert least <= found["count"] <= most, (record, found)
    assert found["key"] in record.keys, (record, found)


def _hold_strangers(writers: list[Writer], strangers: list[dict[str, Any]]) -> None:
    """Records that nobody was told of are creates whose answer was lost: whole, and once each."""
    maybe = set().union(*(writer.account.maybe_created for writer in writers))
    keys = [one["key"] for one in strangers]
    assert len(keys) == len(set(keys))
    assert set(keys) <= maybe, strangers
    assert all((one["version"], one["count"]) == (1, 0) for one in strangers), strangers


def _hold_claims(writers: list[Writer], who: User, held: set[str]) -> None:
    """A key is taken exactly when a record has it."""
    used = sorted(set().union(*(writer.account.used for writer in writers)))
    for key in used:
        answer = who.http.post("/records/notes", json={"key": key})
        assert answer.status_code == (409 if key in held else 201), (key, answer.text)
        if answer.status_code == 201:
            who.http.delete(f"/records/notes/{answer.json()['id']}")


def everything(who: User, collection: str) -> list[dict[str, Any]]:
    """All records of a collection."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        parameters = {"limit": "200", **({"cursor": cursor} if cursor else {})}
        answer = who.http.get(f"/records/{collection}", params=parameters)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        cursor = answer.json()["next"]
        if cursor is None:
            return found


def witnessed(written: Path, prefix: str) -> dict[str, set[int]]:
    """The versions of each record of a collection that the probe was told of; 0 is its end."""
    found: dict[str, set[int]] = {}
    for line in written.read_text().splitlines():
        told = json.loads(line)
        if told["pk"].startswith(prefix):
            version = 0 if told["kind"] == "REMOVE" else told["version"]
            found.setdefault(told["sk"], set()).add(version)
    return found
