"""Letters from templates."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import TemplateNotFound, UndefinedError

from covey.mail.letters import OWN, Letters, folders

VALUES = {
    "email": "ann@example.com",
    "new": "new@example.com",
    "link": "https://example.com/reset#token=abc",
    "code": "123456",
    "lifetime": "1 hour",
    "what": "totp_enabled",
    "provider": "github",
    "why": "gone",
    "webhook": "0000000000000000000a",
    "host": "receiver.example",
}
KINDS = sorted(path.stem for path in OWN.glob("*.txt"))


def letters(*more: Path) -> Letters:
    return Letters([*more, OWN], {"product": "Acme"})


@pytest.mark.parametrize("kind", KINDS)
def test_every_letter_has_both_forms_and_says_the_same(kind: str) -> None:
    letter = letters().write(kind, "ann@example.com", VALUES)
    assert letter.subject
    assert letter.html.startswith("<!doctype html>")
    for name in ("link", "code"):
        assert (VALUES[name] in letter.text) == (VALUES[name] in letter.html)
    assert "{{" not in letter.subject + letter.text + letter.html


def test_a_letter_says_what_has_changed() -> None:
    changes = ["totp_enabled", "totp_removed", "recovery_codes_renewed", "passkey_added"]
    changes += ["passkey_removed", "factors_removed"]
    written = [letters().write("factor_changed", "a@example.com", {"what": one}) for one in changes]
    assert len({letter.text for letter in written}) == len(changes)
    for letter in written:
        assert letter.subject == "How you sign in to Acme was changed"
        said = letter.text.splitlines()[0]
        assert said in letter.html


def test_what_strangers_wrote_is_text_and_stays_on_its_line() -> None:
    new = "<b>Ann</b>\n\nYou won: https://evil.example" + "x" * 1000
    letter = letters().write("email_changing", "ann@example.com", {**VALUES, "new": new})
    assert "<b>" not in letter.html
    assert "&lt;b&gt;Ann" in letter.html
    assert "\nYou won" not in letter.text
    assert "x" * 600 not in letter.text


def test_a_team_changes_the_files_that_it_has(tmp_path: Path) -> None:
    (tmp_path / "reset.html").write_text("<p>Ours: {{ link }}</p>")
    letter = letters(tmp_path).write("reset", "ann@example.com", VALUES)
    assert letter.html == f"<p>Ours: {VALUES['link']}</p>"
    assert letter.subject == "Reset your password for Acme"


def test_a_template_cannot_reach_out_of_its_sandbox(tmp_path: Path) -> None:
    (tmp_path / "reset.txt").write_text("{{ product.__class__.__mro__ }}\n")
    with pytest.raises(Exception, match="unsafe"):
        letters(tmp_path).write("reset", "ann@example.com", VALUES)


def test_a_value_that_is_missing_is_a_fault_and_no_gap() -> None:
    with pytest.raises(UndefinedError):
        letters().write("reset", "ann@example.com", {})


def test_there_is_no_letter_outside_the_folders() -> None:
    with pytest.raises(TemplateNotFound):
        letters().write("../message", "ann@example.com", VALUES)


def test_coveys_own_templates_come_last() -> None:
    assert folders()[-1] == OWN
