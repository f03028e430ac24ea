"""What a backup asks for besides records and the catalog: the ports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Credentials(Protocol):
    """What users sign in with; implemented by `covey.store.credentials` and in memory.

    What is kept of a user is a JSON value that only its keeper understands, and a secret.
    """

    def of(self, users: Sequence[str]) -> Mapping[str, Any]:
        """What is kept, by user; those who cannot sign in are not among them."""
        ...

    def creation(self, user: str, kept: Any) -> dict[str, Any]:
        """The entry for ``RecordStore.create(..., also=[...])`` that keeps it for this user.

        It fails the transaction where something is kept already. Raises Invalid for what
        `of` cannot have told.
        """
        ...


class Remains(Protocol):
    """What else is kept that a restored deployment wants: second factors, keys, past versions.

    Each item is a JSON value that only its keeper understands; some are secrets.
    """

    def walk(self, place: str) -> tuple[list[Any], str | None]:
        """Some items from after `place` on ("" is the beginning), and the next place or None."""
        ...

    def put(self, items: Sequence[Any]) -> None:
        """Keep each unless it is there already; raises as `check` does, having kept none."""
        ...

    def check(self, item: Any) -> None:
        """Raise Invalid ``invalid_backup`` for what `walk` cannot have told."""
        ...
