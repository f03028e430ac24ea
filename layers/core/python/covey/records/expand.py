"""One level of relations, read in batches and shown under the targets' own read rules.

A record gains ``"expand": {"author": {…}, "editors": [{…}, …]}``. A target that is gone and one
that the caller may not see answer alike: null, or left out of a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from covey.collections.model import Collection, Field
from covey.records.projection import bad

MAX_TARGETS = 1_000
EXPANDED = "expand"  # the name in answers; collections cannot have a field called so

# (collection name, ids) → the documents that the caller may see, by id
Fetch = Callable[[str, tuple[str, ...]], Mapping[str, dict[str, Any]]]


def target_ids(field: Field, value: Any) -> tuple[str, ...]:
    """The ids that a relation's value holds."""
    found = value if field.list else [value]
    return tuple(item for item in found or () if isinstance(item, str))


def expand(
    collection: Collection,
    documents: Iterable[dict[str, Any]],
    names: tuple[str, ...],
    fetch: Fetch,
) -> None:
    """Add the targets of the named relations to documents of one collection, in place.

    Only what a document still shows is followed: a relation hidden in a record stays hidden.
    Raises BadRequest (invalid_expand) beyond 1,000 targets.
    """
    fields = [collection.fields[name] for name in names]
    shown = list(documents)
    wanted: dict[str, dict[str, None]] = {}
    for field in fields:
        ids = wanted.setdefault(field.options["to"], {})
        for document in shown:
            ids.update(dict.fromkeys(target_ids(field, document.get(field.name))))
    if sum(map(len, wanted.values())) > MAX_TARGETS:
        raise bad("expand", f"reaches over {MAX_TARGETS} records; ask for a smaller page")
    found = {to: fetch(to, tuple(ids)) for to, ids in wanted.items() if ids}
    for document in shown:
        document[EXPANDED] = {
            field.name: _targets(field, document[field.name], found.get(field.options["to"], {}))
            for field in fields
            if field.name in document
        }


def _targets(field: Field, value: Any, found: Mapping[str, dict[str, Any]]) -> Any:
    seen = [found[target] for target in target_ids(field, value) if target in found]
    return seen if field.list else next(iter(seen), None)
