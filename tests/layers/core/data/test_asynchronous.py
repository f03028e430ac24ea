"""Reads for asyncio: many at once, bounded, counted, and cancelled without a trace."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest

from covey import records
from covey.data.asynchronous import AT_ONCE
from covey.errors import NotFound
from covey.insight import meter
from covey.wiring import services


@pytest.fixture
def ids(house: str, anna: str) -> list[str]:
    """Sixty records of anna's."""
    posts = records("posts").as_(anna)
    return [posts.create({"title": f"t{number}"})["id"] for number in range(60)]


class Slow:
    """The transport, a little later; counts how many calls are on their way."""

    def __init__(self, seconds: float) -> None:
        self._inner = services().transport
        self._seconds = seconds
        self._lock = threading.Lock()
        self._now = 0
        self.calls = 0
        self.most = 0

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            self._now += 1
            self.calls += 1
            self.most = max(self.most, self._now)
        try:
            time.sleep(self._seconds)
            return self._inner.call(operation, request)
        finally:
            with self._lock:
                self._now -= 1


def slowed(seconds: float) -> Slow:
    """This process's services anew, over a slow transport."""
    slow = Slow(seconds)
    services.cache_clear()
    services().transport = slow  # in place of what it would make
    services().catalog.all()
    slow.calls = slow.most = 0
    return slow


def test_all_forms_answer_as_their_own(anna: str, ids: list[str]) -> None:
    posts = records("posts").as_(anna)

    async def ask() -> None:
        reads = posts.aio
        assert await reads.get(ids[0], fields=["title"]) == posts.get(ids[0], fields=["title"])
        assert await reads.find("0" * 20) is None
        page = await reads.list(limit=5, sort="-created")
        assert page.items == posts.list(limit=5, sort="-created").items
        assert await reads.count() == 60
        assert (await reads.aggregate(count=True))["items"][0]["count"] == 60
        assert [one["id"] async for one in reads.iterate()] == ids[::-1]
        with pytest.raises(NotFound):
            await reads.get("0" * 20)

    asyncio.run(ask())


def test_many_at_once_are_each_their_own_and_cost_as_much_together(
    anna: str, ids: list[str]
) -> None:
    posts = records("posts").as_(anna)
    meter.reset()

    async def ask() -> list[dict[str, Any]]:
        return list(await asyncio.gather(*(posts.aio.get(one) for one in ids)))

    assert [one["id"] for one in asyncio.run(ask())] == ids
    spent = meter.read()
    assert (spent.rru, spent.calls) == (30.0, 60)


def test_no_more_are_on_their_way_than_there_are_threads(anna: str, ids: list[str]) -> None:
    posts = records("posts").as_(anna)
    slow = slowed(0.02)

    async def ask() -> None:
        await asyncio.gather(*(posts.aio.get(one) for one in ids))

    started = time.perf_counter()
    asyncio.run(ask())
    assert AT_ONCE / 2 < slow.most <= AT_ONCE
    assert time.perf_counter() - started < 60 * 0.02 / 2


def test_a_failure_is_told_and_its_cost_is_counted(anna: str, ids: list[str]) -> None:
    posts = records("posts").as_(anna)
    meter.reset()

    async def ask() -> list[Any]:
        reads = (posts.aio.get(one) for one in (ids[0], "0" * 20, ids[1]))
        return list(await asyncio.gather(*reads, return_exceptions=True))

    one, failed, other = asyncio.run(ask())
    assert isinstance(failed, NotFound)
    assert (one["id"], other["id"]) == (ids[0], ids[1])
    assert meter.read().rru == 1.5


def test_what_is_cancelled_while_it_waits_is_never_begun(anna: str, ids: list[str]) -> None:
    posts = records("posts").as_(anna)
    slow = slowed(0.2)

    async def ask() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.gather(*(posts.aio.get(one) for one in ids))

    asyncio.run(ask())
    time.sleep(0.3)  # those that had begun end
    assert slow.calls <= AT_ONCE


def test_a_caller_keeps_to_their_own_in_parallel(house: str, anna: str, ben: str) -> None:
    for who in (anna, ben):
        for number in range(5):
            records("posts").as_(who).create({"title": f"{who} {number}"})

    async def ask() -> list[Any]:
        reads = [records("posts").as_(who).aio.list() for who in (anna, ben) * 10]
        return list(await asyncio.gather(*reads))

    for number, page in enumerate(asyncio.run(ask())):
        assert {one["author"] for one in page} == {(anna, ben)[number % 2]}
