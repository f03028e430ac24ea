"""The demo: its data, its jobs over a real gateway, and what it prints."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from rich.console import Console

from infra.cli import demo
from infra.cli.client import Answer, Client, ProblemError
from infra.cli.flights import folder, tables
from infra.cli.own_gateway import OwnGateway, StartError

ROOT = Path(__file__).resolve().parents[3]
ROWS = 300


def test_the_data_are_found_without_importing_them():
    assert (folder() / "flights.csv.zip").is_file()
    loaded = {table.collection: table for table in tables(ROWS)}
    assert {name: table.rows for name, table in loaded.items()} == {
        "airlines": 16,
        "airports": 1_458,
        "planes": 3_322,
        "flights": ROWS,
    }
    assert loaded["planes"].options["columns"] == {"tailnum": "id"}
    assert loaded["flights"].content.count(b"\n") == ROWS + 1


def test_a_file_in_a_zip_is_read_as_far_as_it_is_wanted(tmp_path):
    for name in ("airlines", "airports", "planes"):
        (tmp_path / f"{name}.csv").write_bytes(b"id\r\n1\r\n")
    with zipfile.ZipFile(tmp_path / "flights.csv.zip", "w") as archive:
        archive.writestr("flights.csv", "a,b\n1,2\n3,4\n5,6")
    content = {table.collection: table.content for table in tables(2, tmp_path)}
    assert content["flights"] == b"a,b\n1,2\n3,4\n"
    assert content["planes"] == b"id\n1\n"


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What the demo prints on its first run and on its second one, over the same data."""
    data = tmp_path_factory.mktemp("demo")
    said = []
    for _ in range(2):
        console = Console(file=io.StringIO(), width=100)
        with OwnGateway(demo.COLLECTIONS, data) as gateway:
            client = demo.administrator(gateway, data)
            demo.present(client, tables(ROWS), console, "http://127.0.0.1:9/")
        said.append(console.file.getvalue())
    return said


@pytest.mark.slow
def test_flights_are_loaded_with_their_airlines_airports_and_planes(printed):
    first, _ = printed
    for line in ("airlines", "16/16", "1458/1458", "3322/3322", f"{ROWS}/{ROWS}"):
        assert line in first


@pytest.mark.slow
def test_five_requests_are_shown_with_their_answers(printed):
    first, _ = printed
    assert first.count("→ 200") == 4
    assert first.count("→ 400") == 1
    for part in (
        '"expand"',
        "index [carrier, -time_hour]",
        '"code": "index_required"',
        "- [origin, -air_time]",
        "covey-cost: rru=0.5, wru=0",
        "curl -sG http://127.0.0.1:",
    ):
        assert part in first


@pytest.mark.slow
def test_a_second_run_loads_nothing_twice(printed):
    _, second = printed
    assert second.count("rows are there already") == 4
    assert second.count("→ 200") == 4


def test_rows_that_are_refused_end_the_demo_with_the_first_of_them():
    class Refusing(Client):
        def load(self, *_args, **_more):
            report = [{"row": 7, "field": "origin", "message": "names no record"}]
            return {"done": 1, "failed": 2, "report": report}

        def call(self, *_args):
            return {"items": []}

    console = Console(file=io.StringIO())
    with pytest.raises(ProblemError, match="2 rows of airlines were refused; row 7: origin names"):
        demo.load(Refusing("http://127.0.0.1:9"), tables(1), console)


def test_a_server_that_is_not_there_is_said_in_a_sentence():
    with pytest.raises(ProblemError, match=r"http://127.0.0.1:9 does not answer"):
        Client("http://127.0.0.1:9").call("GET", "/health")
    with pytest.raises(ProblemError, match="not an http or https address"):
        Client("ftp://somewhere").call("GET", "/health")


def test_collections_with_faults_are_told(tmp_path):
    (tmp_path / "flights.yaml").write_text("name: flights\nfields: {a: {type: nothing}}\n")
    with (
        pytest.raises(StartError, match=r"flights\.yaml"),
        OwnGateway(tmp_path, tmp_path / "data"),
    ):
        pass


def test_long_answers_are_cut_and_long_texts_too():
    document = {"next": "x" * 500, "items": list(range(100))}
    shown = demo.shown(Answer(200, {"etag": '"1"', "date": "now"}, document), ("etag",))
    assert shown.startswith('→ 200\n  etag: "1"\n')
    assert shown.endswith("lines more")
    assert "x" * 118 not in shown
    assert "date" not in shown
