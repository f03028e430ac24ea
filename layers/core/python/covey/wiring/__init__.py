"""Where ports meet adapters: the one place that knows both sides.

`services()` is cached for the process and builds nothing by itself: each service is made when
it is first asked for, and imports what it needs then, so that a function pays at its cold
start only for what it uses. A service is a `cached_property` with its imports in its body.

Each room stands on the ones before it:

foundation.py  the table, the catalog, files, the queue of jobs
records.py     records, and what is kept from their changes
files.py       files of records
proofs.py      what accounts are kept in: sessions, tokens, secrets, counts
mail.py        letters
accounts.py    signing up and in, and what is done to accounts
factors.py     authenticators, passkeys, providers
callers.py     who asks
schedules.py   background tasks, and what runs by the clock
webhooks.py    endpoints of webhooks, and who sends to them
work.py        jobs, and what follows from changes
channels.py    open sockets, and the channels that they are in
realtime.py    what sockets say and what they are told
"""

from __future__ import annotations

from functools import cache

from covey.wiring.realtime import RealtimeServices


class Services(RealtimeServices):
    """The services of one process; tests make their own with other settings."""


@cache
def services() -> Services:
    """The services of this process."""
    return Services()
