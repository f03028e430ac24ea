"""What a running Covey answers is what its /openapi.json says, whoever calls.

A short look; ``python -m bench.fuzz --seconds 600`` takes longer.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.fuzz import Callers, callers, fuzz

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
EXAMPLES = ("--max-examples", "2", "--no-shrink", "--seed", "20261122")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callers]:
    with callers(tmp_path_factory.mktemp("fuzzed")) as made:
        yield made


@pytest.mark.parametrize("who", ["guest", "user", "administrator"])
def test_every_operation_answers_as_documented(found: Callers, who: str) -> None:
    outcome = fuzz(found, who, 20, EXAMPLES)
    assert not outcome.failed, outcome.text
    assert outcome.cases > 100, outcome.text
