"""Records."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from covey.records.model import Record, made


def test_a_record_made_fast_is_one_as_any_other() -> None:
    values = {"title": "Hello"}
    record = made("a", 1, 2, 3, values, 4, "user:ann")
    assert record == Record("a", 1, 2, 3, values, 4, "user:ann")
    assert type(record) is Record
    with pytest.raises(FrozenInstanceError):
        record.version = 4  # type: ignore[misc]


def test_instants_of_a_document_are_its_own() -> None:
    new, changed = Record("a", 1, 1, 1), Record("a", 1, 2, 2)
    assert new.document()["updated"] == new.document()["created"] == "1970-01-01T00:00:00.001Z"
    assert changed.document()["updated"] == "1970-01-01T00:00:00.002Z"
