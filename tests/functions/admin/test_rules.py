"""/admin/rules/explain: why a caller may or may not."""

from __future__ import annotations

from typing import Any

import pytest

TARGET = "/admin/rules/explain"
GUEST = {"guest": True}


@pytest.fixture
def ask(api: Any) -> Any:
    root = api.token("root", "admin")

    def asked(**question: Any) -> Any:
        return api("POST", TARGET, token=root, body={"collection": "posts", **question})

    return asked


@pytest.fixture
def post(api: Any) -> str:
    body = {"title": "Hi", "secret": "s3cret"}
    made = api("POST", "/records/posts", token=api.token("ann"), body=body)
    return str(made.json["id"])


def test_a_read_is_explained_clause_by_clause(ask: Any, post: str) -> None:
    told = ask(action="read", id=post, principal=GUEST).json
    assert told["allowed"] is False
    assert (told["refusal"]["status"], told["refusal"]["code"]) == (404, "not_found")
    [rule] = told["rules"]
    assert (rule["rule"], rule["on"], rule["holds"]) == ("read", "record", False)
    assert rule["text"] == "published || author == auth.id"
    assert rule["why"]["clauses"] == [
        {"text": "published", "value": False},
        {
            "text": "author == auth.id",
            "error": "null has no id",
            "reads": {"auth.id": None, "author": "ann"},
        },
    ]
    assert told["fields"]["secret"]["read"]["holds"] is False


def test_who_may_is_told_why(api: Any, ask: Any, post: str) -> None:
    told = ask(action="read", id=post, principal={"user": "ann"}).json
    assert told["allowed"] and told["refusal"] is None
    assert told["rules"][0]["why"]["clauses"][1]["reads"] == {"auth.id": "ann", "author": "ann"}
    assert told["fields"]["secret"]["read"]["holds"] is True
    assert told["principal"] == {"kind": "user", "id": "ann", "roles": []}


def test_an_update_is_asked_before_and_after(ask: Any, post: str) -> None:
    told = ask(action="update", id=post, record={"author": "ben"}, principal={"user": "ann"}).json
    assert told["refusal"]["code"] == "rule_denied"
    assert [(one["rule"], one["on"], one["holds"]) for one in told["rules"]] == [
        ("read", "record", True),
        ("update", "before", True),
        ("update", "after", False),
    ]


@pytest.mark.parametrize(
    ("question", "allowed"),
    [
        ({"action": "create", "record": {"title": "x"}, "principal": GUEST}, False),
        ({"action": "create", "record": {"title": "x"}, "principal": {"roles": []}}, True),
        ({"action": "read", "record": {"published": True}, "principal": GUEST}, True),
        ({"action": "delete", "record": {"author": "z"}, "principal": {"roles": ["x"]}}, False),
        (
            {
                "action": "delete",
                "record": {"author": "z"},
                "principal": {"roles": [], "id": "z", "values": {"team": "red"}},
            },
            True,
        ),
        ({"action": "update", "before": {"author": "z"}, "principal": {"roles": ["admin"]}}, True),
        (
            {
                "action": "update",
                "before": {"author": "z", "published": True},
                "record": {"title": "t"},
                "principal": {"roles": []},
            },
            False,
        ),
    ],
)
def test_records_and_callers_may_be_thought_of(ask: Any, question: Any, allowed: bool) -> None:
    answer = ask(**question)
    assert answer.status == 200, answer.text
    assert answer.json["allowed"] is allowed


@pytest.mark.parametrize(
    ("question", "status", "code"),
    [
        ({"action": "read", "principal": GUEST}, 400, "invalid_question"),
        ({"action": "create", "principal": GUEST}, 400, "invalid_question"),
        ({"action": "update", "record": {}, "principal": GUEST}, 400, "invalid_question"),
        ({"action": "list", "record": {}, "principal": GUEST}, 400, "invalid_question"),
        ({"action": ["read"], "record": {}, "principal": GUEST}, 400, "invalid_question"),
        ({"action": "read", "record": {}}, 400, "invalid_question"),
        ({"action": "read", "record": {}, "principal": "ann"}, 400, "invalid_question"),
        ({"action": "read", "record": {}, "principal": {}}, 400, "invalid_question"),
        ({"action": "read", "record": {}, "principal": {"guest": False}}, 400, "invalid_question"),
        ({"action": "read", "record": {}, "principal": {"roles": [1]}}, 400, "invalid_question"),
        ({"action": "read", "record": [], "principal": GUEST}, 400, "invalid_question"),
        ({"action": "read", "id": 5, "principal": GUEST}, 400, "invalid_question"),
        (
            {"action": "read", "record": {}, "principal": GUEST, "request": {"x": "y"}},
            400,
            "invalid_question",
        ),
        ({"action": "read", "record": {}, "principal": GUEST, "as": 1}, 400, "invalid_question"),
        ({"action": "read", "record": {"x": 1}, "principal": GUEST}, 422, "validation_failed"),
        ({"action": "read", "record": {"views": "x"}, "principal": GUEST}, 422, None),
        ({"action": "read", "id": "nothing", "principal": GUEST}, 404, "not_found"),
        ({"action": "read", "id": "0" * 20, "principal": GUEST}, 404, "not_found"),
        ({"action": "read", "record": {}, "principal": {"user": "x"}}, 404, "not_found"),
        (
            {"collection": "no", "action": "read", "record": {}, "principal": GUEST},
            404,
            "not_found",
        ),
    ],
)
def test_a_question_with_a_fault_is_refused(
    ask: Any, question: Any, status: int, code: str | None
) -> None:
    answer = ask(**question)
    assert answer.status == status, answer.text
    assert code is None or answer.code == code


def test_only_administrators_ask(api: Any) -> None:
    question = {"collection": "posts", "action": "read", "record": {}, "principal": GUEST}
    assert api("POST", TARGET, body=question).status == 401
    assert api("POST", TARGET, token=api.token("ann"), body=question).status == 403
