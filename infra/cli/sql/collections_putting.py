"""Collections of an import → the running Covey's catalog."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from infra.cli.sql.faults import SqlFaultError
from infra.cli.sql.reaching import Reach, problem

KNOWN_AFTER = 11.0  # seconds after which every process knows a changed collection (CATALOG_TTL)
_SHELL = ("name", "ids", "description")


def put(
    reach: Reach,
    documents: Sequence[Mapping[str, Any]],
    pause: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Make the catalog say what these documents say; what changed, in words.

    Collections that are new begin without relations, so that they may refer to each other. Raises
    SqlFaultError for what is refused, such as a change that loses data.
    """
    changes: list[str] = []
    new = [one for one in documents if reach.ask("GET", _path(one)).status == 404]
    for document in new:
        shell = {key: document[key] for key in _SHELL if key in document}
        _put(reach, {**shell, "fields": {}})
    late = False
    for document in documents:
        for change in _put(reach, document):
            if document in new:
                continue
            late = True
            changes.append(change["text"])
    changes = [*(f"add collection {one['name']}" for one in new), *changes]
    if late:
        pause(KNOWN_AFTER)
    return changes


def _put(reach: Reach, document: Mapping[str, Any]) -> list[dict[str, Any]]:
    answer = reach.ask("PUT", _path(document), dict(document))
    if answer.status >= 400:
        said = problem(answer.document, answer.status)
        raise SqlFaultError(f"The collection {document['name']} is refused: {said}")
    found: list[dict[str, Any]] = answer.document["changes"]
    return found


def _path(document: Mapping[str, Any]) -> str:
    return f"/admin/collections/{document['name']}"
