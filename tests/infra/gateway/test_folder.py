"""The folder that holds everything that lasts."""

from __future__ import annotations

from infra.gateway.folder import Folder


def _open_to_others(path) -> bool:
    return bool(path.stat().st_mode & 0o077)


def test_a_new_folder_is_its_owners_alone(tmp_path):
    folder = Folder(tmp_path / "data")
    folder.release()
    assert not _open_to_others(tmp_path / "data")


def test_nothing_that_a_gateway_keeps_is_open_to_other_users(gateway):
    kept = [path for path in (gateway.log.parent / "data").rglob("*") if path.is_file()]
    assert {path.name for path in kept} >= {"lock", "secret", "gateway.db"}
    assert [path.name for path in kept if _open_to_others(path)] == []
