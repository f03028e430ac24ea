"""Members of rooms, ``!room.{address}``, and the rooms of a socket, beside its connection.

A socket's rooms are a set in an item of their own: a member is added to it in the transaction
that keeps the member, on the condition that the connection is open. So whoever closes the
connection first finds every room that it is in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from covey import json
from covey.channels.model import Member
from covey.channels.ports import Joined
from covey.config import settings
from covey.realtime.model import Identity
from covey.store import codec, keys
from covey.store.faults import ConditionFailed, Reason
from covey.store.models.identity_text import identity_of, identity_text
from covey.store.outcomes import DomainTransport
from covey.store.transaction import Part, transact
from covey.store.transport import transport
from covey.store.writing import key_item

_HELD = "attribute_exists(pk)"
_ROOM = "attribute_not_exists(#n) OR contains(#n, :a) OR size(#n) < :m"


class _Refused(Exception):
    """Why a socket could not join."""

    def __init__(self, why: Joined) -> None:
        self.why = why


class DynamoMemberStore:
    """The port `MemberStore` over the table."""

    def join(self, member: Member, limit: int) -> Joined:
        """7 write units: a transaction of three items, and the entry for the sweep."""
        table = settings().table_name
        check = {
            "TableName": table,
            "Key": key_item(keys.connection(member.connection)),
            "ConditionExpression": _HELD,
        }
        listed = {
            "TableName": table,
            "Key": key_item(keys.rooms(member.connection)),
            "UpdateExpression": "ADD #n :one SET #x = :x, #b = :b",
            "ConditionExpression": _ROOM,
            "ExpressionAttributeNames": {"#n": "names", "#x": "x", "#b": "xb"},
            "ExpressionAttributeValues": {
                ":one": {"SS": [member.address]},
                ":a": {"S": member.address},
                ":m": codec.encode(limit),
                ":x": codec.encode(member.expires),
                ":b": {"S": keys.socket_bucket(member.connection)},
            },
        }
        parts = [
            Part({"ConditionCheck": check}, _why("gone")),
            Part({"Update": listed}, _why("full")),
            Part({"Put": {"TableName": table, "Item": _item(member)}}, _why("gone")),
        ]
        try:
            transact(DomainTransport(transport()), parts)
        except _Refused as refused:
            return refused.why
        return "joined"

    def leave(self, connection: str, address: str) -> Member | None:
        """2 write units."""
        request = {
            "Key": key_item(keys.member(address, connection)),
            "ConditionExpression": _HELD,
            "ReturnValues": "ALL_OLD",
        }
        item = _changed("DeleteItem", request)
        unlisted = {
            "Key": key_item(keys.rooms(connection)),
            "UpdateExpression": "DELETE #n :one",
            "ConditionExpression": _HELD,
            "ExpressionAttributeNames": {"#n": "names"},
            "ExpressionAttributeValues": {":one": {"SS": [address]}},
        }
        _changed("UpdateItem", unlisted)
        return None if item is None else _member(item)

    def get(self, connection: str, address: str) -> Member | None:
        """1 read unit."""
        found = self._get(keys.member(address, connection))
        return None if found is None else _member(found)

    def addresses(self, connection: str) -> Sequence[str]:
        """1 read unit per 4 KB."""
        found = self._get(keys.rooms(connection)) or {}
        return sorted(found["names"]["SS"]) if "names" in found else []

    def members(self, address: str) -> Sequence[Member]:
        """1 read unit per 4 KB: some 16 members."""
        request: dict[str, Any] = {
            "KeyConditionExpression": "pk = :p",
            "ExpressionAttributeValues": {":p": {"S": keys.member(address, "")[0]}},
            "ConsistentRead": True,
        }
        found: list[Member] = []
        while True:
            answer = _call("Query", request)
            found += [_member(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return found
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def say(self, connection: str, address: str, state: Any, at: int) -> Member | None:
        """1 write unit per KB."""
        values = {":s": {"S": json.encode(state)}, ":t": codec.encode(at)}
        names = {"#s": "state", "#t": "said"}
        item = self._update(connection, address, "SET #s = :s, #t = :t", names, values, "ALL_NEW")
        return None if item is None else _member(item)

    def identify(
        self, connection: str, address: str, identity: Identity, *, present: bool
    ) -> Member | None:
        """1 write unit per KB."""
        values: dict[str, Any] = {
            ":i": {"S": identity_text(identity)},
            ":p": codec.encode(present),
        }
        names = {"#i": "who", "#p": "present"}
        item = self._update(connection, address, "SET #i = :i, #p = :p", names, values, "ALL_OLD")
        return None if item is None else _member(item)

    def forget(self, connection: str) -> None:
        """2 write units."""
        for key in (keys.rooms(connection), keys.frames(connection)):
            _call("DeleteItem", {"Key": key_item(key)})

    def due(self, now: int, most: int) -> Sequence[str]:
        """0.5 read units per bucket, and per 4 KB of keys."""
        found: dict[str, None] = {}
        for bucket in keys.SOCKET_BUCKETS:
            request = {
                "IndexName": keys.EXPIRY_INDEX,
                "KeyConditionExpression": "xb = :b AND x <= :n",
                "ExpressionAttributeValues": {":b": {"S": bucket}, ":n": codec.encode(now)},
                "Limit": most,
            }
            for item in _call("Query", request)["Items"]:
                found[keys.connection_of(item[keys.PK]["S"])] = None
        return list(found)[:most]

    def _get(self, key: keys.Key) -> Mapping[str, Any] | None:
        return _call("GetItem", {"Key": key_item(key), "ConsistentRead": True}).get("Item")

    def _update(
        self,
        connection: str,
        address: str,
        update: str,
        names: Mapping[str, str],
        values: Mapping[str, Any],
        answer: str,
    ) -> Mapping[str, Any] | None:
        request = {
            "Key": key_item(keys.member(address, connection)),
            "UpdateExpression": update,
            "ConditionExpression": _HELD,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "ReturnValues": answer,
        }
        return _changed("UpdateItem", request)


def _why(why: Joined) -> Any:
    def refused(_reason: Reason) -> Exception:
        return _Refused(why)

    return refused


def _call(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    told = {"TableName": settings().table_name, **request}
    return DomainTransport(transport()).call(operation, told)


def _changed(operation: str, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The attributes that a write answers; None where its condition did not hold."""
    try:
        attributes: Mapping[str, Any] = _call(operation, request).get("Attributes", {})
    except ConditionFailed:
        return None
    return attributes


def _item(member: Member) -> codec.Item:
    return {
        **key_item(keys.member(member.address, member.connection)),
        "who": {"S": identity_text(member.identity)},
        "joined": codec.encode(member.joined),
        "x": codec.encode(member.expires),
        "present": codec.encode(member.present),
        "state": {"S": json.encode(member.state)},
        "said": codec.encode(member.said),
    }


def _member(item: Mapping[str, Any]) -> Member:
    return Member(
        connection=item[keys.SK]["S"],
        address=item[keys.PK]["S"].removeprefix("!room."),
        identity=identity_of(item["who"]["S"]),
        joined=int(item["joined"]["N"]),
        expires=int(item["x"]["N"]),
        present=item["present"]["BOOL"],
        state=json.decode(item["state"]["S"].encode()),
        said=int(item["said"]["N"]),
    )
