"""The team's module: imported late, once, and not forgiven."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from covey.errors import CoveyError
from covey.hooks.declaring import DECLARED
from covey.hooks.loading import HooksBrokenError, TeamHooks

Team = Callable[[str], TeamHooks]


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    """Writes a team's module, and gives the hooks that are to come from it."""
    kept, DECLARED[:] = list(DECLARED), []
    monkeypatch.syspath_prepend(tmp_path)

    def write(text: str) -> TeamHooks:
        (tmp_path / "a_team").mkdir()
        (tmp_path / "a_team" / "__init__.py").touch()
        (tmp_path / "a_team" / "hooks.py").write_text(text)
        return TeamHooks("a_team.hooks")

    yield write
    DECLARED[:] = kept
    for name in [name for name in sys.modules if name.split(".")[0] == "a_team"]:
        del sys.modules[name]


def test_hooks_are_imported_when_the_first_write_asks_for_them(team: Team) -> None:
    hooks = team(
        "from covey.hooks import before, after\n"
        "@before('posts', 'create')\n"
        "def check(write): ...\n"
        "@after('posts', 'update', when='published')\n"
        "def tell(change): ...\n"
    )
    assert "a_team.hooks" not in sys.modules
    (check,) = hooks.before("posts", "create")
    assert check.name == "a_team.hooks.check"
    assert hooks.before("posts", "update") == []
    (tell,) = hooks.after()
    assert (tell.collection, tell.kinds, tell.when) == ("posts", {"updated"}, "published")


def test_a_team_without_hooks_has_none() -> None:
    assert TeamHooks("team.hooks_that_are_not_there").before("posts", "create") == []
    assert TeamHooks("team.hooks_that_are_not_there").after() == []


@pytest.mark.parametrize(
    "text",
    [
        "raise RuntimeError('a secret of the house')",
        "import a_package_that_is_not_there",
        "def broken(:",
        "from covey.hooks import after\nafter('posts', when='a ==')",
        "from covey.hooks import before\nbefore('posts', 'insert')",
    ],
)
def test_a_module_that_cannot_be_imported_lets_nothing_be_written(
    team: Team, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    hooks = team(text)
    for _ in range(2):
        with pytest.raises(CoveyError) as failed:
            hooks.before("posts", "create")
        assert (failed.value.status, failed.value.code) == (500, "hooks_failed")
        assert "secret" not in failed.value.detail
    with pytest.raises(HooksBrokenError):
        hooks.after()
    assert [record.exc_info is not None for record in caplog.records if record.exc_info]


def test_half_of_a_module_counts_for_nothing(team: Team) -> None:
    """Another import would find the first hook declared, and the second never."""
    hooks = team(
        "from covey.hooks import before\n"
        "@before('posts')\n"
        "def one(write): ...\n"
        "raise RuntimeError\n"
    )
    for _ in range(2):
        with pytest.raises(CoveyError):
            hooks.before("posts", "create")
