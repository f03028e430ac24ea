"""Set-up: done once, again when requirements change, and never by halves."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from infra.cli import environment
from infra.cli.environment import EnvironmentFaultError, ensure


def tree(folder):
    """A tree with requirements that name nothing."""
    (folder / "requirements").mkdir()
    for name in ("run", "dev"):
        (folder / "requirements" / f"{name}.txt").write_text("# nothing\n")
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    house = tree(tmp_path_factory.mktemp("house"))
    return house, ensure("run", house)


def test_it_is_made_once_and_updated_when_requirements_change(made, capsys):
    house, folder = made
    assert subprocess.run([folder / "bin" / "python", "-c", ""], check=True).returncode == 0
    capsys.readouterr()

    ensure("run", house)
    assert capsys.readouterr().err == ""

    (house / "requirements" / "run.txt").write_text("# other\n")
    ensure("run", house)
    assert "Installing 0 packages of requirements/run.txt" in capsys.readouterr().err

    ensure("dev", house)
    (house / "requirements" / "run.txt").write_text("# third\n")
    capsys.readouterr()
    ensure("run", house)  # what tests need holds what running needs
    assert capsys.readouterr().err == ""


def test_a_failed_install_says_why_and_is_tried_again(made):
    house, _ = made
    wrong = "click==0.0.0 --hash=sha256:" + "0" * 64 + "\n"
    (house / "requirements" / "dev.txt").write_text(wrong)
    for _ in range(2):
        with pytest.raises(EnvironmentFaultError, match=r"(?s)pip failed:.*click==0\.0\.0"):
            ensure("dev", house)


def test_a_python_without_ensurepip_is_told_what_to_install(tmp_path, monkeypatch):
    house = tree(tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    version = ".".join(map(str, sys.version_info[:2]))
    with pytest.raises(EnvironmentFaultError, match=f"apt install python{version}-venv"):
        ensure("run", house)
    assert not (house / environment.ENVIRONMENTS["run"]).exists()
