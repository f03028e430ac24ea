"""CPU of a get, lists of 20 and a create inside a function: ``python -m bench.cpu --write``.

The same calls on the same table by Covey's store, by botocore's client and by models of PynamoDB,
in one process and in turns, so that whatever else the machine does meets all of them. What is
counted is this process's CPU, not the data engine's; the median of the rounds counts.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import botocore.session
from pynamodb.attributes import MapAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from bench.engine import NAME, table
from bench.report import markdown, text
from covey import records
from covey.collections.document import load
from covey.collections.model import Collection
from covey.collections.scope import types
from covey.expressions import check, parse
from covey.identity.principal import SYSTEM
from covey.records.model import Record
from covey.records.ports import Query, SortKey
from covey.store import codec, keys
from covey.store.botocore_transport import BotocoreTransport
from covey.store.layout import layout_of
from covey.store.records import DynamoRecordStore
from covey.testing.events import http_event
from covey.wiring import services

PAGE = Path(__file__).parent / "cpu.md"
RECORDS, GROUPS, PAGE_OF = 400, 10, 20
UNSEEN = 1_000  # filters in turn, more than a process remembers
TARGET = 4.0
OPERATIONS = ("get", "list of 20", "list, new filter", "create")
ITEMS = {
    "name": "items",
    "fields": {
        "group": {"type": "text"},
        "rank": {"type": "integer"},
        "name": {"type": "text"},
        "text": {"type": "text"},
    },
    "rules": {"read": "true", "create": "auth != null"},
    "indexes": [["group", "-rank"]],
}
Calls = Mapping[str, Callable[[], object]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.cpu")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=100, help="of each kind in a round")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    asked = parser.parse_args()
    with table(), silent():
        figures = measure(asked.rounds, asked.calls)
    rows = cells(figures)
    print(text(rows))
    if asked.write:
        PAGE.write_text(page(rows, asked.rounds, asked.calls), encoding="utf-8")


def measure(rounds: int, calls: int) -> dict[str, dict[str, float]]:
    """Who → operation → milliseconds of CPU of one call."""
    clients = everyone()
    spent: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds + 1):
        for operation in OPERATIONS:
            for who, made in clients.items():
                cost = cpu(made[operation], calls)
                if number:  # the first round warms up
                    spent.setdefault((who, operation), []).append(cost)
    return {
        who: {operation: statistics.median(spent[who, operation]) for operation in OPERATIONS}
        for who in clients
    }


@contextmanager
def silent() -> Iterator[None]:
    """Log lines are written, as on Lambda, but nobody reads them here."""
    sys.stdout.flush()
    kept = os.dup(1)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        try:
            yield
        finally:
            sys.stdout.flush()
            os.dup2(kept, 1)
            os.close(kept)


def cpu(work: Callable[[], object], calls: int) -> float:
    """Milliseconds of this process's CPU per call."""
    started = time.process_time()
    for _ in range(calls):
        work()
    return (time.process_time() - started) * 1000 / calls


def everyone() -> dict[str, Calls]:
    """The calls of each, on a table that has records."""
    services().catalog.save(load(ITEMS))
    items = services().catalog.get("items")
    given = records("items").as_function()
    ids = [given.create(values(number))["id"] for number in range(RECORDS)]
    return {
        "Covey, the whole function": function_calls(ids),
        "Covey, `records` in Python": python_calls(ids),
        "Covey's store": store_calls(services().record_store, items, ids),
        "Covey's store over botocore": store_calls(
            DynamoRecordStore(BotocoreTransport.from_environment(), NAME), items, ids
        ),
        "Covey's transport": transport_calls(items, ids),
        "botocore": botocore_calls(items, ids),
        "PynamoDB": pynamodb_calls(items, ids),
    }


def values(number: int) -> dict[str, Any]:
    return {
        "group": f"g{number % GROUPS}",
        "rank": number,
        "name": f"item {number}",
        "text": "x" * 200,
    }


