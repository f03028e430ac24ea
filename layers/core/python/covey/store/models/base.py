"""What all models share: the keys of the one table, and the way to it.

PynamoDB describes and reads items; the calls go through `covey.store.transport` like all others,
so that they are signed, tried again, timed and counted in one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.connection.base import Connection, MetaTable
from pynamodb.connection.table import TableConnection
from pynamodb.exceptions import PynamoDBException, VerboseClientError
from pynamodb.models import Model

from covey.config import settings
from covey.errors import Unavailable
from covey.store import keys
from covey.store.faults import (
    ConditionFailed,
    Contended,
    ServiceDown,
    Throttled,
    TransactionCancelled,
)
from covey.store.transaction import Part, transact
from covey.store.transport import transport


class Item(Model):
    """An item of the table; models add their attributes, and take their keys from `keys`.

    Binary attributes are not supported: bytes are kept as text.
    """

    class Meta:
        """Asked for by PynamoDB; the table's name is read when it is used: `_get_connection`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)

    @classmethod
    def _get_connection(cls) -> TableConnection:
        return _connection(settings().table_name)

    def put_if_new(self) -> dict[str, Any]:
        """The TransactItem that writes this item where there is none."""
        return {
            "Put": {
                "TableName": settings().table_name,
                "Item": self.serialize(),
                "ConditionExpression": "attribute_not_exists(#pk)",
                "ExpressionAttributeNames": {"#pk": keys.PK},
            }
        }


def refused(error: PynamoDBException) -> bool:
    """Whether a write did not happen because its condition did not hold."""
    return error.cause_response_code == "ConditionalCheckFailedException"


def write_together(entries: Sequence[dict[str, Any]]) -> bool:
    """Write all of the TransactItems; False, having written none, where a condition failed."""
    parts = [Part(entry, _Refused) for entry in entries]
    try:
        transact(transport(), parts)
    except _Refused:
        return False
    except (Contended, ServiceDown, Throttled, TransactionCancelled) as exc:
        raise Unavailable from exc
    return True


class _Refused(Exception):
    """A condition that did not hold."""


class _Transported(Connection):
    """PynamoDB's connection over the transport of this process."""

    def _make_api_call(
        self, operation_name: str, operation_kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        try:
            return transport().call(operation_name, operation_kwargs)
        except ConditionFailed as exc:
            raise VerboseClientError({"Error": {"Code": exc.code}}, operation_name) from exc
        except (Contended, ServiceDown, Throttled) as exc:
            raise Unavailable from exc


@cache
def _connection(table: str) -> TableConnection:
    schema = {keys.PK: "HASH", keys.SK: "RANGE"}
    connection = TableConnection(table)
    connection.connection = _Transported()
    connection.connection.add_meta_table(
        MetaTable(
            {
                "TableName": table,
                "KeySchema": [{"AttributeName": n, "KeyType": kind} for n, kind in schema.items()],
                "AttributeDefinitions": [
                    {"AttributeName": n, "AttributeType": "S"} for n in schema
                ],
            }
        )
    )
    return connection
