"""Lists by distance, against the haversine of every record."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covey.collections import Catalog, load
from covey.collections.document import dump, restore, state
from covey.errors import BadRequest, Invalid
from covey.expressions.sphere import kilometres
from covey.identity.principal import GUEST, Kind, Principal
from covey.records.ids import created_of
from covey.records.model import Record
from covey.records.ports import RecordStore
from covey.records.service import Listing, Records
from covey.store import cells
from covey.store.cells import cell_of, cover
from covey.store.records import DynamoRecordStore
from covey.store.transport import transport
from covey.testing.catalog import MemoryCatalogStore
from covey.testing.records import MemoryRecordStore

ADMIN = Principal(Kind.ADMINISTRATOR, id="root")
SHOPS = {
    "name": "shops",
    "fields": {
        "name": {"type": "text"},
        "place": {"type": "geo"},
        "home": {"type": "geo", "read": "auth != null"},
        "open": {"type": "bool", "default": True},
    },
    "rules": {"read": "open || auth != null"},
    "geo": ["place", "home"],
}


class House:
    def __init__(self, store: Any, document: dict[str, Any] = SHOPS, budget: int = 2_000) -> None:
        self.store: RecordStore = store
        self.catalog = Catalog(MemoryCatalogStore([load(document)]))
        self.records = Records(store, self.catalog, budget=budget)
        self.kept: dict[str, Record] = {}

    def put(self, lat: Any, lon: Any, **values: Any) -> str:
        shops = self.catalog.get("shops")
        made = self.store.new_id(shops)
        at = created_of(made)
        place = {"lat": Decimal(f"{lat:.7f}"), "lon": Decimal(f"{lon:.7f}")}
        values = {"place": place, "open": True, **values}
        record = Record(made, at, at, 1, values)
        self.store.create(shops, record)
        self.kept[made] = record
        return made

    def near(self, lat: Any, lon: Any, km: Any, who: Principal = ADMIN, **more: str) -> Listing:
        where = f"near(place, {lat}, {lon}, {km})"
        if "also" in more:
            where += " && " + more.pop("also")
        return self.records.list(who, "shops", {"filter": where, "limit": "200", **more})

    def ids(self, *where: Any, **more: Any) -> list[str]:
        return [item["id"] for item in self.near(*where, **more).items]


@pytest.fixture(params=["dynamo", "memory"])
def house(request: pytest.FixtureRequest) -> House:
    if request.param == "memory":
        return House(MemoryRecordStore())
    table: str = request.getfixturevalue("table")  # first: it says where the engine is
    return House(DynamoRecordStore(transport(), table))


def test_the_nearest_come_first_with_how_far_they_are(house: House) -> None:
    far = house.put(48.2, 11.5)
    near = house.put(48.137, 11.575)
    house.put(52.5, 13.4)
    found = house.near(48.13, 11.57, 20)
    assert [item["id"] for item in found.items] == [near, far]
    assert found.near is not None
    assert found.near.complete
    assert found.near.distances == pytest.approx(
        [kilometres(48.137, 11.575, 48.13, 11.57), kilometres(48.2, 11.5, 48.13, 11.57)]
    )


def test_other_parts_of_the_filter_hold_too(house: House) -> None:
    house.put(1, 1, name="a")
    b = house.put(1, 1, name="b")
    assert house.ids(1, 1, 1, also='name == "b"') == [b]
    assert house.ids(1, 1, 1, also="!open") == []


def test_a_place_that_moves_or_goes_is_followed(house: House) -> None:
    from dataclasses import replace

    one = house.put(1, 1)
    shops = house.catalog.get("shops")
    before = house.kept[one]
    moved = replace(before, version=2, values={"place": {"lat": 50, "lon": 50}, "open": True})
    house.store.update(shops, before, moved)
    assert house.ids(1, 1, 10) == []
    assert house.ids(50, 50, 10) == [one]
    house.store.update(shops, moved, replace(moved, version=3, values={"open": True}))
    assert house.ids(50, 50, 10) == []


def test_pages_are_the_whole_in_order(house: House) -> None:
    chance = random.Random(7)
    for _ in range(60):
        house.put(round(chance.uniform(10, 10.5), 4), round(chance.uniform(20, 20.5), 4))
    whole = house.ids(10.2, 20.2, 40)
    pages: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = house.near(10.2, 20.2, 40, limit="7", **cursor)
        pages += [item["id"] for item in page.items]
        if page.next is None:
            break
        cursor = {"cursor": page.next}
    assert pages == whole
    assert len(set(whole)) == len(whole) > 40
    with pytest.raises(BadRequest):
        house.near(10.2, 20.3, 40, limit="7", **cursor)


def test_hidden_records_and_hidden_places_are_not_found(house: House) -> None:
    house.put(5, 5, open=False)
    shown = house.put(5, 5, home={"lat": 5, "lon": 5})
    assert house.ids(5, 5, 1, who=GUEST) == [shown]
    with pytest.raises(BadRequest, match="home"):
        house.records.list(GUEST, "shops", {"filter": "near(home, 5, 5, 1)"})


def test_where_the_budget_ends_it_is_said(house: House) -> None:
    house.records = Records(house.store, house.catalog, budget=5)
    for _ in range(8):
        house.put(3, 3)
    found = house.near(3, 3, 1)
    assert found.near is not None
    assert not found.near.complete
    assert found.next is None
    assert len(found.items) <= 5


def test_a_sort_orders_what_is_near_otherwise(house: House) -> None:
    one, two = house.put(3, 3), house.put(3.001, 3)
    assert house.ids(3.001, 3, 10, sort="created") == [one, two]
    assert house.near(3, 3, 10, sort="created").near is None


def test_the_plan_says_that_it_goes_by_distance(house: House) -> None:
    plan = house.records.explain(ADMIN, "shops", {"filter": "near(place, 1, 1, 5)"})
    assert (plan["source"], plan["order"]) == ("geo [place]", "distance")
    sorted_ = {"filter": "near(place, 1, 1, 5)", "sort": "created"}
    assert house.records.explain(ADMIN, "shops", sorted_)["source"] == "creation order"


BAD = {
    "no such latitude": "near(place, 91, 0, 1)",
    "no such longitude": "near(place, 0, -181, 1)",
    "no distance": "near(place, 0, 0, 0)",
    "a negative distance": "near(place, 0, 0, -1)",
    "beyond the most": "near(place, 0, 0, 5001)",
    "too few": "near(place, 0, 0)",
    "no place": "near(name, 0, 0, 1)",
    "no number": 'near(place, "a", 0, 1)',
    "unknown": "near(other, 0, 0, 1)",
}


@pytest.mark.parametrize("where", BAD.values(), ids=BAD.keys())
def test_bad_circles_are_refused(where: str) -> None:
    house = House(MemoryRecordStore())
    with pytest.raises(BadRequest):
        house.records.list(ADMIN, "shops", {"filter": where})


LAT = st.one_of(
    st.sampled_from([-90, 90, 0, 89.99, -89.99]),
    st.floats(-90, 90).map(lambda x: round(x, 5)),
)
LON = st.one_of(
    st.sampled_from([-180, 180, 0, 179.999, -179.999]),
    st.floats(-180, 180).map(lambda x: round(x, 5)),
)
KM = st.one_of(
    st.sampled_from([0.001, 1, 50, 5000]), st.floats(0.01, 5000).map(lambda x: round(x, 3))
)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.tuples(LAT, LON), max_size=25),
    LAT,
    LON,
    KM,
    st.lists(st.tuples(st.floats(-0.01, 0.01), st.floats(-0.01, 0.01)), max_size=6),
)
def test_near_is_the_haversine_of_all_records(
    places: list[tuple[float, float]],
    lat: float,
    lon: float,
    km: float,
    close: list[tuple[float, float]],
) -> None:
    house = House(MemoryRecordStore())
    for up, right in close:
        places.append((max(-90, min(90, lat + up)), (lon + right + 180) % 360 - 180))
    for one in places:
        house.put(*one)
    found = house.ids(f"{lat:.5f}", f"{lon:.5f}", f"{km:.3f}")
    wanted = {
        id: away
        for id, record in house.kept.items()
        if (away := distance(record, float(f"{lat:.5f}"), float(f"{lon:.5f}")))
        <= float(f"{km:.3f}")
    }
    assert found == sorted(wanted, key=lambda id: (wanted[id], id))


def distance(record: Record, lat: float, lon: float) -> float:
    place = record.values["place"]
    return kilometres(float(place["lat"]), float(place["lon"]), lat, lon)


@settings(max_examples=300, deadline=None)
@given(LAT, LON, KM, LAT, LON)
def test_a_cover_holds_every_place_of_its_circle(
    lat: float, lon: float, km: float, other: float, along: float
) -> None:
    ranges = cover(lat, lon, km)
    assert len(ranges) <= 2 * cells.MAX_CELLS
    assert ranges == sorted(ranges)
    if kilometres(lat, lon, other, along) <= km:
        cell = int.from_bytes(cell_of({"lat": other, "lon": along}), "big")
        assert any(low <= cell <= high for low, high in ranges)


RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 10)), max_size=6).map(
    lambda found: cells.joined([(low, low + size) for low, size in found])
)


@given(RANGES, RANGES)
def test_what_is_left_of_ranges_is_what_was_not_read(
    ranges: list[cells.Range], read: list[cells.Range]
) -> None:
    def members(of: list[cells.Range]) -> set[int]:
        return {n for low, high in of for n in range(low, high + 1)}

    assert members(cells.without(ranges, read)) == members(ranges) - members(read)


def test_a_geo_declaration_is_kept_with_its_slot() -> None:
    shops = load(SHOPS)
    assert [index.slot for index in shops.geo] == [0, 1]
    assert restore(state(shops)) == shops
    assert load(dump(shops), previous=shops) == shops
    fewer = load({**SHOPS, "geo": ["home"], "indexes": [["name"]]}, previous=shops)
    assert (fewer.geo[0].slot, fewer.indexes[0].slot) == (1, 0)


@pytest.mark.parametrize("geo", [["name"], ["nowhere"], ["place", "place"], "place", [3]])
def test_a_faulty_geo_declaration_is_refused(geo: Any) -> None:
    with pytest.raises(Invalid):
        load({**SHOPS, "geo": geo})
