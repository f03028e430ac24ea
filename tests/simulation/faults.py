"""What goes wrong: processes that end at any call, consumers that cannot, queues that repeat."""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from covey.collections.model import Collection
from covey.errors import Unavailable
from covey.pipeline.consumer import Consumer
from covey.records.model import Change


class Killed(BaseException):
    """The process ended: nothing is caught, nothing is said."""


class Clock:
    """Simulated time, in milliseconds."""

    def __init__(self, ms: int) -> None:
        self.ms = ms

    def __call__(self) -> int:
        return self.ms

    def seconds(self) -> float:
        return self.ms / 1000


class Chance:
    """Dice that can be told to be kind."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.kind = False

    def __call__(self, share: float) -> bool:
        return not self.kind and self.dice.random() < share


class Mortal:
    """A port whose caller may end just before a call, or just after it."""

    def __init__(self, port: Any, chance: Chance, share: float = 0.004) -> None:
        self._port, self._chance, self._share = port, chance, share

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            if self._chance(self._share):
                raise Killed(f"before {name}")
            answer = found(*arguments, **named)
            if self._chance(self._share):
                raise Killed(f"after {name}")
            return answer

        return call


class Frail:
    """A consumer that cannot take some changes for a while, or anything while it is away."""

    def __init__(self, consumer: Consumer, chance: Chance) -> None:
        self._consumer, self._chance = consumer, chance
        self.name = consumer.name
        self.poison: dict[tuple[str, str], int] = {}  # how often more it will fail
        self.away = 0
        self.failed = 0

    def wants(self, collection: Collection) -> bool:
        return self._consumer.wants(collection)

    def apply(self, collection: Collection, changes: Sequence[Change]) -> None:
        if self._chance.kind:
            self.poison.clear()
            self.away = 0
        if self.away:
            self.away -= 1
            raise Unavailable
        if self._chance(0.01):
            self.away = self._chance.dice.randrange(1, 8)
        for change in changes:
            place = change.id, change.sequence
            if place not in self.poison and self._chance(0.01):
                self.poison[place] = self._chance.dice.choice([2, 4, 6, 20])
            if self.poison.get(place, 0) > 0:
                self.poison[place] -= 1
                self.failed += 1
                raise ValueError("it cannot be taken")
        self._consumer.apply(collection, changes)


class Shards:
    """A table's stream as a trigger reads it: in order for each record, repeated after a crash."""

    def __init__(self, chance: Chance, number: int = 4) -> None:
        self._chance = chance
        self._shards: list[list[Change]] = [[] for _ in range(number)]
        self._places = [0] * number
        self.crashes = self.repeats = 0

    def tell(self, change: Change) -> None:
        shard = hash_of(f"{change.collection}/{change.id}") % len(self._shards)
        self._shards[shard].append(change)

    @property
    def behind(self) -> int:
        return sum(len(s) - p for s, p in zip(self._shards, self._places, strict=True))

    def deliver(self, take: Callable[[Sequence[Change]], str | None]) -> bool:
        """One batch of one shard; False when all was delivered."""
        open_ = [n for n, shard in enumerate(self._shards) if self._places[n] < len(shard)]
        if not open_:
            return False
        number = self._chance.dice.choice(open_)
        shard, place = self._shards[number], self._places[number]
        batch = shard[place : place + self._chance.dice.randrange(1, 25)]
        try:
            again = take(batch)
        except Killed:
            self.crashes += 1
            return True
        done = len(batch)
        if again is not None:
            done = next(n for n, change in enumerate(batch) if change.sequence == again)
        self._places[number] = place + done
        if self._chance(0.05):  # the position was not kept: all of it comes again
            self.repeats += 1
            self._places[number] = max(0, place - self._chance.dice.randrange(5))
        return True


class Queue:
    """A standard queue: at least once, in any order, not before its time."""

    def __init__(self, clock: Clock, chance: Chance) -> None:
        self._clock, self._chance = clock, chance
        self._waiting: list[tuple[int, int, str]] = []
        self._numbers = count()
        self.crashes = 0

    def send(self, body: Mapping[str, Any], delay_s: int = 0) -> None:
        assert 0 <= delay_s <= 900
        self._put(json.dumps(body), delay_s)

    def deliver(self, work: Callable[[dict[str, Any]], object], most: int = 1_000_000) -> int:
        """Work off what is due; how many messages there were."""
        done = 0
        while self._waiting and self._waiting[0][0] <= self._clock() and done < most:
            due = [heapq.heappop(self._waiting)]
            while self._waiting and self._waiting[0][0] <= self._clock() and len(due) < 5:
                due.append(heapq.heappop(self._waiting))
            self._chance.dice.shuffle(due)
            for _, _, body in due:
                done += 1
                try:
                    work(json.loads(body))
                except Killed:
                    self.crashes += 1
                    self._put(body, 120)
                else:
                    if self._chance(0.03):
                        self._put(body, self._chance.dice.randrange(120))
        return done

    @property
    def next(self) -> int | None:
        """When the next message is due."""
        return self._waiting[0][0] if self._waiting else None

    def _put(self, body: str, delay_s: int) -> None:
        at = self._clock() + delay_s * 1000
        heapq.heappush(self._waiting, (at, next(self._numbers), body))


def hash_of(text: str) -> int:
    """The same in each process, unlike `hash`."""
    return sum(text.encode()) * 2_654_435_761 % 2**32 >> 3
