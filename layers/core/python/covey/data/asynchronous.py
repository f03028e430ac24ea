"""The reads of a collection for asyncio, many at once.

Reads only: a read that is cancelled or runs out of time leaves nothing behind, while of a write
nobody could tell whether it was done.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, TypeVar

from covey.data.pages import Hits, Page
from covey.insight import meter

if TYPE_CHECKING:
    from covey.data.collection import Access

AT_ONCE = 16  # threads, each with a connection of its own to the database

T = TypeVar("T")
Q = ParamSpec("Q")
R = TypeVar("R")


class AsyncReads(Generic[R]):
    """The reads of `Access`, to await; see there what they take, answer and raise.

    At most `AT_ONCE` are on their way in a process; the others wait their turn. What they cost
    is counted where they are awaited. One that is cancelled is not begun if it still waits;
    else its answer is dropped, and its thread is free again when the database has answered or
    the transport has given up.
    """

    __slots__ = ("_access",)

    def __init__(self, access: Access[Any, Any, Any]) -> None:
        self._access = access

    async def get(self, id: str, *, fields: Sequence[str] = (), expand: Sequence[str] = ()) -> R:
        """One record; raises NotFound."""
        return await _in_thread(self._access.get, id, fields=fields, expand=expand)

    async def find(
        self, id: str, *, fields: Sequence[str] = (), expand: Sequence[str] = ()
    ) -> R | None:
        """One record, or None where there is none for this caller."""
        return await _in_thread(self._access.find, id, fields=fields, expand=expand)

    async def list(
        self,
        *,
        filter: str = "",
        sort: str = "",
        limit: int = 30,
        cursor: str | None = None,
        fields: Sequence[str] = (),
        expand: Sequence[str] = (),
        count: Literal["exact", "estimated"] | None = None,
    ) -> Page[R]:
        """One page."""
        return await _in_thread(
            self._access.list,
            filter=filter,
            sort=sort,
            limit=limit,
            cursor=cursor,
            fields=fields,
            expand=expand,
            count=count,
        )

    async def iterate(
        self,
        *,
        filter: str = "",
        sort: str = "",
        fields: Sequence[str] = (),
        expand: Sequence[str] = (),
    ) -> AsyncIterator[R]:
        """All records, page by page."""
        pages = self._access.pages(filter=filter, sort=sort, fields=fields, expand=expand)
        while True:
            page: Page[R] | None = await _in_thread(next, pages, None)
            if page is None:
                return
            for record in page.items:
                yield record

    async def search(
        self,
        q: str,
        *,
        mode: Literal["all", "any"] = "all",
        filter: str = "",
        limit: int = 30,
        cursor: str | None = None,
        fields: Sequence[str] = (),
        expand: Sequence[str] = (),
    ) -> Hits[R]:
        """A page of the records that have the words."""
        return await _in_thread(
            self._access.search,
            q,
            mode=mode,
            filter=filter,
            limit=limit,
            cursor=cursor,
            fields=fields,
            expand=expand,
        )

    async def aggregate(self, **asked: Any) -> dict[str, Any]:
        """Counts and sums of groups."""
        return await _in_thread(self._access.aggregate, **asked)

    async def count(self, filter: str = "") -> int:
        """Exactly how many."""
        return await _in_thread(self._access.count, filter)


async def _in_thread(work: Callable[Q, T], *args: Q.args, **more: Q.kwargs) -> T:
    """What `work` answers, in a thread of the pool, its cost on the meter of this task."""
    loop = asyncio.get_running_loop()
    ours = meter.read()
    context = copy_context()
    # A meter of its own: several threads adding to one would lose some of it.
    spent = context.run(meter.reset)
    try:
        return await loop.run_in_executor(
            _threads(os.getpid()), partial(context.run, partial(work, *args, **more))
        )
    finally:
        ours.rru += spent.rru
        ours.wru += spent.wru
        ours.db_ms += spent.db_ms
        ours.calls += spent.calls


@cache
def _threads(process: int) -> ThreadPoolExecutor:
    """The threads of a process; a forked one has none of its parent's."""
    return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="covey-read")
