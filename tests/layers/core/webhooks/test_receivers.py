"""Real receivers that fail, stall, redirect and lie: all is delivered, and nobody else waits."""

from __future__ import annotations

import pytest

from bench.webhooks import measure
from covey.webhooks.model import Status


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.usefixtures("table")
def test_all_changes_arrive_signed_and_in_order_whatever_receivers_do() -> None:
    result = measure(120, records=20, hours=48, stalls_h=0.05, give_up_s=2.0)
    for one in result.outcomes:
        assert one.statuses == {Status.DELIVERED: 120}, one.name
        assert (one.unsigned, one.out_of_order, one.early, one.lost) == (0, 0, 0, 0), one.name
    flaky, well = result.find("failing 30 %"), result.find("well")
    assert flaky.requests > well.requests
    assert well.requests == 120  # though a batch was told twice
