"""What people and machines read of a run."""

from __future__ import annotations

import io
import json

import pytest

from infra.gateway.invoker import CRASHED, Answer
from infra.gateway.logs import Log
from infra.gateway.pool import Invocation

GOOD = Answer(
    b'{"statusCode":201,"headers":{"Covey-Cost":"rru=0, wru=4"},"body":""}', None, 3.25, "r-1"
)
DEAD = Answer(
    None, {"errorType": CRASHED, "errorMessage": "gone", "stackTrace": ["here\n"]}, 1, "r"
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def said(form, act, stream=None):
    out = stream or io.StringIO()
    act(Log(form, out))
    return out.getvalue()


def test_a_call_is_a_line():
    call = Invocation("http", "POST /records/posts", "Records", GOOD, 0.0)
    line = said("text", lambda log: log.finished(call))
    assert line.count("\n") == 1
    for part in ("201", "POST /records/posts", "3.2 ms", "rru=0, wru=4", "Records"):
        assert part in line


def test_for_machines_a_call_is_a_document():
    call = Invocation("http", "POST /x", "Records", GOOD, 1.5)
    document = json.loads(said("json", lambda log: log.finished(call)))
    assert document["status"] == "201"
    assert document["duration_ms"] == 3.25
    assert document["request_id"] == "r-1"


def test_a_failure_is_shown_with_its_trace():
    call = Invocation("queue", "jobs ×1", "Jobs", DEAD, 0.0)
    text = said("text", lambda log: log.finished(call))
    assert "FAIL" in text
    assert "Runtime.ExitError: gone" in text
    assert "    here" in text


@pytest.mark.parametrize("stream", [None, Terminal()], ids=["file", "terminal"])
def test_nothing_a_caller_sends_moves_the_cursor(stream):
    call = Invocation("http", "GET /\x1b[2J\r\x07", "F", GOOD, 0.0)

    def act(log: Log) -> None:
        log.finished(call)
        log.printed("F", "r", "plain\x1b[2J")
        log.printed("F", "r", json.dumps({"message": "\x1b[2J", "exception": "\x1b[2J"}))
        log.say("\x1b[2J\r\x07")

    text = said("text", act, stream)
    assert "\x1b[2J" not in text
    assert "\r" not in text
    assert "\x07" not in text


def test_structured_lines_are_told_and_metrics_are_not():
    def act(log: Log) -> None:
        log.printed("F", "r", json.dumps({"level": "ERROR", "message": "no", "more": 1}))
        log.printed("F", "r", json.dumps({"_aws": {}, "count": 1}))
        log.printed("F", "r", "plain")
        log.printed("F", "r", "{not json")

    text = said("text", act)
    assert 'ERROR   no {"more": 1}' in text
    assert "_aws" not in text
    assert "plain" in text
    assert "{not json" in text


def test_lines_of_functions_keep_their_request_for_machines():
    text = said("json", lambda log: log.printed("F", "r-9", "plain"))
    assert json.loads(text)["request_id"] == "r-9"
