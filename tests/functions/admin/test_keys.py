"""/admin/signing-keys, and the API keys of others."""

from __future__ import annotations

from typing import Any

from click.testing import CliRunner

from covey.wiring import services
from infra.cli.command import main


def test_administrators_make_the_next_key_and_nobody_is_logged_out(api: Any) -> None:
    root, ann = api.token("root", "admin"), api.token("ann")
    made = api("POST", "/admin/signing-keys", token=root)
    assert made.status == 201
    assert made.json["state"] == "coming"
    listed = api("GET", "/admin/signing-keys", token=root).json["items"]
    assert [one["state"] for one in listed] == ["signing", "coming"]
    assert api("GET", "/auth/me", token=ann).status == 200
    assert api("POST", "/admin/signing-keys", token=root).code == "rotation_under_way"
    (noted,) = [
        one
        for one in api("GET", "/admin/audit", token=root).json["items"]
        if one["kind"] == "signing_key_made"
    ]
    assert (noted["actor"], noted["detail"]) == ("root", {"key": made.json["id"]})
    for method in ("GET", "POST"):
        assert api(method, "/admin/signing-keys", token=ann).code == "administrators_only"
        assert api(method, "/admin/signing-keys").status == 401


def test_the_command_rotates_too(api: Any) -> None:
    services().signing_keys.current()
    made = CliRunner().invoke(main, ["keys", "rotate"])
    assert made.exit_code == 0, made.output
    assert "signs from" in made.output
    again = CliRunner().invoke(main, ["keys", "rotate"])
    assert again.exit_code == 1
    listed = CliRunner().invoke(main, ["keys", "list"]).output
    assert listed.count("signing") == listed.count("coming") == 1


def test_administrators_end_the_keys_of_a_user(api: Any) -> None:
    root, ann = api.token("root", "admin"), api.token("ann")
    key = api("POST", "/auth/keys", token=ann, body={"name": "ci", "scopes": {"*": ["read"]}}).json[
        "key"
    ]
    assert api("GET", "/records/notes", token=key).status == 200
    assert api("DELETE", "/admin/users/ann/keys", token=ann).code == "administrators_only"
    assert api("DELETE", "/admin/users/nobody/keys", token=root).status == 404
    assert api("DELETE", "/admin/users/ann/keys", token=root).status == 204
    assert api("GET", "/records/notes", token=key).code == "invalid_token"
