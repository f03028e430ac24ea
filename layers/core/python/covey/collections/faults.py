"""The faults of one document, collected so that all are told at once."""

from __future__ import annotations

from covey.errors import FieldError, Invalid

MAX_ERRORS = 100


class Faults:
    """Errors by dotted path, such as ``fields.title.max``."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def add(self, path: str, code: str, message: str) -> None:
        """Note one fault; `message` goes on from the path."""
        self.errors.append(FieldError(path, code, message))

    def raise_any(self, what: str) -> None:
        """Raise Invalid(code="invalid_collection") where there are faults."""
        if self.errors:
            first = self.errors[0]
            more = f" ({len(self.errors) - 1} more)" if len(self.errors) > 1 else ""
            raise Invalid(
                f"{what}: {first.field} {first.message}{more}.".replace(":  ", ": "),
                code="invalid_collection",
                errors=self.errors[:MAX_ERRORS],
            )