def function_calls(ids: Sequence[str]) -> Calls:
    """API Gateway's event to its answer, in the handler that Lambda calls."""
    handler = importlib.import_module("functions.records.handler").handler
    password = "correct horse battery staple"
    signed_in = services().accounts.sign_up({"email": "ann@example.test"}, password)
    assert signed_in is not None
    token = signed_in.access_token
    chance = random.Random(1)

    def ask(method: str, target: str, body: Any = None, status: int = 200) -> None:
        answer = handler(http_event(method, target, body=body, token=token), None)
        assert answer["statusCode"] == status, answer

    def page(where: str) -> None:
        ask("GET", f"/records/items?filter={quote(where)}&sort=-rank&limit={PAGE_OF}")

    unseen = filters()
    return {
        "get": lambda: ask("GET", f"/records/items/{chance.choice(ids)}"),
        "list of 20": lambda: page(group(chance)),
        "list, new filter": lambda: page(next(unseen)),
        "create": lambda: ask("POST", "/records/items", values(7), 201),
    }


def python_calls(ids: Sequence[str]) -> Calls:
    items = records("items").as_(SYSTEM)
    chance, unseen = random.Random(1), filters()

    def page(where: str) -> object:
        return items.list(filter=where, sort="-rank", limit=PAGE_OF)

    return {
        "get": lambda: items.get(chance.choice(ids)),
        "list of 20": lambda: page(group(chance)),
        "list, new filter": lambda: page(next(unseen)),
        "create": lambda: items.create(values(7)),
    }


def store_calls(store: DynamoRecordStore | Any, items: Collection, ids: Sequence[str]) -> Calls:
    """Records in and out: without rules, parsing and validation."""
    chance = random.Random(1)

    def query(text: str) -> Query:
        where = check(parse(text), types(items, old=False))
        return Query(where, True, (SortKey("rank", True),), limit=PAGE_OF)

    known = {text: query(text) for text in map(group_filter, range(GROUPS))}
    unseen = cycle([query(text) for text in islice(filters(), UNSEEN)])

    def create() -> None:
        made = store.new_id(items)
        created = keys.created_of(made)
        store.create(items, Record(made, created, created, 1, values(7)))

    return {
        "get": lambda: store.get(items, chance.choice(ids)),
        "list of 20": lambda: store.list(items, known[group(chance)], lambda _: True),
        "list, new filter": lambda: store.list(items, next(unseen), lambda _: True),
        "create": create,
    }


def transport_calls(items: Collection, ids: Sequence[str]) -> Calls:
    """The requests alone, and answers as they come: what botocore's client does."""
    transport, store = services().transport, services().record_store
    chance = random.Random(1)

    def get() -> None:
        pk, sk = keys.record(items, chance.choice(ids))
        transport.call("GetItem", {"TableName": NAME, "Key": {"pk": {"S": pk}, "sk": {"S": sk}}})

    hashed = slot_keys(items)

    def query() -> None:
        transport.call(
            "Query",
            {
                "TableName": NAME,
                "IndexName": "slot-0",
                "KeyConditionExpression": "a0 = :h",
                "ExpressionAttributeValues": {":h": codec.binary(chance.choice(hashed))},
                "Limit": PAGE_OF + 1,
            },
        )

    def create() -> None:
        made = store.new_id(items)
        created = keys.created_of(made)
        item = layout_of(items).item(Record(made, created, created, 1, values(7)))
        condition = "attribute_not_exists(pk)"
        transport.call(
            "PutItem", {"TableName": NAME, "Item": item, "ConditionExpression": condition}
        )

    return {"get": get, "list of 20": query, "list, new filter": query, "create": create}


def botocore_calls(items: Collection, ids: Sequence[str]) -> Calls:
    """The same requests by the client that everybody has; answers as it gives them."""
    client = botocore.session.get_session().create_client(
        "dynamodb", endpoint_url=os.environ["AWS_ENDPOINT_URL_DYNAMODB"]
    )
    chance = random.Random(1)
    store = services().record_store

    def get() -> None:
        pk, sk = keys.record(items, chance.choice(ids))
        client.get_item(
            TableName=NAME,
            Key={"pk": {"S": pk}, "sk": {"S": sk}},
            ReturnConsumedCapacity="TOTAL",
        )

    hashed = slot_keys(items)

    def query() -> None:
        client.query(
            TableName=NAME,
            IndexName="slot-0",
            KeyConditionExpression="a0 = :h",
            ExpressionAttributeValues={":h": {"B": chance.choice(hashed)}},
            Limit=PAGE_OF + 1,
            ReturnConsumedCapacity="TOTAL",
        )

    def create() -> None:
        made = store.new_id(items)
        created = keys.created_of(made)
        item = layout_of(items).item(Record(made, created, created, 1, values(7)))
        for name in ("a0", "b0"):
            item[name] = {"B": codec.decode(item[name])}
        client.put_item(
            TableName=NAME,
            Item=item,
            ConditionExpression="attribute_not_exists(pk)",
            ReturnConsumedCapacity="TOTAL",
        )

    return {"get": get, "list of 20": query, "list, new filter": query, "create": create}


