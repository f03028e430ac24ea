"""``covey shards``: advice, what there is, and a change that takes effect later."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from covey.collections.document import load
from covey.wiring import services
from infra.cli.command import main


@pytest.fixture
def endpoint(table: str, engine: str) -> Iterator[str]:
    services.cache_clear()
    services().catalog.save(load({"name": "posts", "fields": {"title": {"type": "text"}}}))
    yield engine
    services.cache_clear()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--creates", "20000"], "24 shards"),
        (["--creates", "100"], "1 shard"),
        (["--creates", "20000", "--bytes", "3000"], "79 shards"),
        (["--creates", "1e9"], "at most 1000"),
        ([], "Give --creates"),
    ],
)
def test_a_rate_of_writes_wants_so_many(given: list[str], said: str) -> None:
    assert said in CliRunner().invoke(main, ["shards", *given]).output


def test_a_collection_is_spread_from_later_on(endpoint: str) -> None:
    def shards(*given: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["shards", *given, "--endpoint", endpoint])
        return done.exit_code, done.output

    assert shards("posts") == (0, "1\n")
    code, said = shards("posts", "--set", "8")
    assert (code, said.splitlines()[0]) == (0, "1")
    assert said.splitlines()[1].startswith("8 since ")
    assert shards("posts", "--set", "8") == (0, said)
    assert shards("posts", "--set", "0")[0] == 1
    assert shards("nothing", "--set", "8")[0] == 1
    services().catalog.refresh()
    assert [epoch.shards for epoch in services().catalog.get("posts").schedule] == [1, 8]
