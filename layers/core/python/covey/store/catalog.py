"""The catalog in DynamoDB: one partition, an item per collection and one for the version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covey.collections import document
from covey.collections.catalog import Past
from covey.collections.model import Collection
from covey.errors import Conflict
from covey.records.time import now_ms
from covey.store import codec, keys
from covey.store.outcomes import DomainTransport
from covey.store.transaction import Part, transact
from covey.store.transport import Transport


class DynamoCatalogStore:
    """`CatalogStore` over one table: read whole by one query, written by one transaction."""

    def __init__(self, transport: Transport, table: str) -> None:
        self._transport = DomainTransport(transport)
        self._table = table

    def load(self) -> tuple[int, Sequence[Collection]]:
        """As `CatalogStore.load`."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :p",
            "ExpressionAttributeValues": {":p": {"S": keys.CATALOG}},
            "ConsistentRead": True,
        }
        version, collections = 0, []
        while True:
            answer = self._transport.call("Query", request)
            for item in answer["Items"]:
                if item["sk"]["S"] == keys.CATALOG_VERSION:
                    version = int(item["n"]["N"])
                else:
                    collections.append(document.restore(codec.decode(item["s"])))
            if "LastEvaluatedKey" not in answer:
                return version, collections
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def save(self, collection: Collection, expected: int) -> None:
        """As `CatalogStore.save`."""
        condition = "n = :e" if expected else "attribute_not_exists(pk)"
        put = {
            "TableName": self._table,
            "Item": {**_key(keys.CATALOG_VERSION), "n": codec.encode(expected + 1)},
            "ConditionExpression": condition,
        }
        if expected:
            put["ExpressionAttributeValues"] = {":e": codec.encode(expected)}
        item = {**_key(collection.name), "s": codec.encode(document.state(collection))}
        transact(
            self._transport,
            [Part({"Put": put}, lambda reason: _changed())],
            [
                {"Put": {"TableName": self._table, "Item": item}},
                {"Put": {"TableName": self._table, "Item": self._past(collection, expected + 1)}},
            ],
        )

    def forget(self, collection: Collection, expected: int) -> None:
        """As `CatalogStore.forget`."""
        gone = self._past(collection, expected + 1) | {"s": codec.encode(None)}
        bump = {
            "TableName": self._table,
            "Item": {**_key(keys.CATALOG_VERSION), "n": codec.encode(expected + 1)},
            "ConditionExpression": "n = :e",
            "ExpressionAttributeValues": {":e": codec.encode(expected)},
        }
        transact(
            self._transport,
            [Part({"Put": bump}, lambda reason: _changed())],
            [
                {"Delete": {"TableName": self._table, "Key": _key(collection.name)}},
                {"Put": {"TableName": self._table, "Item": gone}},
            ],
        )

    def past(self, name: str, before: int | None, limit: int) -> Sequence[Past]:
        """As `CatalogStore.past`."""
        pk, below = keys.catalog_version(name, 10**8 - 1 if before is None else before - 1)
        request = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :p AND sk <= :b",
            "ExpressionAttributeValues": {":p": {"S": pk}, ":b": {"S": below}},
            "ScanIndexForward": False,
            "ConsistentRead": True,
            "Limit": limit,
        }
        return [
            Past(
                int(item["sk"]["S"]),
                int(item["n"]["N"]),
                int(item["at"]["N"]),
                codec.decode(item["s"]),
            )
            for item in self._transport.call("Query", request)["Items"]
        ]

    def _past(self, collection: Collection, number: int) -> codec.Item:
        pk, sk = keys.catalog_version(collection.name, number)
        return {
            "pk": {"S": pk},
            "sk": {"S": sk},
            "n": codec.encode(collection.version),
            "at": codec.encode(now_ms()),
            "s": codec.encode(document.dump(collection)),
        }


def _key(name: str) -> codec.Item:
    pk, sk = keys.catalog(name)
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _changed() -> Conflict:
    return Conflict("The catalog has changed meanwhile.", code="catalog_changed")
