"""Several writes in Python: all or none, or each for itself."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from covey.data.collection import FUNCTION, Facts, Values, Who, principal_of
from covey.data.values import document
from covey.errors import CoveyError
from covey.identity.principal import Principal
from covey.records.batch import Failed
from covey.records.operations import REFERENCE, parse_batch
from covey.wiring import services


class Unclaimed:
    """A batch of which it is not said yet who writes."""

    __slots__ = ("_atomic",)

    def __init__(self, *, atomic: bool) -> None:
        self._atomic = atomic

    def as_(self, who: Who, *, request: Facts | None = None) -> Batch:
        """Writes that `who` asks for, as in `Collection.as_`."""
        return Batch(principal_of(who), request or {}, atomic=self._atomic)

    def as_function(self) -> Batch:
        """Writes of the function itself, whatever the rules say."""
        return Batch(FUNCTION, {}, atomic=self._atomic)


class Batch:
    """Writes, noted one by one and done at the end of the ``with`` block; none if it raises.

    `results` then has one for each, in order: the record as the caller may see it, None for a
    delete and, in a batch that is not atomic, the error of one that was refused. An atomic
    batch takes 100 writes, each of another record, and raises the error of the first at fault,
    its faults under ``operations.{n}``.
    """

    def __init__(self, who: Principal, request: Facts, *, atomic: bool) -> None:
        self._who = who
        self._request = request
        self._atomic = atomic
        self._operations: list[dict[str, Any]] = []
        self.results: list[dict[str, Any] | CoveyError | None] = []

    def create(self, collection: str, values: Values) -> dict[str, int]:
        """A new record. What is returned stands for its id in relations of the same batch."""
        self._note(method="create", collection=collection, body=document(values))
        return {REFERENCE: len(self._operations) - 1}

    def update(
        self, collection: str, id: str, patch: Values, *, if_version: int | None = None
    ) -> None:
        """A merge patch of a record."""
        self._note(if_version, method="update", collection=collection, id=id, body=document(patch))

    def replace(
        self, collection: str, id: str, values: Values, *, if_version: int | None = None
    ) -> None:
        """A record's values instead of those it has."""
        body = document(values)
        self._note(if_version, method="replace", collection=collection, id=id, body=body)

    def delete(self, collection: str, id: str, *, if_version: int | None = None) -> None:
        """A record removed."""
        self._note(if_version, method="delete", collection=collection, id=id)

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self._operations:
            self._write()

    def _note(self, if_version: int | None = None, **operation: Any) -> None:
        if if_version is not None:
            operation["if_match"] = f'"{if_version}"'
        self._operations.append(operation)

    def _write(self) -> None:
        noted, self._operations = self._operations, []
        batch = parse_batch({"atomic": self._atomic, "operations": noted})
        batches = services().batches
        do = batches.atomic if self._atomic else batches.each
        for one in do(self._who, batch.operations, request=self._request):
            if not isinstance(one, Failed):
                self.results.append(None if one.answer is None else one.answer.document)
            elif isinstance(one.error, CoveyError):
                self.results.append(one.error)
            else:
                raise one.error


def batch(*, atomic: bool = True) -> Unclaimed:
    """Several writes, all or none unless `atomic` is False; who writes is said next.

    >>> with batch().as_function() as writes:  # doctest: +SKIP
    ...     post = writes.create("posts", {"title": "Hello"})
    ...     writes.create("comments", {"post": post, "text": "First"})
    """
    return Unclaimed(atomic=atomic)
