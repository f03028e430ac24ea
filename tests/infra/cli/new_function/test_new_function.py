"""``covey new function``: what it makes works at once, and what it edits keeps its words."""

from __future__ import annotations

import difflib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.cli.command import main
from infra.cli.new_function.kinds import TRIGGERS
from infra.gateway.city import City, Endpoints
from infra.gateway.template import load

ROOT = Path(__file__).resolve().parents[4]
HERE = Endpoints("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3")
WRITTEN = ("template.yaml", "app.py", "pyproject.toml", "infra/build/functions.mk")
_COPIED = ("functions", "infra", "tests/contracts/test_map.py", "tests/conftest.py")


def copy_of_the_house(folder: Path) -> Path:
    house = folder / "house"
    ignore = shutil.ignore_patterns("__pycache__")
    for name in (*_COPIED, *WRITTEN[:3], "tests/functions/conftest.py"):
        source, target = ROOT / name, house / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=ignore)
        else:
            shutil.copy(source, target)
    for name in ("layers", ".tools"):
        (house / name).symlink_to(ROOT / name)
    return house


@pytest.fixture
def house(tmp_path: Path) -> Path:
    return copy_of_the_house(tmp_path)


def new(house: Path, name: str, trigger: str, *more: str) -> str:
    arguments = ["new", "function", name, "--trigger", trigger, "--house", str(house), *more]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    return done.output


def refused(house: Path, name: str, trigger: str, *more: str) -> str:
    before = texts(house)
    arguments = ["new", "function", name, "--trigger", trigger, "--house", str(house), *more]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code != 0, done.output
    assert texts(house) == before
    return done.output


def texts(house: Path) -> dict[str, str]:
    found = [*WRITTEN, *(str(one.relative_to(house)) for one in house.glob("functions/*/*.py"))]
    return {name: (house / name).read_text() for name in found}


def city(house: Path) -> City:
    return load(house / "template.yaml", HERE)


def test_a_change_trigger_is_declared_once_and_sends_to_its_own_queue(house: Path) -> None:
    narrowed = ("--kind", "created", "--kind", "updated", "--when", 'title != "a"')
    new(house, "greet_new", "change", "--collection", "notes", *narrowed)
    new(house, "follow", "change")
    from covey.hooks.telling import calls

    found = city(house)
    declared, faults = calls(found.functions["ChangesApplyFunction"].environment["CHANGE_TRIGGERS"])
    assert not faults
    told = {call.function: call for call in declared}
    assert told["greet_new"].wanted.collection == "notes"
    assert told["greet_new"].wanted.kinds == {"created", "updated"}
    assert told["greet_new"].wanted.when == 'title != "a"'
    queues = {queue.url: queue for queue in found.queues.values()}
    assert queues[told["follow"].queue].logical_id == "FollowQueue"
    triggers = {one.queue: one.function for one in found.queue_triggers}
    assert triggers[queues[told["greet_new"].queue].name] == "GreetNewFunction"
    policies = (house / "template.yaml").read_text()
    assert "Action: sqs:SendMessage, Resource: !GetAtt GreetNewQueue.Arn" in policies


@pytest.mark.parametrize("trigger", ["change", "queue", "schedule", "upload", "socket"])
def test_what_is_edited_only_grows(house: Path, trigger: str) -> None:
    before = {name: (house / name).read_text().splitlines() for name in WRITTEN}
    new(house, "things", trigger)
    gone = []
    for name in WRITTEN:
        after = (house / name).read_text().splitlines()
        gone += [line[2:] for line in difflib.ndiff(before[name], after) if line.startswith("- ")]
    # The lists that name the function too: which never import each other, what the stage awaits.
    kept = [line for line in gone if not line.startswith(("modules = [", "    DependsOn: ["))]
    assert kept == []
    assert len(gone) == (2 if trigger == "socket" else 1)


def test_a_prefix_may_not_overlap_another(house: Path) -> None:
    new(house, "pictures", "upload", "--prefix", "pictures/")
    told = refused(house, "small", "upload", "--prefix", "pictures/small/")
    assert "PicturesFunction takes what is stored under 'pictures/' already" in told


@pytest.mark.parametrize(
    ("name", "trigger", "more", "why"),
    [
        ("Greet", "http", (), "is no name"),
        ("../greet", "http", (), "is no name"),
        ("greet-all", "http", (), "is no name"),
        ("class", "http", (), "means something else"),
        ("records", "http", (), "functions/records is there already"),
        ("jobs_run", "queue", (), "JobsRunFunction already"),
        ("greet", "change", ("--when", "title =="), "--when is no expression"),
        ("greet", "change", ("--when", "title == '${X}'"), "mean something else"),
        ("greet", "change", ("--collection", "no such"), "no name of a collection"),
        ("greet", "schedule", ("--schedule", "every minute"), "is no schedule"),
        ("greet", "schedule", ("--schedule", "rate(1 minute)\nEvil: x"), "is no schedule"),
        ("greet", "upload", ("--prefix", "../x/"), "is no prefix"),
        ("greet", "upload", ("--prefix", "imports/"), "takes what is stored"),
        ("greet", "carrier-pigeon", (), "carrier-pigeon"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_is_written(
    house: Path, name: str, trigger: str, more: tuple[str, ...], why: str
) -> None:
    assert why in refused(house, name, trigger, *more)


@pytest.mark.slow
def test_each_function_that_is_made_passes_its_own_test_and_the_map(house: Path) -> None:
    for trigger in TRIGGERS:
        new(house, f"my_{trigger}", trigger)
    paths = ("layers/core/python", "layers/team/python", ".")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTEST")
    } | {"PYTHONPATH": os.pathsep.join(str(house / path) for path in paths)}
    tests = [f"tests/functions/my_{trigger}" for trigger in TRIGGERS]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, "tests/contracts"],
        cwd=house,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4_000:]
    style = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "functions", "tests/functions", "app.py"],
        cwd=house,
        capture_output=True,
        text=True,
    )
    assert style.returncode == 0, style.stdout
