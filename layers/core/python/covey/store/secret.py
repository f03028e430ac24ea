"""Keys that a deployment makes for itself, once, and keeps in the table."""

from __future__ import annotations

import secrets
from base64 import b64decode
from collections.abc import Callable

from covey.store import codec, keys
from covey.store.faults import ConditionFailed
from covey.store.transport import Transport

SIZE = 32


def secret(transport: Transport, table: str, name: str) -> Callable[[], bytes]:
    """The deployment's secret of that name, read when first asked for and kept.

    Made by the first that finds none: a conditional put, so that all have the same.
    """
    kept: list[bytes] = []

    def value() -> bytes:
        if not kept:
            kept.append(_read(transport, table, name) or _make(transport, table, name))
        return kept[0]

    return value


def _read(transport: Transport, table: str, name: str) -> bytes | None:
    pk, sk = keys.secret(name)
    answer = transport.call(
        "GetItem",
        {"TableName": table, "Key": {"pk": {"S": pk}, "sk": {"S": sk}}, "ConsistentRead": True},
    )
    item = answer.get("Item")
    return None if item is None else b64decode(item["k"]["B"])


def _make(transport: Transport, table: str, name: str) -> bytes:
    pk, sk = keys.secret(name)
    made = secrets.token_bytes(SIZE)
    try:
        transport.call(
            "PutItem",
            {
                "TableName": table,
                "Item": {"pk": {"S": pk}, "sk": {"S": sk}, "k": codec.binary(made)},
                "ConditionExpression": "attribute_not_exists(pk)",
            },
        )
    except ConditionFailed:
        found = _read(transport, table, name)
        if found is None:
            raise
        return found
    return made
