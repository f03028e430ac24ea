"""docs/reference/costs.md says what the data engine reports."""

from __future__ import annotations

import pytest

from bench import units
from covey.wiring import services


@pytest.mark.usefixtures("table")
def test_the_page_of_costs_is_current() -> None:
    services.cache_clear()
    measured = units.measure()
    services.cache_clear()
    kept = units.PAGE.read_text(encoding="utf-8")
    assert kept == units.page(units.cells(measured)), "run python -m bench.units --write"
    for one in measured:
        assert all(have >= least for have, least in zip(one.measured, one.least, strict=True)), one
