"""Events that nobody sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.gateway.city import City, Endpoints
from infra.gateway.made_up import NoSuchFunctionError, function_named, made_up
from infra.gateway.template import load

ROOT = Path(__file__).resolve().parents[3]
HERE = Endpoints("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3")
CITY: City = load(ROOT / "template.yaml", HERE)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("RecordsFunction", "RecordsFunction"),
        ("Records", "RecordsFunction"),
        ("records", "RecordsFunction"),
        ("jobs.run", "JobsRunFunction"),
        ("functions.mail.deliver", "MailDeliverFunction"),
        ("functions.records.handler.handler", "RecordsFunction"),
    ],
)
def test_a_function_goes_by_its_id_its_folder_and_its_module(name: str, function: str) -> None:
    assert function_named(CITY, name) == function


@pytest.mark.parametrize("name", ["nothing", "jobs", "", "../records"])
def test_what_names_none_or_several_is_told(name: str) -> None:
    with pytest.raises(NoSuchFunctionError, match="Function"):
        function_named(CITY, name)


def test_each_function_has_an_event_as_its_trigger_sends_it() -> None:
    for function in CITY.functions:
        kind, event = made_up(CITY, function)
        json.dumps(event)
        assert kind in ("http", "queue", "schedule", "upload", "socket", "stream"), function
    kind, event = made_up(CITY, "RecordsFunction", "POST", "/records/posts?limit=1")
    assert (kind, event["httpMethod"], event["path"]) == ("http", "POST", "/records/posts")
    assert event["queryStringParameters"] == {"limit": "1"}
    kind, event = made_up(CITY, "MailDeliverFunction")
    assert event["Records"][0]["eventSource"] == "aws:sqs"
    kind, event = made_up(CITY, "JobsSweepFunction")
    assert (kind, event["source"]) == ("schedule", "aws.scheduler")


def test_a_path_of_nobody_is_told() -> None:
    with pytest.raises(NoSuchFunctionError, match="no function answers"):
        made_up(CITY, "RecordsFunction", "GET", "/nowhere/at/all")
