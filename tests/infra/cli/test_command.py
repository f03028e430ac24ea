"""The command line: what it says, and what it refuses."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from infra.cli.command import main


def ask(*arguments, **environment):
    return CliRunner().invoke(main, list(arguments), env=environment)


@pytest.mark.parametrize("name", [[], ["run"], ["push"], ["diff"], ["bootstrap"]])
def test_help_says_what_can_be_asked(name):
    answer = ask(*name, "--help")
    assert answer.exit_code == 0
    assert "Usage:" in answer.output
    assert all(command.help for command in main.commands.values())


def every(command, *names):
    """Each command below one, by its names."""
    yield names
    for name, below in getattr(command, "commands", {}).items():
        yield from every(below, *names, name)


@pytest.mark.parametrize("names", list(every(main)), ids=" ".join)
def test_every_help_reads_well(names):
    answer = ask(*names, "--help")
    assert answer.exit_code == 0
    assert "\\" not in answer.output
    _, _, commands = answer.output.partition("Commands:")
    assert "..." not in commands, "a summary that is cut off"


def test_version_names_what_runs():
    assert ask("version").output.startswith("covey 0.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "NoValue"], "NoValue has no =value"),
        (["--port", "70000"], "70000 is not in the range"),
        (["--template", "not-there.yaml"], "does not exist"),
        (["--log-format", "xml"], "'xml' is not one of"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(arguments, message):
    answer = ask("run", *arguments)
    assert answer.exit_code == 2
    assert message in answer.output
