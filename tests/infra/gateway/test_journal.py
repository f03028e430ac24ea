"""The last invocations, on disk."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from infra.cli import invocations
from infra.cli.command import main
from infra.cli.invocations import InvocationError
from infra.gateway import journal as module
from infra.gateway.invoker import Answer
from infra.gateway.journal import Journal
from infra.gateway.pool import Invocation


def call(
    id: str,
    event: Any = None,
    answer: Any = None,
    *,
    error: dict[str, Any] | None = None,
    kind: str = "http",
    function: str = "RecordsFunction",
) -> Invocation:
    payload = None if error is not None else json.dumps(answer, separators=(",", ":")).encode()
    done = Answer(payload, error, 12.5, id)
    return Invocation(kind, "GET /records", function, done, 0.5, json.dumps(event).encode())


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    (tmp_path / "events").mkdir()
    return Journal(tmp_path / "events", lambda _: 1024, now=lambda: 1_000.0, pause=lambda _: None)


def kept(folder: Path) -> list[dict[str, Any]]:
    return list(invocations.entries(folder))


def test_an_invocation_is_kept_with_event_answer_lines_time_and_cost(
    journal: Journal, tmp_path: Path
) -> None:
    journal.printed("RecordsFunction", "r-1", "a line")
    journal.printed("RecordsFunction", "r-2", "of another")
    headers = {"Covey-Cost": "rru=1"}
    journal.finished(call("r-1", {"a": 1}, {"statusCode": 200, "headers": headers, "body": "{}"}))
    journal.write()
    (entry,) = kept(tmp_path)
    assert entry["event"] == {"a": 1}
    assert entry["answer"]["statusCode"] == 200
    assert (entry["status"], entry["cost"], entry["logs"]) == (200, "rru=1", ["a line"])
    assert (entry["duration_ms"], entry["at"], entry["kind"]) == (12.5, 1000.0, "http")
    assert entry["compute_usd"] == pytest.approx(0.0000002 + 0.0000166667 * 0.0125)


def test_only_its_owner_reads_it(journal: Journal, tmp_path: Path) -> None:
    journal.finished(call("r-1"))
    journal.write()
    (path,) = (tmp_path / "events").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_secrets_are_not_written(journal: Journal, tmp_path: Path) -> None:
    journal.printed("F", "r-1", "Bearer s3cr3t")
    event = {"headers": {"Authorization": "Bearer s3cr3t"}, "body": '{"password":"s3cr3t"}'}
    journal.finished(call("r-1", event, {"statusCode": 200, "body": '{"access_token":"s3cr3t"}'}))
    journal.finished(call("r-2", event, error={"errorMessage": "Basic s3cr3t", "errorType": "E"}))
    journal.write()
    for path in (tmp_path / "events").iterdir():
        assert "s3cr3t" not in path.read_text()
    assert len(kept(tmp_path)) == 2


def test_it_never_grows_over_its_bound(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FILE_BYTES", 2_000)
    for number in range(200):
        journal.finished(call(f"r-{number}", {"text": "x" * 200}))
        journal.write()
    files = list((tmp_path / "events").iterdir())
    assert len(files) == module.FILES
    assert sum(path.stat().st_size for path in files) < module.FILES * 3_000
    assert kept(tmp_path)[-1]["id"] == "r-199"


def test_under_load_the_newest_are_kept_and_what_failed_is_not_pushed_out(
    journal: Journal, tmp_path: Path
) -> None:
    journal.finished(call("failed", error={"errorType": "ValueError", "errorMessage": "no"}))
    journal.finished(call("broken", answer={"statusCode": 500, "body": ""}))
    for number in range(10_000):
        journal.finished(call(f"r-{number}", answer={"statusCode": 200}))
    journal.write()
    ids = [entry["id"] for entry in kept(tmp_path)]
    assert set(ids[:2]) | set(ids[-2:]) >= {"failed", "broken"}
    assert len(ids) == module.NEWEST + 2
    assert "r-9999" in ids


@pytest.mark.parametrize("event", [{"text": "x" * 300_000}, {"n": [0] * 200_000}])
def test_a_large_event_is_told_by_its_size(journal: Journal, tmp_path: Path, event: Any) -> None:
    journal.finished(call("r-1", event))
    journal.write()
    (entry,) = kept(tmp_path)
    assert entry["event"]["too_large"] > 256 * 1024
    with pytest.raises(InvocationError, match="too large"):
        invocations.again(entry)


def test_many_lines_and_long_ones_are_cut(journal: Journal, tmp_path: Path) -> None:
    for _ in range(1_000):
        journal.printed("F", "r-1", "y" * 10_000)
    journal.finished(call("r-1"))
    journal.write()
    (entry,) = kept(tmp_path)
    assert len(entry["logs"]) == module.MOST_LINES
    assert max(map(len, entry["logs"])) == module.MOST_LINE


def test_a_disk_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "nowhere", lambda _: 128)
    journal.finished(call("r-1"))
    journal.write()


def test_half_a_line_is_passed_over(journal: Journal, tmp_path: Path) -> None:
    journal.finished(call("r-1"))
    journal.write()
    (path,) = (tmp_path / "events").iterdir()
    path.write_text(path.read_text() + '{"id":"r-2","ev')
    assert [entry["id"] for entry in kept(tmp_path)] == ["r-1"]


def test_half_a_letter_is_passed_over_too(journal: Journal, tmp_path: Path) -> None:
    journal.finished(call("r-1"))
    journal.write()
    (path,) = (tmp_path / "events").iterdir()
    path.write_bytes(path.read_bytes() + '{"id":"r-2","event":"é'.encode()[:-1])
    journal.finished(call("r-3"))
    journal.write()
    journal.finished(call("r-4"))
    journal.write()
    assert [entry["id"] for entry in kept(tmp_path)] == ["r-1", "r-4"]


# ---- the commands


def run(tmp_path: Path, *arguments: str) -> Any:
    return CliRunner().invoke(main, [*arguments, "--data", str(tmp_path)])


def test_events_lists_and_narrows_and_shows_one_whole(journal: Journal, tmp_path: Path) -> None:
    journal.finished(call("aaaa-1", {"a": 1}, {"statusCode": 200}))
    journal.finished(call("bbbb-2", {"b": 2}, error={"errorType": "E", "errorMessage": "\x1b[2J"}))
    journal.finished(call("cccc-3", {"c": 3}, kind="queue", function="MailDeliverFunction"))
    journal.write()
    assert [line[:6] for line in run(tmp_path, "events").output.splitlines()] == [
        "aaaa-1", "bbbb-2", "cccc-3",
    ]  # fmt: skip
    assert "bbbb-2" in run(tmp_path, "events", "--failed").output
    assert "aaaa-1" not in run(tmp_path, "events", "--failed").output
    (line,) = run(tmp_path, "events", "--function", "mail_deliver").output.splitlines()
    assert line.startswith("cccc-3")
    assert json.loads(run(tmp_path, "events", "bbbb").output)["error"]["errorType"] == "E"
    assert json.loads(run(tmp_path, "events", "aaaa", "--event").output) == {"a": 1}
    assert run(tmp_path, "events", "dddd").exit_code == 1


def test_events_shows_nothing_that_moves_a_terminal(journal: Journal, tmp_path: Path) -> None:
    one = call("aaaa-1")
    journal.finished(Invocation(one.kind, "GET /\x1b[2J", one.function, one.answer, 0, one.event))
    journal.write()
    assert "\x1b" not in run(tmp_path, "events").output


def test_what_follows_is_told_once(journal: Journal, tmp_path: Path) -> None:
    journal.finished(call("before"))
    journal.write()
    turns = iter(range(4))

    def pause(_seconds: float) -> None:
        journal.finished(call(f"turn-{next(turns)}"))
        journal.write()

    seen: list[str] = []
    for entry in invocations.follow(tmp_path, lambda: len(seen) == 3, pause):
        seen.append(entry["id"])
    assert seen == ["turn-0", "turn-1", "turn-2"]


def test_a_file_that_goes_while_it_is_followed_ends_nothing(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "events" / "00000001.jsonl").write_text("")
    gone = tmp_path / "events" / "00000000.jsonl"
    files = [*(tmp_path / "events").iterdir()]
    turns = iter([files, [gone, *files]])
    monkeypatch.setattr(invocations, "_files", lambda _: next(turns))
    journal.finished(call("r-1"))

    def written() -> bool:
        journal.write()
        return False

    assert next(invocations.follow(tmp_path, written))["id"] == "r-1"


def test_a_replay_asks_as_nobody_or_as_the_token_says() -> None:
    headers = {"Authorization": "[redacted]", "Accept": "*/*"}
    event = {"headers": headers, "multiValueHeaders": dict(headers), "body": None}
    assert invocations.again({"event": event})["headers"] == {"Accept": "*/*"}
    asked = invocations.again({"event": event}, "t")
    assert asked["headers"]["Authorization"] == "Bearer t"
    assert asked["multiValueHeaders"]["Authorization"] == ["Bearer t"]


def test_an_event_that_lost_secrets_of_its_body_is_not_replayed() -> None:
    event = {"headers": {}, "body": '{"title":"a","token":"[redacted]"}'}
    with pytest.raises(InvocationError, match="secrets were taken out"):
        invocations.again({"event": event})
