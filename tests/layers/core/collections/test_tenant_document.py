"""``tenant: org``: what the document becomes, and how it is shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from covey.collections.changes import diff
from covey.collections.document import dump, load, load_all, restore, state
from covey.errors import Invalid

USERS: dict[str, Any] = {
    "name": "users",
    "fields": {"org": {"type": "text", "write": "false"}},
}
TASKS: dict[str, Any] = {
    "name": "tasks",
    "tenant": "org",
    "fields": {
        "org": {"type": "text"},
        "title": {"type": "text"},
        "code": {"type": "text", "unique": True},
        "done": {"type": "bool"},
        "hours": {"type": "number"},
    },
    "rules": {"read": "true", "create": "done || hours > 1", "delete": "!done"},
    "indexes": [
        *(["done", "-created"], ["-hours"], ["org", "title"], ["org", "-created"]),
        {"fields": ["title", "hours"], "covering": False},
    ],
    "unique": [["title"], ["title", "org", "done"]],
    "aggregates": {
        "all": {"count": True},
        "by_done": {"group": ["done", "org"], "sum": ["hours"], "filter": "hours > 0"},
    },
}
PREFIX = "auth.org != null && org == auth.org && "


def test_rules_indexes_claims_and_groups_begin_with_the_tenant() -> None:
    tasks = load(TASKS)
    assert tasks.tenant == "org"
    assert tasks.rules.read is not None
    assert tasks.rules.create is not None
    assert tasks.rules.read.text == f"{PREFIX}(true)"
    assert tasks.rules.create.text == f"{PREFIX}(done || hours > 1)"
    assert tasks.rules.update is None
    assert [index.name for index in tasks.indexes] == [
        "[org, done, -created]",
        "[org, -hours]",
        "[org, title]",
        "[org, title, hours]",
        "[org, -created]",
    ]
    assert [index.covering for index in tasks.indexes] == [True, True, True, False, True]
    assert tasks.unique == (("org", "title"), ("org", "title", "done"), ("org", "code"))
    assert [one.group for one in tasks.aggregates.values()] == [("org",), ("org", "done")]
    org = tasks.fields["org"]
    assert org.required
    assert org.default is not None
    assert org.default.text == "auth.org"


VARIANTS: dict[str, dict[str, Any]] = {
    "all of it": {},
    "without rules": {"rules": {}},
    "a rule that says it already": {"rules": {"read": f"{PREFIX}(true)"}},
    "without indexes": {"indexes": []},
    "one that is said already": {"indexes": [["org"], ["org", "created"]]},
    "without the rest": {"unique": [], "aggregates": {}, "indexes": None},
    "one record of a tenant": {"unique": [["org"]]},
    "of users": {
        "name": "users",
        "fields": {
            "org": {"type": "text", "write": "false"},
            "handle": {"type": "text", "unique": True},
        },
        "indexes": [["handle"]],
        "unique": [],
        "aggregates": {},
        "rules": {"read": "true"},
    },
}


@pytest.mark.parametrize("more", VARIANTS.values(), ids=VARIANTS.keys())
def test_the_document_is_shown_as_it_was_written_and_reads_back_the_same(
    more: dict[str, Any],
) -> None:
    tasks = load({**TASKS, **more})
    shown = dump(tasks)
    assert load(shown, previous=tasks) == tasks
    assert restore(state(tasks)) == tasks
    assert shown["tenant"] == "org"
    assert (
        "auth.org" not in str(shown.get("rules")) or "already" in str(more) or PREFIX in str(more)
    )
    assert not any(part == ["-created"] for part in shown.get("indexes", ()))


def test_signing_up_and_addresses_stay_as_they_are() -> None:
    users = load({**USERS, "tenant": "org", "rules": {"read": "auth != null", "create": "true"}})
    assert users.unique == (("email",),)
    assert users.rules.create is not None
    assert users.rules.create.text == "true"
    assert users.rules.read is not None
    assert users.rules.read.text == f"{PREFIX}(auth != null)"
    assert not users.fields["org"].required


def test_a_tenant_that_is_added_wants_its_indexes_built() -> None:
    before = load({**TASKS, "tenant": None})
    after = load(TASKS, previous=before)
    told = [str(one) for one in diff(before, after)]
    assert "confine tasks to the caller's org" in told
    assert "add index tasks [org, -hours] (backfills)" in told
    assert "make org, title unique in tasks (backfills)" in told


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no field": ({"tenant": "firm"}, "tenant"),
    "no name": ({"tenant": 3}, "tenant"),
    "a mapping": ({"tenant": {"field": "org"}}, "tenant"),
    "of no such type": ({"tenant": "done"}, "tenant"),
    "a list": (
        {"fields": {**TASKS["fields"], "org": {"type": "text", "list": True}}},
        "tenant",
    ),
    "another default": (
        {"fields": {**TASKS["fields"], "org": {"type": "text", "default": "acme"}}},
        "fields.org.default",
    ),
    "too many parts": ({"indexes": [["title", "done", "hours", "code"]]}, "indexes.0"),
    "indexes that are none": ({"indexes": "title"}, "indexes"),
    "claims that are none": ({"unique": 3}, "unique"),
    "an aggregate that is none": ({"aggregates": {"all": 3}}, "aggregates.all"),
    "a group that is none": ({"aggregates": {"all": {"group": 3}}}, "aggregates.all.group"),
}


@pytest.mark.parametrize(("more", "path"), FAULTS.values(), ids=FAULTS.keys())
def test_what_cannot_be_is_told_by_its_place(more: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as refused:
        load({**TASKS, **more})
    assert path in [fault.field for fault in refused.value.errors]


USERS_FIELDS: dict[str, dict[str, Any]] = {
    "none": {},
    "of another type": {"org": {"type": "choice", "choices": ["a"], "write": "false"}},
    "a list": {"org": {"type": "text", "list": True, "write": "false"}},
    "that users write": {"org": {"type": "text"}},
    "that some users write": {"org": {"type": "text", "write": "'boss' in auth.roles"}},
}


@pytest.mark.parametrize("fields", USERS_FIELDS.values(), ids=USERS_FIELDS.keys())
def test_users_must_say_out_of_reach_whose_they_are(fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        load_all([{"name": "users", "fields": fields}, TASKS])
    assert [fault.field for fault in refused.value.errors] == ["tasks.tenant"]
    both = load_all([USERS, TASKS])
    with pytest.raises(Invalid):
        load_all([{"name": "users", "fields": fields}], both)


def test_the_guides_example_is_one() -> None:
    guide = Path(__file__).parents[4] / "docs/guide/tenants.md"
    written = re.findall(r"```yaml\n(.*?)```", guide.read_text("utf-8"), re.DOTALL)
    orgs = {"name": "orgs", "fields": {"title": {"type": "text"}}}
    loaded = load_all([orgs, *map(yaml.safe_load, written)])
    assert (loaded["tasks"].tenant, loaded["users"].tenant) == ("org", "org")
