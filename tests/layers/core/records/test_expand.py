"""Relations followed in answers: to three levels, backwards, in batches, and never past a rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from covey.collections import Catalog, load
from covey.errors import CoveyError
from covey.identity.principal import GUEST
from covey.insight import meter
from covey.records.service import Records
from covey.store.records import DynamoRecordStore
from covey.store.transport import transport
from covey.testing.catalog import MemoryCatalogStore
from tests.layers.core.records.world import ADMIN, World, refused, uid, user

ANNA, BEN = user("anna"), user("ben")

TEAMS = {
    "name": "teams",
    "fields": {"name": {"type": "text"}, "lead": {"type": "relation", "to": "users"}},
    "rules": {"read": "true"},
}
USERS = {
    "name": "users",
    "fields": {
        "team": {"type": "relation", "to": "teams"},
        "mentor": {"type": "relation", "to": "users", "read": "id == auth.id"},
        "badge": {"type": "relation", "to": "badges", "read": "'staff' in auth.roles"},
    },
    "rules": {"read": "auth != null"},
}
BADGES = {
    "name": "badges",
    "fields": {"name": {"type": "text"}, "of": {"type": "relation", "to": "teams"}},
}
POSTS = {
    "name": "posts",
    "fields": {
        "title": {"type": "text"},
        "author": {"type": "relation", "to": "users"},
        "editors": {"type": "relation", "to": "users", "list": True},
        "secret": {"type": "relation", "to": "users", "read": "author == auth.id"},
        "published": {"type": "bool", "default": True},
    },
    "rules": {"read": "published || author == auth.id", "create": "true"},
    "indexes": [["author", "-created"]],
}
COMMENTS = {
    "name": "comments",
    "fields": {
        "post": {"type": "relation", "to": "posts"},
        "author": {"type": "relation", "to": "users"},
        "text": {"type": "text"},
        "hidden": {"type": "bool", "default": False},
    },
    "rules": {"read": "!hidden"},
    "indexes": [["post", "-created"]],
}
DOCUMENTS: tuple[dict[str, Any], ...] = (TEAMS, USERS, BADGES, POSTS, COMMENTS)


@pytest.fixture
def world() -> World:
    world = World(*DOCUMENTS)
    team = world.add("teams", name="Red", lead=uid("ben"))
    badge = world.add("badges", name="gold", of=team)
    world.add("users", uid("anna"), name="Anna", team=team, mentor=uid("ben"), badge=badge)
    world.add("users", uid("ben"), name="Ben", team=team, mentor=uid("anna"), badge=badge)
    post = world.add(
        "posts",
        title="First",
        author=uid("anna"),
        editors=[uid("ben"), uid("anna")],
        secret=uid("ben"),
        published=True,
    )
    for number in range(3):
        world.add("comments", post=post, author=uid("ben"), text=f"c{number}", hidden=number == 1)
    return world


def shown(world: World, names: str, who: Any = ANNA, collection: str = "posts") -> dict[str, Any]:
    (item,) = world.records.list(who, collection, {"expand": names, "limit": "1"}).items
    found: dict[str, Any] = item["expand"]
    return found


def test_three_levels_are_one_batch_for_each_collection_and_level(world: World) -> None:
    world.store.reads.clear()
    found = shown(world, "author.team.lead,author.mentor,editors.team")
    assert found["author"]["name"] == "Anna"
    assert found["author"]["expand"]["team"]["expand"]["lead"]["name"] == "Ben"
    assert found["author"]["expand"]["mentor"]["name"] == "Ben"
    assert [one["name"] for one in found["editors"]] == ["Ben", "Anna"]
    assert all(one["expand"]["team"]["name"] == "Red" for one in found["editors"])
    assert [name for name, _ in world.store.reads] == ["users", "teams", "users", "users"]
    assert all(len(set(ids)) == len(ids) for _, ids in world.store.reads)


def test_a_record_under_two_relations_is_shown_with_what_each_was_asked_for(world: World) -> None:
    found = shown(world, "author.team,editors")
    assert "expand" in found["author"]
    assert all("expand" not in one for one in found["editors"])


def test_records_that_point_here_are_listed_newest_first_under_their_rule(world: World) -> None:
    found = shown(world, "comments_via_post.author")["comments_via_post"]
    assert [one["text"] for one in found["items"]] == ["c2", "c0"]
    assert found["next"] is None
    assert {one["expand"]["author"]["name"] for one in found["items"]} == {"Ben"}
    assert shown(world, "comments_via_post.author", GUEST)["comments_via_post"]["items"][0][
        "expand"
    ] == {"author": None}


def test_backwards_and_forwards_may_follow_each_other(world: World) -> None:
    (anna,) = [
        one
        for one in world.records.list(
            ANNA, "users", {"expand": "posts_via_author.comments_via_post.author"}
        ).items
        if one["id"] == uid("anna")
    ]
    (post,) = anna["expand"]["posts_via_author"]["items"]
    comments = post["expand"]["comments_via_post"]["items"]
    assert [one["expand"]["author"]["name"] for one in comments] == ["Ben", "Ben"]


def test_what_is_left_out_is_reached_by_the_next_of_an_ordinary_list(world: World) -> None:
    post = next(iter(world.all("posts")))
    for number in range(30):
        world.add("comments", post=post, author=uid("ben"), text=f"d{number}", hidden=False)
    found = shown(world, "comments_via_post")["comments_via_post"]
    assert len(found["items"]) == 20
    rest = world.records.list(
        ANNA,
        "comments",
        {"filter": f'post == "{post}"', "cursor": found["next"], "limit": "200"},
    )
    texts = [one["text"] for one in (*found["items"], *rest.items)]
    assert len(texts) == len(set(texts)) == 32
    assert rest.next is None


UNKNOWN = (400, "invalid_expand")


@pytest.mark.parametrize(
    ("collection", "names"),
    [
        ("posts", "author.badge"),  # hidden from this caller
        ("posts", "author.nothing"),
        ("users", "badge"),
        ("users", "posts_via_secret"),  # readable in some records only: no filter takes it either
        ("users", "posts_via_title"),
        ("users", "posts_via_nothing"),
        ("users", "nothing_via_author"),
        ("users", "teams_via_name"),
        ("teams", "badges_via_of"),  # of a collection that the caller cannot read
        ("posts", "comments_via_author"),  # points elsewhere
        ("posts", "_via_author"),
        ("posts", "comments_via_"),
        ("posts", "author.team.lead.team"),
        ("posts", "title"),
        ("posts", "author.name"),
    ],
)
def test_names_that_the_caller_cannot_follow_are_refused_alike(
    world: World, collection: str, names: str
) -> None:
    call = {"expand": names}
    status, code, detail = refused(lambda: world.records.list(ANNA, collection, call))
    assert (status, code) == UNKNOWN
    if "badge" in names or "secret" in names:
        missing = {"expand": names.replace("badge", "bodge").replace("secret", "sacred")}
        other = refused(lambda: world.records.list(ANNA, collection, missing))
        assert other[2].replace("bodge", "badge").replace("sacred", "secret") == detail


def test_behind_a_collection_that_cannot_be_read_no_name_is_known(world: World) -> None:
    staff = user("sue", "staff")
    assert shown(world, "badge", staff, "users") == {"badge": None}
    for name in ("of", "nothing"):
        call = {"expand": f"badge.{name}"}
        assert refused(lambda call=call: world.records.list(staff, "users", call))[2] == (
            f"expand: there is no field {name!r}"
        )
    assert shown(world, "badge.of", ADMIN, "users")["badge"]["expand"]["of"]["name"] == "Red"


def test_a_relation_hidden_in_a_record_is_not_followed_there(world: World) -> None:
    assert shown(world, "secret", BEN) == {}
    assert shown(world, "secret", ANNA)["secret"]["name"] == "Ben"
    found = shown(world, "editors.mentor", ANNA)["editors"]
    assert [one["expand"] for one in found] == [{}, {"mentor": found[1]["expand"]["mentor"]}]


def test_backwards_without_an_index_names_the_line_to_add(world: World) -> None:
    call = {"expand": "comments_via_author"}
    status, code, detail = refused(lambda: world.records.list(ANNA, "users", call))
    assert (status, code) == (400, "index_required")
    assert "- [author, -created]" in detail
    assert "comments.yaml" in detail
    lists = {"expand": "posts_via_editors"}
    assert refused(lambda: world.records.list(ANNA, "users", lists))[:2] == UNKNOWN


def test_an_index_refused_stops_a_write_before_it_is_done(world: World) -> None:
    before = len(world.all("posts"))
    call = {"expand": "author.comments_via_author"}
    status, code, _ = refused(
        lambda: world.records.create(ANNA, "posts", {"title": "x"}, parameters=call)
    )
    assert (status, code) == (400, "index_required")
    assert len(world.all("posts")) == before


@pytest.mark.parametrize(
    ("peers", "message"), [(1001, "over 1000 records"), (120, "over 5000 places")]
)
def test_what_an_answer_takes_in_is_bounded_and_a_write_stands(peers: int, message: str) -> None:
    groups = {
        "name": "groups",
        "fields": {"peers": {"type": "relation", "to": "groups", "list": True, "check": False}},
        "rules": {"read": "true", "create": "true"},
    }
    world = World(groups)
    ids = [world.add("groups", peers=[]) for _ in range(peers)]
    for one in ids:
        world.add("groups", one, peers=ids)
    call = {"expand": "peers.peers"}
    status, code, detail = refused(
        lambda: world.records.get(ANNA, "groups", ids[0], parameters=call)
    )
    assert (status, code) == UNKNOWN
    assert message in detail
    made = world.records.create(ANNA, "groups", {"peers": ids[:120]}, parameters=call)
    assert made.document["expand"] == {}
    assert made.id in world.all("groups")


def test_lists_of_what_points_here_are_bounded() -> None:
    world = World(*DOCUMENTS)
    for number in range(201):
        world.add("posts", title="t", author=uid(f"u{number}"), published=True)
        world.add("users", uid(f"u{number}"))
    call = {"expand": "author.posts_via_author", "limit": "200"}
    world.records.list(ANNA, "posts", call)
    call = {"expand": "author.posts_via_author,comments_via_post", "limit": "200"}
    assert "over 200 lists" in refused(lambda: world.records.list(ANNA, "posts", call))[2]


def test_too_many_relations_are_refused(world: World) -> None:
    names = [f"author.mentor.{name}" for name in ("team", "mentor")]
    names += [f"a{number}" for number in range(17)]
    with pytest.raises(CoveyError, match="20 relations at most"):
        world.records.list(ANNA, "posts", {"expand": ",".join(names)})


@pytest.fixture
def stored(table: str) -> Records:
    catalog = Catalog(MemoryCatalogStore([load(document) for document in DOCUMENTS]))
    return Records(DynamoRecordStore(transport(), table), catalog)


def made(records: Records, collection: str, values: Mapping[str, Any]) -> str:
    return records.create(ADMIN, collection, values).id


@pytest.mark.parametrize(
    ("names", "units"),
    [
        ("author", 0.5),  # one author of thirty records is read once
        ("author.team", 1.0),
        ("author.team.lead", 1.5),
        ("editors", 1.0),
        ("author,editors", 1.0),  # one batch for both
        ("comments_via_post", 15.0),  # a list for each of the thirty
    ],
)
def test_expanding_costs_what_its_records_cost_once(
    stored: Records, names: str, units: float
) -> None:
    team = made(stored, "teams", {"name": "Red"})
    users = [made(stored, "users", {"email": f"u{n}@example.org", "team": team}) for n in range(2)]
    stored.update(ADMIN, "teams", team, {"lead": users[1]})
    for number in range(30):
        values = {"title": str(number), "author": users[0], "editors": users}
        post = made(stored, "posts", values)
        made(stored, "comments", {"post": post, "author": users[1], "text": "x" * 50})

    def cost(parameters: dict[str, str]) -> float:
        meter.reset()
        stored.list(ADMIN, "posts", parameters)
        return meter.read().rru

    cost({})
    assert cost({"expand": names}) - cost({}) == units
