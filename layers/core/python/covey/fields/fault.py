"""What is wrong with one value."""

from __future__ import annotations


class FieldFault(ValueError):
    """A value that its field cannot hold.

    `code` is stable; `message` goes on from the field's name: "must be …". `path` leads from
    the field to the faulty part, such as ``(2,)`` for the third item of a list.
    """

    def __init__(self, code: str, message: str, path: tuple[str | int, ...] = ()) -> None:
        self.code = code
        self.message = message
        self.path = path
        super().__init__(message)

    def within(self, part: str | int) -> FieldFault:
        """The same fault, seen from one level further out."""
        return FieldFault(self.code, self.message, (part, *self.path))


def wrong_type(wanted: str) -> FieldFault:
    """The fault of a value that is of another JSON type."""
    return FieldFault("wrong_type", f"must be {wanted}")
