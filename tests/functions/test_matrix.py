"""Everyone by every surface: nobody is told by one what GET does not tell them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from covey.config import settings
from covey.testing.sockets import MemorySockets
from covey.wiring import services
from functions.realtime.connect import handler as connect
from functions.realtime.fan_out import handler as fan_out
from functions.realtime.message import handler as message
from tests.functions.conftest import Answer, Api
from tests.functions.matrix import FILTERS, HIDDEN, Document, Matrix
from tests.functions.stream import Stream

PEOPLE = (
    *("guest", "owner", "other", "team member", "removed member", "scoped key", "read-only key"),
    *("key for another collection", "administrator", "read-only key of an administrator"),
    "impersonator",
)
DOCS = "/records/docs"
REFUSED = (400, 401, 403, 404)


@pytest.fixture
def matrix(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Matrix]:
    monkeypatch.setenv("FILES_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("FILES_BUCKET", "files")
    monkeypatch.setenv("FILES_SECRET", "secret")
    settings.cache_clear()
    services.cache_clear()
    stream = Stream()
    stream.watch(monkeypatch)
    yield Matrix(api, stream).build()


def by_everyone(check: Callable[[Matrix, str], None]) -> Callable[[Matrix], None]:
    """A test of what is to hold for each caller."""

    def test(matrix: Matrix) -> None:
        for who in matrix.everyone():
            try:
                check(matrix, who)
            except AssertionError as wrong:
                wrong.add_note(f"asked by: {who}")
                raise

    return test


def by_id(items: Iterable[Document]) -> dict[str, Document]:
    """The items by id; each is there once."""
    listed = list(items)
    found = {item["id"]: item for item in listed}
    assert len(found) == len(listed)
    return found


def ordered(items: Iterable[Document], *keys: str) -> list[Document]:
    return sorted(items, key=lambda item: [item[key] for key in keys])


def told_alike(answer: Answer, unknown: Answer, name: str) -> None:
    """Refused in the words for a name that is not there."""
    assert answer.status == unknown.status, (name, answer, unknown)
    ours, theirs = ({**one.json, "request_id": ""} for one in (answer, unknown))
    assert _plain(ours) == _plain(theirs).replace("nosuch", name), name


def _plain(told: Any) -> str:
    """Without hints, which are of names that a caller may know: that is looked at apart."""
    return re.sub(r" ?\(?;? ?did you mean \w+\?\)?", "", json.dumps(told))


def refused(answer: Answer) -> bool:
    assert answer.status in (200, *REFUSED), answer
    return answer.status != 200


def test_the_matrix_has_everyone_and_records_of_every_kind(matrix: Matrix) -> None:
    assert tuple(matrix.everyone()) == PEOPLE
    allowed = {who: matrix.oracle(who, "docs") for who in PEOPLE}
    assert len(allowed["administrator"]) == 17
    assert not allowed["key for another collection"]
    assert allowed["removed member"].keys() == allowed["guest"].keys()
    for who in PEOPLE[:7]:
        assert 0 < len(allowed[who]) < 17, who
        assert any("vault" not in one for one in allowed[who].values())
    assert allowed["impersonator"] == allowed["owner"] == allowed["scoped key"]


@by_everyone
def test_lists(matrix: Matrix, who: str) -> None:
    allowed = matrix.oracle(who, "docs")
    _lists_agree(matrix, who, allowed)
    _hidden_fields_are_unknown(matrix, who, allowed)
    _sorts_agree(matrix, who, allowed)
    _near_agrees(matrix, who, allowed)


def _lists_agree(matrix: Matrix, who: str, allowed: dict[str, Document]) -> None:
    whole = matrix.get(who, DOCS, limit="200")
    if refused(whole):
        assert not allowed
        return
    assert by_id(whole.json["items"]) == allowed
    for text, test in FILTERS.items():
        wanted = {one: item for one, item in allowed.items() if test(item)}
        page = matrix.get(who, DOCS, limit="200", filter=text)
        if not refused(page):
            assert by_id(page.json["items"]) == wanted, text
        for kind in ("exact", "estimated"):
            counted = matrix.get(who, DOCS, limit="2", filter=text, count=kind)
            if refused(counted):
                continue
            number = counted.json["count"]
            least = counted.json["count_kind"] == "at_least"
            assert number <= len(wanted) if least else number == len(wanted), (text, counted)
        plan = matrix.get(who, DOCS, filter=text, explain="true")
        assert refused(plan) or "items" not in plan.json
    pages, cursor = [], None
    while cursor is not None or not pages:
        more = {"cursor": cursor} if cursor else {}
        page = matrix.get(who, DOCS, limit="4", fields="title,score", **more)
        pages.append(page.json["items"])
        cursor = page.json["next"]
    narrow = {"id", "title", "score", "created", "updated", "version"}
    for item in [item for page in pages for item in page]:
        seen = allowed[item["id"]]
        assert item == {name: seen[name] for name in item}
        assert item.keys() <= narrow
    assert {item["id"] for page in pages for item in page} == allowed.keys()


def _hidden_fields_are_unknown(matrix: Matrix, who: str, allowed: dict[str, Document]) -> None:
    for name, (text, test) in HIDDEN.items():
        everywhere = all(name in item for item in allowed.values())
        page = matrix.get(who, DOCS, limit="200", filter=text.format(name))
        if page.status == 200:
            assert everywhere, (name, page)
            wanted = {one for one, item in allowed.items() if test(item)}
            assert by_id(page.json["items"]).keys() == wanted
        else:
            told_alike(page, matrix.get(who, DOCS, filter=text.format("nosuch")), name)
        for parameter, text in (("filter", f"{name}s == 1"), ("sort", f"{name}s")):
            wrong = matrix.get(who, DOCS, **{parameter: text})
            assert everywhere or f"mean {name}?" not in wrong.text, wrong
        for parameter in ("sort", "fields"):
            asked = matrix.get(who, DOCS, **{parameter: name, "limit": "200"})
            if asked.status == 200:
                assert parameter == "fields" or everywhere
                for item in asked.json["items"]:
                    assert item.get(name) == allowed[item["id"]].get(name)
            elif asked.code != "index_required":
                told_alike(asked, matrix.get(who, DOCS, **{parameter: "nosuch"}), name)


def _sorts_agree(matrix: Matrix, who: str, allowed: dict[str, Document]) -> None:
    for sort, key in (("score", 1), ("-score", -1)):
        page = matrix.get(who, DOCS, limit="200", sort=sort)
        if not refused(page):
            expected = [one["id"] for one in ordered(allowed.values(), "score")][::key]
            assert [one["id"] for one in page.json["items"]] == expected


def _near_agrees(matrix: Matrix, who: str, allowed: dict[str, Document]) -> None:
    page = matrix.get(who, DOCS, limit="200", filter="near(place, 10, 20, 9)")
    if not refused(page):
        near = {one for one, item in allowed.items() if item["place"]["lat"] < 10.0805}
        assert by_id(page.json["items"]) == {one: allowed[one] for one in near}
        assert len(page.json["distances"]) == len(near)


@by_everyone
def test_expansions(matrix: Matrix, who: str) -> None:
    docs, teams = matrix.oracle(who, "docs"), matrix.oracle(who, "teams")
    users, remarks = matrix.oracle(who, "users"), matrix.oracle(who, "remarks")
    for one in [*matrix.ids("docs"), "d17"]:
        plain = matrix.get(who, f"{DOCS}/{one}")
        wide = matrix.get(who, f"{DOCS}/{one}", expand="owner,team,remarks_via_on.by")
        if wide.status != 200:
            assert plain.status != 200 or wide.code in ("invalid_expand", "index_required")
            continue
        followed = wide.json["expand"]
        assert {n: v for n, v in wide.json.items() if n != "expand"} == docs[one]
        assert followed["owner"] == users.get(docs[one]["owner"])
        assert followed["team"] == teams.get(docs[one].get("team"))
        for back in followed["remarks_via_on"]["items"]:
            assert back.pop("expand")["by"] == users.get(back["by"])
        pointing = {n: item for n, item in remarks.items() if item["on"] == one}
        assert by_id(followed["remarks_via_on"]["items"]) == pointing
    page = matrix.get(who, "/records/remarks", limit="200", expand="on.owner")
    if refused(page):
        return
    for item in page.json["items"]:
        reached = item.pop("expand")["on"]
        if reached is not None:
            assert reached.pop("expand")["owner"] == users.get(reached["owner"])
        assert reached == docs.get(item["on"])
        assert item == remarks[item["id"]]


AGGREGATES: list[tuple[tuple[str, ...], tuple[str, ...], str]] = [
    ((), (), ""),
    (("open",), (), ""),
    (("team", "open", "owner"), ("score",), ""),
    (("owner",), ("score",), ""),
    (("team",), ("score",), "open"),
    (("open",), ("score",), 'owner == "ann"'),
    (("open",), ("vault",), ""),
    (("staff",), (), ""),
    (("secret",), (), ""),
    (("owner",), (), "score > 6"),
    ((), ("score",), "vault > 1003"),
    (("open",), (), 'staff.contains("even")'),
]


def _totals(
    items: Iterable[Document], group: tuple[str, ...], sums: tuple[str, ...]
) -> dict[tuple[Any, ...], tuple[int, ...]]:
    found: dict[tuple[Any, ...], tuple[int, ...]] = {} if group else {(): (0, *[0 for _ in sums])}
    for item in items:
        key = tuple(item.get(name) for name in group)
        before = found.get(key, (0, *[0 for _ in sums]))
        more = (1, *(item[name] for name in sums))
        found[key] = tuple(a + b for a, b in zip(before, more, strict=True))
    return found


@by_everyone
def test_aggregates(matrix: Matrix, who: str) -> None:
    allowed = matrix.oracle(who, "docs")
    tests = {**FILTERS, "": lambda _: True, "score > 6": lambda d: d["score"] > 6}
    tests |= {"vault > 1003": lambda d: d["vault"] > 1003}
    tests |= {'staff.contains("even")': lambda d: "even" in d["staff"]}
    sources = set()
    for group, sums, text in AGGREGATES:
        body = {"group": list(group), "count": True, "sum": list(sums), "filter": text}
        asked = {name: value for name, value in body.items() if value}
        answer = matrix.send(who, "POST", f"{DOCS}/aggregate", asked)
        if refused(answer):
            continue
        sources.add(answer.json["source"])
        shown = {name for item in allowed.values() for name in ("vault", "staff", "secret")} & {
            *group,
            *sums,
            *text.split(" ")[0].split("."),
        }
        assert all(name in item for item in allowed.values() for name in shown), body
        got = {
            tuple(one["group"].get(name) for name in group): (
                one["count"],
                *(one["sum"][name] for name in sums),
            )
            for one in answer.json["items"]
        }
        wanted = [item for item in allowed.values() if tests[text](item)]
        assert got == _totals(wanted, group, sums), body
    if who in ("administrator", "owner"):
        assert sources == {"declared", "computed"}


@by_everyone
def test_searches(matrix: Matrix, who: str) -> None:
    allowed = matrix.oracle(who, "docs")
    for word, field in (
        ("common", "title"),
        ("t1", "title"),
        ("secretword", "secret"),
        ("staffword", "staff"),
        ("even", "staff"),
    ):
        hits = matrix.get(who, f"{DOCS}/search", q=word, limit="200", highlight="true")
        if refused(hits):
            assert not allowed
            continue
        found = by_id(hits.json["items"])
        everywhere = all(field in item for item in allowed.values())
        has = {
            one for one, item in allowed.items() if everywhere and word in item[field].split(" ")
        }
        assert found == {one: allowed[one] for one in has}, (word, hits)
        for item, pieces in zip(hits.json["items"], hits.json["highlights"], strict=True):
            for name, texts in pieces.items():
                assert "".join(texts) in item[name]


@by_everyone
def test_exports(matrix: Matrix, who: str) -> None:
    allowed = matrix.oracle(who, "docs")
    for form, more in (("jsonl", {}), ("jsonl", {"filter": "score >= 7"}), ("csv", {})):
        started = matrix.get(who, f"{DOCS}/export", format=form, **more)
        if started.status != 202:
            assert started.status in REFUSED
            continue
        matrix.worked()
        job = started.json["job"]["id"]
        done = matrix.get(who, f"/jobs/{job}")
        assert done.json["status"] == "done", done
        text = services().blobs.get(f"exports/{job}").decode()
        wanted = {n: i for n, i in allowed.items() if not more or i["score"] >= 7}
        if form == "jsonl":
            assert by_id(json.loads(line) for line in text.splitlines()) == wanted
        else:
            assert len(text.splitlines()) == len(wanted) + 1
            _nothing_else(text, allowed, matrix)
        for other in PEOPLE if form == "csv" else ():
            if other != who and matrix.get(other, f"/jobs/{job}").status == 200:
                assert matrix.oracle(other, "docs") == allowed or other == "administrator"


def _nothing_else(text: str, allowed: dict[str, Document], matrix: Matrix) -> None:
    """No value of a record or field that is hidden stands in the text."""
    every = matrix.oracle("administrator", "docs")
    for one, item in every.items():
        for name in ("title", "slug", "secret", "staff", "vault"):
            here = [seen.get(name) for seen in allowed.values()]
            if item[name] not in here:
                assert f"{item[name]}," not in f"{text},".replace("\r\n", ","), (one, name)


@by_everyone
def test_the_past(matrix: Matrix, who: str) -> None:
    allowed, users = matrix.oracle(who, "docs"), matrix.oracle(who, "users")
    administers = "administrator" in who
    for one in [*matrix.ids("docs"), "d17"]:
        answer = matrix.get(who, f"{DOCS}/{one}/history")
        if not administers:
            assert (answer.status == 200) == (one in allowed), (one, answer)
        if answer.status != 200:
            assert answer.status in REFUSED
            for number in (1, 2):
                assert matrix.get(who, f"{DOCS}/{one}/history/{number}").status in REFUSED
            continue
        for version in answer.json["items"]:
            if one in allowed:
                assert version["record"].keys() <= allowed[one].keys()
                if version["version"] == allowed[one]["version"]:
                    assert version["record"] == allowed[one]
            for name in ("by", "deleted_by"):
                assert version.get(name) is None or version[name] in users
            alone = matrix.get(who, f"{DOCS}/{one}/history/{version['version']}")
            assert alone.json == version
    gone = matrix.get(who, DOCS, deleted="true")
    assert (gone.status == 200) == administers
    back = matrix.send(who, "POST", f"{DOCS}/d17/restore", {})
    assert back.status in (201, *REFUSED), back
    if back.status == 201:
        assert back.json == matrix.get(who, f"{DOCS}/d17").json


def _event(connection: str, **more: Any) -> Document:
    return {"requestContext": {"connectionId": connection}, **more}


def test_sockets(matrix: Matrix) -> None:
    sockets = MemorySockets()
    services().__dict__["sockets"] = sockets

    def said(name: str) -> list[Document]:
        return [json.loads(frame) for frame in sockets.posted.pop(name, [])]

    def subscribe(name: str, number: str, text: str) -> Document:
        body = {"type": "subscribe", "id": number, "collection": "docs", "filter": text}
        message(_event(name, body=json.dumps(body)), None)
        (answer,) = said(name)
        return answer

    listening = {}
    for number, who in enumerate(PEOPLE):
        ticket = matrix.send(who, "POST", "/realtime/tickets", {})
        opening = {"ticket": ticket.json["ticket"]} if ticket.status == 201 else None
        name = f"c{number}"
        assert connect(_event(name, queryStringParameters=opening), None)["statusCode"] == 200
        listening[who] = subscribe(name, "all", "")["type"] == "ready", name
        for field, (text, _) in HIDDEN.items():
            answer = subscribe(name, field, text.format(field))
            unknown = subscribe(name, field, text.format("nosuch"))
            if answer["type"] != "ready":
                assert _plain(answer) == _plain(unknown).replace("nosuch", field)
    allowed = {who: matrix.oracle(who, "docs") for who in PEOPLE}
    for one in matrix.ids("docs"):
        assert matrix.send("administrator", "PATCH", f"{DOCS}/{one}", {"score": 99}).status == 200
    records = matrix.streamed()
    fan_out({"Records": records}, None)
    for who, (ready, name) in listening.items():
        told = said(name)
        now = matrix.oracle(who, "docs")
        whole = [event for event in told if event["id"] == "all"]
        assert ready or not allowed[who]
        assert by_id(event["record"] for event in whole) == now, who
        for event in told:
            assert event["record"] == now[event["record"]["id"]]
            assert event["id"] == "all" or event["id"] in event["record"]


@by_everyone
def test_writes(matrix: Matrix, who: str) -> None:
    """Every way to write lets through what a PATCH of the record does, and shows what GET does."""
    everything = matrix.oracle("administrator", "docs")
    mark = 200 + 10 * PEOPLE.index(who)  # what nobody else has written
    patched = {one: _patched(matrix, who, one, mark) for one in everything}
    _batched(matrix, who, patched, mark + 1)
    for one, item in everything.items():
        body = {"slug": item["slug"], "score": mark + 2}
        answer = matrix.send(who, "POST", f"{DOCS}?on_conflict=slug", body)
        assert (answer.status == 200) == (patched[one] == 200 and _creates(who)), (one, answer)
        assert answer.status != 200 or answer.json == matrix.get(who, f"{DOCS}/{one}").json
    allowed = matrix.oracle(who, "docs")
    _imported(matrix, who, everything, patched, mark + 3)
    after = matrix.oracle("administrator", "docs")
    for one, status in patched.items():
        assert status == 200 or after[one] == everything[one], one
        for name in {"secret", "staff", "vault"} - allowed.get(one, {}).keys():
            assert after[one].get(name) == everything[one].get(name), (one, name)


def _patched(matrix: Matrix, who: str, one: str, score: int) -> int:
    answer = matrix.send(who, "PATCH", f"{DOCS}/{one}", {"score": score})
    seen = matrix.get(who, f"{DOCS}/{one}")
    assert (answer.status == 404) <= (seen.status != 200)
    assert answer.status != 200 or answer.json == seen.json
    return answer.status


def _batched(matrix: Matrix, who: str, patched: dict[str, int], score: int) -> None:
    update = {"method": "update", "collection": "docs", "body": {"score": score}}
    body = {"atomic": False, "operations": [{**update, "id": one} for one in patched]}
    done = matrix.send(who, "POST", "/batch", body)
    if done.status != 200:
        assert 200 not in patched.values()
        return
    allowed = matrix.oracle(who, "docs")
    for one, result in zip(patched, done.json["results"], strict=True):
        assert result["status"] == patched[one], (one, result)
        assert result["status"] != 200 or result["body"] == allowed[one]


def _imported(
    matrix: Matrix, who: str, everything: dict[str, Document], patched: dict[str, int], score: int
) -> None:
    options = {"format": "jsonl", "mode": "upsert"}
    started = matrix.send(who, "POST", f"{DOCS}/import", options)
    if started.status != 202:
        return
    kept = ("id", "title", "slug", "owner", "team", "open")
    rows = [{n: item.get(n) for n in kept} | {"score": score} for item in everything.values()]
    matrix.imported(started.json["job"]["id"], "\n".join(map(json.dumps, rows)))
    after = matrix.oracle("administrator", "docs")
    for one, status in patched.items():
        assert (after[one]["score"] == score) <= (status == 200), one
    report = matrix.get(who, f"/jobs/{started.json['job']['id']}").text
    allowed = matrix.oracle(who, "docs")
    for one, item in after.items():
        for name in ("title", "secret"):
            told = item.get(name, "nothing") in report
            assert not told or name in allowed.get(one, {}), one


def _creates(who: str) -> bool:
    return who != "scoped key"


# ---- what is hidden changes nothing


def _everything(matrix: Matrix, who: str) -> Document:
    """What every surface that reads answers this caller, without clocks and costs."""
    asked: list[tuple[str, dict[str, str]]] = [(DOCS, {"limit": "3", "count": "exact"})]
    for text in FILTERS:
        for more in ({"count": "estimated"}, {"explain": "true"}, {"sort": "-score"}):
            asked.append((DOCS, {"filter": text, "limit": "3", **more}))
    for name, (text, _) in HIDDEN.items():
        asked += [(DOCS, {"filter": text.format(name)}), (DOCS, {"sort": f"-{name}"})]
        asked.append((DOCS, {"fields": name, "limit": "200"}))
    asked.append((DOCS, {"filter": "near(place, 10, 20, 9)", "limit": "3"}))
    asked.append((DOCS, {"deleted": "true"}))
    asked.append((DOCS, {"limit": "200", "expand": "owner,team,remarks_via_on"}))
    asked += [(f"{DOCS}/search", {"q": word, "highlight": "true"}) for word in ("common", "zebra")]
    asked += [(f"{DOCS}/search", {"q": word}) for word in ("secretword", "even")]
    answers = {
        f"{target} {parameters}": matrix.get(who, target, **parameters)
        for target, parameters in asked
    }
    for group, sums, text in AGGREGATES:
        for more in ({}, {"explain": True}):
            body = {"group": list(group), "count": True, "sum": list(sums), "filter": text, **more}
            asked_for = {name: value for name, value in body.items() if value}
            answer = matrix.send(who, "POST", f"{DOCS}/aggregate", asked_for)
            answers[f"aggregate {body}"] = answer
    for one in matrix.ids("docs"):
        answers[one] = matrix.get(who, f"{DOCS}/{one}")
    return {name: [answer.status, _timeless(answer.json)] for name, answer in answers.items()}


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        masked = ("version", "updated", "request_id", "as_of")
        kept = {n: _timeless(v) for n, v in value.items() if n not in masked}
        return kept | {n: bool(kept[n]) for n in ("next", "prev") if n in kept}  # sealed
    return [_timeless(one) for one in value] if isinstance(value, list) else value


@by_everyone
def test_what_is_hidden_changes_no_answer(matrix: Matrix, who: str) -> None:
    if "administrator" in who:
        return  # nothing is hidden
    allowed = matrix.oracle(who, "docs")
    before = _everything(matrix, who)
    for one, item in matrix.oracle("administrator", "docs").items():
        fields = {"secret": "common zebra even", "staff": "odd zebra", "vault": 5}
        body: Document = {n: v for n, v in fields.items() if n not in allowed.get(one, {})}
        if one not in allowed:
            body |= {"title": "common common zebra", "score": item["score"] + 40}
            body |= {"place": {"lat": 10.001, "lon": 20.001}, "slug": f"hidden-{one}"}
        assert matrix.send("administrator", "PATCH", f"{DOCS}/{one}", body).status == 200
    if "d01" in matrix.ids("docs") and "d01" not in allowed:
        assert matrix.send("administrator", "DELETE", f"{DOCS}/d01", None).status == 204
    matrix.streamed()
    after = _everything(matrix, who)
    for name in before.keys() & after.keys():
        assert before[name] == after[name], name
