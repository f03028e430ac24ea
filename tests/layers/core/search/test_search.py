"""Searching, from postings to answers: against a plain BM25 over all records."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from math import log
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covey.collections import Catalog, load
from covey.collections.model import Build, Collection, State
from covey.errors import BadRequest, Conflict
from covey.identity.principal import GUEST, Kind, Principal
from covey.records.model import Change, ChangeKind, Record
from covey.records.ports import RecordStore
from covey.search.contents import field_words
from covey.search.finding import Finder, Hits
from covey.search.indexing import SearchIndexer
from covey.search.ports import SearchStore
from covey.search.ranking import K1, B, rounded
from covey.store.records import DynamoRecordStore
from covey.store.search import DynamoSearchStore
from covey.store.transport import transport
from covey.testing.catalog import MemoryCatalogStore
from covey.testing.records import MemoryRecordStore
from covey.testing.search import MemorySearchStore

ADMIN = Principal(Kind.ADMINISTRATOR, id="root")
POSTS = {
    "name": "posts",
    "fields": {
        "title": {"type": "text"},
        "body": {"type": "text"},
        "tags": {"type": "text", "list": True},
        "secret": {"type": "text", "read": "auth != null"},
        "public": {"type": "bool", "default": True},
    },
    "rules": {"read": "true"},
    "search": {"fields": {"title": 3, "body": 1, "tags": 2, "secret": 5}, "language": "none"},
}


class House:
    """A collection, its records and its search."""

    def __init__(self, records: Any, search: SearchStore, document: Mapping[str, Any]) -> None:
        self.store: RecordStore = records
        self.search_store = search
        self.catalog = Catalog(MemoryCatalogStore([load(document)]))
        self.indexer = SearchIndexer(search, pause=lambda _: None)
        self.finder = Finder(records, self.catalog, search)
        self.kept: dict[str, Record] = {}

    @property
    def posts(self) -> Collection:
        return self.catalog.get("posts")

    def put(self, record_id: str | None = None, /, index: bool = True, **values: Any) -> str:
        from covey.records.ids import created_of

        before = self.kept.get(record_id) if record_id else None
        made = record_id or self.store.new_id(self.posts)
        at = created_of(made) if self.posts.ids == "auto" else 1_800_000_000_000
        version = 1 if before is None else before.version + 1
        after = Record(made, at, at, version, values)
        if before is None:
            self.store.create(self.posts, after)
        else:
            self.store.update(self.posts, before, after)
        self.kept[made] = after
        if index:
            self.index(made)
        return made

    def remove(self, record_id: str, *, index: bool = True) -> None:
        self.store.delete(self.posts, self.kept.pop(record_id))
        if index:
            self.index(record_id)

    def index(self, *ids: str) -> None:
        self.indexer.index(self.posts, ids)

    def search(self, q: str, who: Principal = ADMIN, **parameters: str) -> Hits:
        return self.finder.search(who, "posts", {"q": q, **parameters})

    def ids(self, q: str, who: Principal = ADMIN, **parameters: str) -> list[str]:
        return [item["id"] for item in self.search(q, who, **parameters).items]


@pytest.fixture(params=["dynamo", "memory"])
def house(request: pytest.FixtureRequest) -> House:
    return made(request, POSTS)


def made(request: pytest.FixtureRequest, document: Mapping[str, Any]) -> House:
    if request.param == "memory":
        records = MemoryRecordStore()
        return House(records, MemorySearchStore(records), document)
    table: str = request.getfixturevalue("table")
    return House(
        DynamoRecordStore(transport(), table), DynamoSearchStore(transport(), table), document
    )


def test_the_best_comes_first(house: House) -> None:
    body = house.put(title="Cooking", body="A database, in a word")
    title = house.put(title="The database", body="Nothing else")
    house.put(title="Other", body="Nothing")
    assert house.ids("database") == [title, body]
    hits = house.search("Database")
    assert hits.scores[0] > hits.scores[1] > 0
    assert hits.complete
    assert hits.next is None


def test_all_words_must_be_there_unless_any_will_do(house: House) -> None:
    both = house.put(title="red wine")
    one = house.put(body="red cars")
    assert house.ids("red wine") == [both]
    assert house.ids("red wine", mode="any") == [both, one]
    assert house.ids('"red wine"') == [both]
    assert house.ids('"wine red"') == []
    assert house.ids('"red wine" cars', mode="any") == [both]


def test_beginnings_find_words(house: House) -> None:
    one = house.put(title="databases")
    two = house.put(title="dataflow")
    assert set(house.ids("data*")) == {one, two}
    assert house.ids("databa*") == [one]
    assert house.ids("data") == []


def test_what_a_record_no_longer_says_is_not_found(house: House) -> None:
    one = house.put(title="old words")
    house.put(one, index=False, title="new words")
    assert house.ids("old") == []
    house.index(one)
    assert house.ids("new") == [one]
    assert house.search_store.frequencies(house.posts, [("title", "old")]) == {}
    house.remove(one, index=False)
    assert house.ids("new") == []


def test_a_removed_record_leaves_nothing(house: House) -> None:
    one = house.put(title="some words", body="many more words", tags=["a", "b"])
    house.remove(one)
    key = house.posts.fields["title"].key
    assert house.search_store.frequencies(house.posts, [(key, "words"), (key, "some")]) == {}
    assert house.search_store.beginning(house.posts, key, "wor", 10) == ({}, True)
    assert all(n == (0, 0) for n in house.search_store.totals(house.posts).values())


def test_a_large_document_is_kept_in_many_transactions(house: House) -> None:
    words = [f"word{n}" for n in range(300)]
    one = house.put(body=" ".join(words))
    assert house.ids("word0 word150 word299") == [one]
    house.put(one, body=" ".join(words[150:]))
    assert house.ids("word0") == []
    assert house.ids("word299") == [one]
    house.put(title="word7")
    house.remove(one)
    assert house.ids("word299") == []


def test_a_build_that_is_interrupted_goes_on(house: House) -> None:
    one = house.put(index=False, body=" ".join(f"w{n}" for n in range(200)))
    commit, calls = house.search_store.commit, 0

    def interrupted(*given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return commit(*given)

    house.search_store.commit = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        house.index(one)
    house.search_store.commit = commit  # type: ignore[method-assign]
    house.put(one, body="w1 w2 fresh")
    assert house.ids("fresh w1") == [one]
    key = house.posts.fields["body"].key
    counts = house.search_store.frequencies(house.posts, [(key, f"w{n}") for n in range(200)])
    assert counts == {(key, "w1"): 1, (key, "w2"): 1}


def test_a_hidden_field_finds_nothing_and_says_nothing(house: House) -> None:
    one = house.put(title="plain", secret="treasure plain")
    two = house.put(title="plain")
    user = Principal(Kind.USER, id="anna".ljust(20, "0"))
    assert house.ids("treasure", user) == [one]
    assert house.ids("treasure", GUEST) == []
    assert house.ids("treas*", GUEST) == []
    scores = house.search("plain", GUEST).scores
    assert scores[0] == scores[1]
    assert set(house.ids("plain", GUEST)) == {one, two}
    assert house.search("plain", GUEST, highlight="true").highlights is not None


def test_pages_are_the_whole_in_order(house: House) -> None:
    for n in range(25):
        house.put(title="word " * (n % 4 + 1), body=f"filler {n}", public=n % 3 > 0)
    whole = house.ids("word", limit="100", filter="public")
    pages: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        hits = house.search("word", limit="4", filter="public", **cursor)
        pages += [item["id"] for item in hits.items]
        assert len(hits.items) == 4 or hits.next is None
        if hits.next is None:
            break
        cursor = {"cursor": hits.next}
    assert pages == whole
    assert len(whole) == 16
    with pytest.raises(BadRequest, match="cursor"):
        house.search("other", limit="4", filter="public", **cursor)
    with pytest.raises(BadRequest, match="cursor"):
        house.search("word", GUEST, limit="4", filter="public", **cursor)


def test_highlights_are_pieces_plain_and_found(house: House) -> None:
    house.put(title="<b>The Café</b> of cafes", body="nothing " * 60 + "cafe here")
    found = house.search("cafe", highlight="true").highlights
    assert found is not None
    assert found[0]["title"] == ["<b>The ", "Café", "</b> of cafes"]
    assert found[0]["body"][1] == "cafe"
    assert found[0]["body"][0].startswith("…")


def test_a_search_that_is_not_there_or_not_ready_says_so(house: House) -> None:
    with pytest.raises(BadRequest) as refused:
        house.finder.search(ADMIN, "users", {"q": "x"})
    assert refused.value.code == "search_not_declared"
    posts = house.posts
    from dataclasses import replace

    building = replace(
        posts, version=posts.version + 1, builds={"search 0": Build(State.BUILDING, "j")}
    )
    house.catalog.save(building)
    with pytest.raises(Conflict) as late:
        house.search("x")
    assert late.value.code == "search_building"


BAD = {
    "no query": {},
    "an empty query": {"q": ""},
    "no word": {"q": " !? \0 "},
    "too long": {"q": "a" * 1001},
    "too many words": {"q": " ".join(f"w{n}" for n in range(13))},
    "too short a beginning": {"q": "a*"},
    "another mode": {"q": "a", "mode": "some"},
    "a sort": {"q": "a", "sort": "title"},
    "a bad flag": {"q": "a", "highlight": "maybe"},
    "a bad filter": {"q": "a", "filter": "nothing == 1"},
    "a bad cursor": {"q": "a", "cursor": "AAAA"},
    "a hidden filter": {"q": "a", "filter": 'secret == "x"'},
}


@pytest.mark.parametrize("parameters", BAD.values(), ids=BAD.keys())
def test_bad_input_is_refused(parameters: dict[str, str]) -> None:
    records = MemoryRecordStore()
    house = House(records, MemorySearchStore(records), POSTS)
    with pytest.raises(BadRequest):
        house.finder.search(GUEST, "posts", parameters)


@pytest.mark.parametrize(
    "q", ["\0a\0", '"a', "a" * 900, "(a || b) && *", "a\u0301\u0301\u0301", "𝔘𝔫𝔦", "**a", "'a'"]
)
def test_odd_input_is_answered(house: House, q: str) -> None:
    house.put(title="a")
    house.search(q)


def test_many_beginnings_are_bounded_and_said_to_be(house: House) -> None:
    house.put(body=" ".join(f"pre{n}" for n in range(60)))
    hits = house.search("pre*")
    assert not hits.complete
    assert len(hits.items) == 1


def test_a_common_word_is_left_to_the_records(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("covey.search.matching.POSTINGS", 5)
    for n in range(12):
        house.put(title=f"common {'rare' if n % 4 == 0 else ''} {n}")
    assert len(house.ids("common rare")) == 3
    assert house.search("common rare").complete
    assert not house.search("common").complete
    assert len(house.ids("common")) == 5


def test_changes_may_come_twice_and_in_any_order(house: House) -> None:
    one = house.put(index=False, title="first")
    first = house.kept[one]
    house.put(one, index=False, title="second")
    second = house.kept[one]
    changes = [
        Change("posts", one, 1, ChangeKind.CREATED, None, first, "1"),
        Change("posts", one, 2, ChangeKind.UPDATED, first, second, "2"),
    ]
    for batch in (changes, changes[::-1], changes[:1], changes + changes):
        house.indexer.apply(house.posts, batch)
        key = house.posts.fields["title"].key
        terms = [(key, "first"), (key, "second")]
        assert house.search_store.frequencies(house.posts, terms) == {(key, "second"): 1}


@pytest.fixture(scope="module")
def words() -> Iterator[list[str]]:
    yield ["red", "blue", "green", "wine", "winery", "café", "数据库", "数", "it's"]


TEXT = st.lists(
    st.sampled_from(["red", "blue", "green", "wine", "winery", "café", "数据库", "数据"]),
    max_size=12,
).map(" ".join)
VALUES = st.fixed_dictionaries({}, optional={"title": TEXT, "body": TEXT, "secret": TEXT})
OPERATION = st.tuples(st.sampled_from(["put", "change", "remove", "late"]), VALUES)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    operations=st.lists(OPERATION, max_size=12),
    q=st.lists(
        st.sampled_from(["red", "wine", "win*", "cafe", "数据", "库", "blue"]),
        min_size=1,
        max_size=3,
    ),
    mode=st.sampled_from(["all", "any"]),
    guest=st.booleans(),
    seed=st.randoms(),
)
def test_search_is_bm25_over_what_the_caller_may_see(
    operations: list[tuple[str, dict[str, Any]]],
    q: list[str],
    mode: str,
    guest: bool,
    seed: random.Random,
) -> None:
    records = MemoryRecordStore()
    house = House(records, MemorySearchStore(records), POSTS)
    for kind, values in operations:
        there = sorted(house.kept)
        if kind == "put" or not there:
            house.put(index=False, **values)
        elif kind == "change":
            house.put(seed.choice(there), index=False, **values)
        elif kind == "remove":
            house.remove(seed.choice(there))
        else:
            house.index(*seed.sample(there, seed.randint(0, len(there))))
    house.index(*house.kept)
    hits = house.search(" ".join(q), GUEST if guest else ADMIN, mode=mode, limit="200")
    names = ["title", "body"] if guest else ["title", "body", "secret"]
    wanted = plain_bm25(house.posts, house.kept, names, list(dict.fromkeys(q)), mode)
    found = {item["id"]: score for item, score in zip(hits.items, hits.scores, strict=True)}
    assert found == pytest.approx(wanted)
    assert list(hits.scores) == sorted(hits.scores, reverse=True)


def plain_bm25(
    posts: Collection, kept: Mapping[str, Record], names: list[str], q: list[str], mode: str
) -> dict[str, float]:
    """BM25 by its definition, over all records."""
    texts = {
        id: {name: field_words(record.values.get(name), "none") for name in names}
        for id, record in kept.items()
    }

    def takes(term: str, word: str) -> bool:
        if term.endswith("*"):
            return word.startswith(term[:-1])
        return word.startswith(term) if term == "库" else word == term

    scores: dict[str, float] = {}
    for id, fields in texts.items():
        has = [any(takes(term, w) for ws in fields.values() for w in ws) for term in q]
        if not (all(has) if mode == "all" else any(has)):
            continue
        total = 0.0
        for name, own in fields.items():
            every = [other[name] for other in texts.values() if other[name]]
            average = sum(map(len, every)) / len(every) if every else 1
            for term in q:
                often = sum(takes(term, word) for word in own)
                if not often:
                    continue
                matching = {w for ws in every for w in ws if takes(term, w)}
                df = max(sum(w in ws for ws in every) for w in matching)
                idf = log(1 + (len(every) - df + 0.5) / (df + 0.5))
                norm = K1 * (1 - B + B * rounded(len(own)) / max(average, 1))
                total += posts.search.fields[name] * idf * often * (K1 + 1) / (often + norm)
        scores[id] = total
    return scores
