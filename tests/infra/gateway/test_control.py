"""The way into a running gateway for its own user's commands."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.cli import invocations
from infra.gateway.city import Endpoints
from infra.gateway.control import NAME, Control
from infra.gateway.invoker import Answer
from infra.gateway.template import load

ROOT = Path(__file__).resolve().parents[3]
HERE = Endpoints("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3")
CITY = load(ROOT / "template.yaml", HERE)


class Echo:
    """An invoker that answers what it was called with."""

    def __init__(self) -> None:
        self.kinds: list[str] = []

    async def invoke(
        self,
        function: str,
        event: Mapping[str, Any] | bytes,
        *,
        kind: str,
        timeout: float | None = None,
        label: str = "",
        request_id: str = "",
    ) -> Answer:
        self.kinds.append(kind)
        if event == {"fail": True}:
            return Answer(None, {"errorType": "E"}, 1.0, "r-2")
        payload = json.dumps({"function": function, "event": event, "label": label}).encode()
        return Answer(payload, None, 1.0, "r-1")


def asked(folder: Path, *questions: Mapping[str, Any]) -> list[dict[str, Any] | None]:
    """What a command in a process beside it is answered."""

    async def run() -> list[dict[str, Any] | None]:
        control = Control(Echo(), lambda: CITY)
        assert await control.start(folder)
        assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600
        try:
            return [await asyncio.to_thread(invocations.ask, folder, one) for one in questions]
        finally:
            await control.stop()

    return asyncio.run(run())


def test_a_function_is_invoked_with_an_event_given_and_one_made_up(tmp_path: Path) -> None:
    given, made, failed = asked(
        tmp_path,
        {"function": "records", "event": {"a": 1}, "kind": "http", "label": "replay GET /"},
        {"function": "mail.deliver"},
        {"function": "records", "event": {"fail": True}},
    )
    assert given is not None
    assert given["answer"]["event"] == {"a": 1}
    assert given["answer"]["label"] == "replay GET /"
    assert made is not None
    assert made["answer"]["event"]["Records"][0]["eventSource"] == "aws:sqs"
    assert failed is not None
    assert failed["error"] == {"errorType": "E"}


def test_what_cannot_be_invoked_is_told(tmp_path: Path) -> None:
    nothing, unnamed = asked(tmp_path, {"function": "nothing"}, {"event": {}})
    assert nothing is not None
    assert "nothing is no function" in nothing["fault"]
    assert unnamed is not None
    assert unnamed["fault"] == "function"


def test_where_no_gateway_runs_there_is_no_answer(tmp_path: Path) -> None:
    assert invocations.ask(tmp_path, {"function": "records"}) is None
    asked(tmp_path)  # one that has ended leaves its socket behind
    assert invocations.ask(tmp_path, {"function": "records"}) is None


@pytest.mark.parametrize("line", [b"{\n", b"[]\n", b"\xff\n", b"7\n", b"\n", b""])
def test_what_is_no_question_harms_nobody(tmp_path: Path, line: bytes) -> None:
    async def run() -> bytes:
        control = Control(Echo(), lambda: CITY)
        await control.start(tmp_path)
        reader, writer = await asyncio.open_unix_connection(tmp_path / NAME)
        writer.write(line)
        writer.write_eof()
        told = await reader.read()
        writer.close()
        await control.stop()
        return told

    assert "fault" in json.loads(asyncio.run(run()))


def test_a_folder_with_a_long_name_has_none(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    assert asyncio.run(Control(Echo(), lambda: CITY).start(folder)) is False