def group_filter(number: int) -> str:
    """The filter for one of the groups."""
    return f'group == "g{number}"'


def group(chance: random.Random) -> str:
    """The filter for any group: each has been asked for before."""
    return group_filter(chance.randrange(GROUPS))


def filters() -> Iterator[str]:
    """Filters of which none is asked twice while it is remembered; each takes a whole group."""
    for number in cycle(range(UNSEEN)):
        yield f"{group_filter(number % GROUPS)} && rank < {1_000_000 + number}"


def slot_keys(items: Collection) -> list[bytes]:
    """The hash keys of all groups."""
    from covey.store.encoding import encode

    number = items.indexes[0].number
    return [keys.slot_key(items, number, encode(f"g{one}"), 0) for one in range(GROUPS)]


def pynamodb_calls(items: Collection, ids: Sequence[str]) -> Calls:
    """A model with the same attributes, as a team would write it."""
    from pynamodb.attributes import BinaryAttribute

    chance = random.Random(1)
    place = os.environ["AWS_ENDPOINT_URL_DYNAMODB"]

    class ByGroup(GlobalSecondaryIndex[Any]):
        class Meta:
            index_name = "slot-0"
            projection = AllProjection()

        a0 = BinaryAttribute(hash_key=True, legacy_encoding=False)
        b0 = BinaryAttribute(range_key=True, legacy_encoding=False)

    class Item(Model):
        class Meta:
            table_name = NAME
            host = place
            region = "us-east-1"

        pk = UnicodeAttribute(hash_key=True)
        sk = UnicodeAttribute(range_key=True)
        v = NumberAttribute()
        u = NumberAttribute()
        d: MapAttribute[str, Any] = MapAttribute()
        a0 = BinaryAttribute(null=True, legacy_encoding=False)
        b0 = BinaryAttribute(null=True, legacy_encoding=False)
        by_group = ByGroup()

    hashed, physical = slot_keys(items), {name: one.key for name, one in items.fields.items()}
    store = services().record_store

    def create() -> None:
        made = store.new_id(items)
        pk, sk = keys.record(items, made)
        record = Record(made, keys.created_of(made), 0, 1, values(7))
        slots = layout_of(items).slots(record)
        named = {physical[name]: value for name, value in record.values.items()}
        one = Item(pk, sk, v=1, u=record.created, d=named, **slots)
        one.save(condition=Item.pk.does_not_exist())

    def query() -> None:
        list(Item.by_group.query(chance.choice(hashed), limit=PAGE_OF + 1))

    return {
        "get": lambda: Item.get(*keys.record(items, chance.choice(ids))),
        "list of 20": query,
        "list, new filter": query,
        "create": create,
    }


def cells(figures: Mapping[str, Mapping[str, float]]) -> list[list[str]]:
    """The table, its head first: milliseconds, and how many times less than botocore's."""
    rows = [["CPU ms of one", *OPERATIONS, *(f"{one}: botocore ÷" for one in OPERATIONS)]]
    other = figures["botocore"]
    for who, costs in figures.items():
        rows.append(
            [
                who,
                *(f"{costs[one]:.3f}" for one in OPERATIONS),
                *(f"{other[one] / costs[one]:.1f}" for one in OPERATIONS),
            ]
        )
    return rows


def page(rows: list[list[str]], rounds: int, calls: int) -> str:
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    return f"""# CPU inside a function

Written by `python -m bench.cpu --rounds {rounds} --calls {calls} --write` ({machine}): CPU of the
calling process for one call, the median of {rounds} rounds of {calls} calls of each in turns. A
record has 0.3 KB and one index; the list is by that index, of 21 entries of which 20 are shown.
It asks for one of {GROUPS} groups, whose plans Covey remembers; with a new filter, there is nothing
to remember, and besides the group a bound of the other field (the others ask for the group alone).
Covey's transport and botocore do the same: a request, and its answer as it comes. The store plans
lists, decodes records and seals cursors, and so it does over botocore; PynamoDB makes models. The
whole function takes API Gateway's event, verifies the token, asks the rules, answers and logs. The
target is {TARGET:.0f} times less than botocore for get and list, like beside like.

{markdown(rows)}
"""


if __name__ == "__main__":
    main()
