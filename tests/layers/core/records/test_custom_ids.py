"""Ids that writers give."""

from __future__ import annotations

from typing import Any

import pytest

from covey.errors import Invalid
from covey.records.custom_ids import RESERVED, check_custom_id


@pytest.mark.parametrize("value", ["a", "A:B", "a..b", "0", "x" * 128, "imports", "Import"])
def test_an_id_is_taken_as_it_is(value: str) -> None:
    assert check_custom_id(value) == value


@pytest.mark.parametrize(
    "value", [".", "..", "", "-a", "a/b", "%2e", "ü", "a\n", "a b", "x" * 129, None, 7, ["a"]]
)
def test_what_no_path_could_name_is_refused(value: Any) -> None:
    with pytest.raises(Invalid) as caught:
        check_custom_id(value)
    assert [fault.code for fault in caught.value.errors] == ["invalid_id"]


@pytest.mark.parametrize("value", sorted(RESERVED))
def test_an_id_that_an_operation_hides_is_refused(value: str) -> None:
    with pytest.raises(Invalid):
        check_custom_id(value)
