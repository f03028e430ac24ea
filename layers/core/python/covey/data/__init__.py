"""Records in Python: what functions, hooks and jobs read and write them with.

    collection.py    records("posts") and, once it is said for whom, its reads and writes
    asynchronous.py  the reads for asyncio, many at once
    batches.py       batch(): several writes, all or none
    background.py    enqueue(): a task of the team's code, later
    values.py        Python's values as the values of a record
    pages.py         a page of a list, of a search

Nothing can be read or written before it is said who asks: `records("posts")` has no other
methods than those that say it. Described in docs/guide/python.md; decision 0008 says why
``from covey import records`` is both this and the package of that name.
"""

from covey.data.background import enqueue
from covey.data.batches import Batch, batch
from covey.data.collection import Access, Collection, Values, records
from covey.data.pages import Hits, Page
from covey.data.values import literal

__all__ = [
    "Access",
    "Batch",
    "Collection",
    "Hits",
    "Page",
    "Values",
    "batch",
    "enqueue",
    "literal",
    "records",
]
