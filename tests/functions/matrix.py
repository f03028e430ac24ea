"""Everybody who may ask, records of every kind of visibility, and the oracle over both.

The oracle is GET: a record may be known to a caller if GET gives it to them, and of it what GET
gives. No expectation about a rule is written here; only how surfaces must agree with GET.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any
from urllib.parse import quote, urlencode

from covey.collections.document import load_all
from covey.testing.queues import MemoryJobQueue
from covey.wiring import services
from functions.changes.apply import handler as changed
from functions.files.uploaded import handler as uploaded
from functions.jobs.run import handler as run
from tests.functions.conftest import USERS, Answer, Api
from tests.functions.stream import Stream

Document = dict[str, Any]

TEAMS: Document = {
    "name": "teams",
    "ids": "custom",
    "fields": {
        "title": {"type": "text"},
        "members": {"type": "relation", "to": "users", "list": True},
    },
    "rules": {"read": "auth.id in members"},
}
DOCS: Document = {
    "name": "docs",
    "ids": "custom",
    "fields": {
        "title": {"type": "text"},
        "slug": {"type": "text"},
        "owner": {"type": "relation", "to": "users", "default": "auth.id"},
        "team": {"type": "relation", "to": "teams"},
        "open": {"type": "bool", "default": False},
        "score": {"type": "integer"},
        "place": {"type": "geo"},
        # Hidden by the record, by the caller, and from all but administrators.
        "secret": {"type": "text", "read": "owner == auth.id"},
        "staff": {"type": "text", "read": "'staff' in auth.roles"},
        "vault": {"type": "integer", "read": "false"},
    },
    "rules": {
        "read": "open || owner == auth.id || auth.id in team.members",
        "create": "auth != null",
        "update": "owner == auth.id || auth.id in team.members",
        "delete": "owner == auth.id",
    },
    "indexes": [["team", "-score"], ["open", "-score"], ["score"], ["owner", "-score"]],
    "geo": ["place"],
    "unique": [["slug"]],
    "search": ["title", "secret", "staff"],
    "aggregates": {
        "by_who": {"group": ["team", "open", "owner"], "count": True, "sum": ["score"]},
        "by_open": {"group": ["open"], "count": True, "sum": ["score", "vault"]},
        "by_staff": {"group": ["staff"], "count": True, "max": ["score"]},
    },
    "history": "90d",
    "soft_delete": "30d",
}
REMARKS: Document = {
    "name": "remarks",
    "ids": "custom",
    "fields": {
        "on": {"type": "relation", "to": "docs"},
        "by": {"type": "relation", "to": "users"},
        "text": {"type": "text"},
        "whisper": {"type": "text", "read": "by == auth.id"},
    },
    "rules": {"read": "by == auth.id || on.open", "create": "auth != null"},
    "indexes": [["on"]],
}
TEAM_OF: Mapping[str, list[str]] = {"red": ["mia", "rob", "bob"], "blue": ["zoe"]}
READING = {"scopes": {"*": ["read"]}, "surfaces": ["jobs", "realtime", "schema:read"]}
SCOPED = {"scopes": {"docs": ["read", "update"]}, "surfaces": ["jobs", "realtime"]}
ELSEWHERE = {"scopes": {"remarks": ["read"]}, "surfaces": ["jobs", "realtime"]}
GUEST = "guest"


class _Invocation:
    aws_request_id = "r1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


HERE = _Invocation()


@dataclass
class Matrix:
    """The records, and everybody's tokens by what they are; None is a guest's."""

    api: Api
    stream: Stream
    tokens: dict[str, str | None] = field(default_factory=dict)
    root: str = ""

    def build(self) -> Matrix:
        services().__dict__["job_queue"] = MemoryJobQueue()
        for one in load_all([USERS, TEAMS, DOCS, REMARKS]).values():
            services().catalog.save(one)
        self.root = self.api.token("root", "admin")
        people = {name: self.api.token(name) for name in ("ann", "bob", "mia", "rob", "zoe")}
        people["sue"] = self.api.token("sue", "staff")
        self.tokens = {
            GUEST: None,
            "owner": people["ann"],
            "other": people["sue"],
            "team member": people["mia"],
            "removed member": people["rob"],
            "scoped key": self._key(people["ann"], SCOPED),
            "read-only key": self._key(people["ann"], READING),
            "key for another collection": self._key(people["ann"], ELSEWHERE),
            "administrator": self.root,
            "read-only key of an administrator": self._key(self.root, READING),
            "impersonator": self._made("POST", "/auth/impersonate", body={"user": "ann"})[
                "access_token"
            ],
        }
        self._fill()
        return self

    def _key(self, token: str, asked: Document) -> str:
        made = self.api("POST", "/auth/keys", token=token, body={"name": "k", **asked})
        assert made.status == 201, made
        return str(made.json["key"])

    def _made(self, method: str, target: str, **more: Any) -> Any:
        answer = self.api(method, target, token=self.root, **more)
        assert answer.status in (200, 201, 204), answer
        return answer.json if answer.text else None

    def _fill(self) -> None:
        for team, members in TEAM_OF.items():
            self._made("PUT", f"/records/teams/{team}", body={"title": team, "members": members})
        owners, teams = ("ann", "bob", "sue"), (None, "red", "blue")
        for number, (owner, team, is_open) in enumerate(product(owners, teams, (True, False))):
            body = {
                "title": f"common t{number}",
                "slug": f"slug-{number}",
                "owner": owner,
                "team": team,
                "open": is_open,
                "score": number,
                "place": {"lat": 10 + number / 100, "lon": 20},
                "secret": f"secretword s{number}",
                "staff": f"staffword {'even' if number % 2 else 'odd'}",
                "vault": 1000 + number,
            }
            self._made("PUT", f"/records/docs/d{number:02}", body=body)
            for who in ("ann", "mia"):
                remark = {"on": f"d{number:02}", "by": who, "text": "r", "whisper": f"psst {who}"}
                self._made("PUT", f"/records/remarks/r{number:02}{who}", body=remark)
        for number in range(0, 18, 4):  # which were another's, and open, in their first version
            given = {"owner": "ann", "open": False, "score": 50 + number}
            self._made("PATCH", f"/records/docs/d{number:02}", body=given)
        self._made("DELETE", "/records/docs/d17")
        self._made("PATCH", "/records/teams/red", body={"members": ["mia", "bob"]})
        self.streamed()

    # ---- what happens elsewhere

    def streamed(self) -> list[Document]:
        """Tell the consumers of all that was written; what they were told."""
        records = self.stream.take()
        assert changed({"Records": records}, None) == {"batchItemFailures": []}
        return records

    def worked(self) -> None:
        """Run the jobs that wait."""
        queue = services().job_queue
        assert isinstance(queue, MemoryJobQueue)
        while bodies := queue.take():
            for body in bodies:
                message = {"messageId": "1", "receiptHandle": "h", "body": json.dumps(body)}
                assert run({"Records": [message]}, HERE) == {"batchItemFailures": []}

    def imported(self, job: str, data: str) -> None:
        """Upload the file of an import, and run it."""
        services().blobs.put(f"imports/{job}", data.encode(), content_type="text/csv")
        key = {"key": f"imports/{job}", "size": len(data)}
        uploaded({"Records": [{"s3": {"bucket": {"name": "files"}, "object": key}}]}, HERE)
        self.worked()

    # ---- asking

    def get(self, who: str, target: str, **parameters: str) -> Answer:
        query = f"?{urlencode(parameters)}" if parameters else ""
        return self.api("GET", f"{target}{query}", token=self.tokens[who])

    def send(self, who: str, method: str, target: str, body: Any, **more: Any) -> Answer:
        return self.api(method, target, token=self.tokens[who], body=body, **more)

    def ids(self, collection: str) -> list[str]:
        """Every record that there is."""
        found = services().catalog.get(collection)
        page = self._made("GET", f"/records/{found.name}?limit=200")
        return [str(item["id"]) for item in page["items"]]

    def oracle(self, who: str, collection: str) -> dict[str, Document]:
        """What GET gives this caller, by id."""
        answers = {
            one: self.get(who, f"/records/{collection}/{quote(one)}")
            for one in self.ids(collection)
        }
        return {one: answer.json for one, answer in answers.items() if answer.status == 200}

    def everyone(self) -> Mapping[str, str | None]:
        return self.tokens


Test = Callable[[Document], bool]
# Filters over what everybody may read of the records they see, and the same in Python.
FILTERS: Mapping[str, Test] = {
    "score >= 7": lambda d: d["score"] >= 7,
    "open": lambda d: d["open"] is True,
    'owner == "ann"': lambda d: d["owner"] == "ann",
    'team == "red" && score < 12': lambda d: d.get("team") == "red" and d["score"] < 12,
    "team == null || !open": lambda d: d.get("team") is None or not d["open"],
    'title.startsWith("common t1")': lambda d: d["title"].startswith("common t1"),
    'slug in ["slug-1", "slug-3", "slug-9"]': lambda d: d["slug"] in ("slug-1", "slug-3", "slug-9"),
    "open ? score > 3 : score < 15": lambda d: d["score"] > 3 if d["open"] else d["score"] < 15,
}
# Filters over fields that are hidden from some: each names one, and is told like `nosuch`.
HIDDEN: Mapping[str, tuple[str, Test]] = {
    "secret": ('{} == "secretword s3"', lambda d: d["secret"] == "secretword s3"),
    "staff": ('{}.contains("even")', lambda d: "even" in d["staff"]),
    "vault": ("{} > 1005", lambda d: d["vault"] > 1005),
}
