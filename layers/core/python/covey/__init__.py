"""Covey's domain.

http, triggers   Chalice app and events → plain calls, problem rendering
expressions      the CEL subset: parse → AST → check, evaluate, explain
collections      what a team declares: collections, fields, rules, indexes; the catalog
fields           one file per field type
records          create, get, change, list, import
identity         who asks, and what they may: principals, tokens, accounts, authorize
realtime         subscriptions and who is told of a change
jobs             background work, in slices, with progress
tasks            functions of the team's code that run in the background
schedules        what runs by the clock, each slot once
files            blobs
backups          a whole deployment as one file, and back
insight          the cost meter, statistics
data             records in Python, for functions, hooks and jobs
store            DynamoDB: keys, transport, repositories, planner
aws              S3, SQS and socket adapters behind the domain's ports
testing          in-memory twins and event builders
wiring           the one place where the parts are joined

Imports point one way: http, triggers → domain ← store, aws; only `wiring` knows all.

``from covey import records`` gives the package and is callable: ``records("posts")`` is what
`covey.data` has under that name (decision 0008).
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from covey.data import batch as batch
    from covey.data import enqueue as enqueue
    from covey.data import literal as literal
    from covey.data import records as records
    from covey.tasks.registry import schedule as schedule
    from covey.tasks.registry import task as task
    from covey.tasks.running import GiveUp as GiveUp
    from covey.tasks.running import running as running
else:
    from covey import records

    class _CallablePackage(ModuleType):
        """The package `covey.records`, which a team's code calls."""

        def __call__(self, collection: str) -> Any:
            from covey.data import records

            return records(collection)

    records.__class__ = _CallablePackage


_HOMES = {
    **dict.fromkeys(("batch", "enqueue", "literal"), "covey.data"),
    **dict.fromkeys(("schedule", "task"), "covey.tasks.registry"),
    **dict.fromkeys(("GiveUp", "running"), "covey.tasks.running"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'covey' has no attribute {name!r}")
    # On first use: `covey.data` joins everything that reads a record.
    return getattr(import_module(_HOMES[name]), name)
