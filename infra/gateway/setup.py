"""What must be there before the first request: tables, the catalog, the operator's one-time link.

Runs inside a worker, like a function: it needs the domain, which the gateway itself never imports,
and so it sees code as it is after a change.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.cli import collections_push


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Do what the event asks: ``tables`` (CreateTable requests), ``collections`` (a folder),
    ``offer`` (whether to offer a bootstrap token), ``jobs`` (whether the queue takes any yet).
    Answers ``changes``, ``faults``, ``refused``, ``builds``, ``unfinished``, ``token``, ``hooks``;
    ``unfinished`` says that there is something for another time, with the queue.
    """
    for table in event.get("tables") or ():
        _table(table["definition"], table.get("expiry"))
    answer: dict[str, Any] = {"changes": [], "faults": [], "refused": [], "builds": []}
    answer |= {"unfinished": False, "token": None, "hooks": []}
    if folder := event.get("collections"):
        jobs = bool(event.get("jobs", True))
        pushed = collections_push.push(Path(folder), dry_run=bool(event.get("dry_run")), jobs=jobs)
        answer |= {
            "changes": pushed.changes,
            "faults": pushed.faults,
            "refused": [*pushed.refused, *(pushed.queueless if jobs else ())],
            "builds": pushed.builds if jobs else [],
            "unfinished": bool(pushed.queueless or pushed.builds),
        }
    if event.get("offer"):
        from covey.wiring import services

        answer["token"] = services().first_administrator.offer()
        answer["hooks"] = _hooks()
    return answer


def _hooks() -> list[str]:
    """What is wrong with the team's hooks, told before the first write meets it."""
    from covey.errors import NotFound
    from covey.hooks.loading import HooksBrokenError
    from covey.wiring import services

    try:
        hooks = services().hooks.every()
    except HooksBrokenError as error:
        return [f"{error}; until it can, nothing is written"]
    wrong = []
    for hook in hooks:
        try:
            if hook.collection != "*":
                services().catalog.get(hook.collection)
        except NotFound:
            wrong.append(f"{hook.name} is a hook of {hook.collection!r}, which is no collection")
    return wrong


def _table(definition: Mapping[str, Any], expiry: str | None) -> None:
    from covey.store.faults import TableMissing
    from covey.store.transport import transport

    name = definition["TableName"]
    try:
        transport().call("DescribeTable", {"TableName": name})
    except TableMissing:
        transport().call("CreateTable", definition)
        if expiry:
            specification = {"Enabled": True, "AttributeName": expiry}
            request = {"TableName": name, "TimeToLiveSpecification": specification}
            transport().call("UpdateTimeToLive", request)
