"""Endpoints of webhooks: ``!webhooks``, all in one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DeleteError, DoesNotExist, PutError

from covey import json
from covey.records.model import ChangeKind
from covey.store import keys
from covey.store.models.base import Item, refused
from covey.webhooks.model import Endpoint


class EndpointItem(Item):
    """An endpoint, its revision apart so that saves can be conditional on it."""

    revision = NumberAttribute()
    endpoint = UnicodeAttribute()


class DynamoEndpointStore:
    """The port `EndpointStore` over the table."""

    def add(self, endpoint: Endpoint) -> None:
        """1 write unit per KB."""
        _item(endpoint).save(condition=EndpointItem.revision.does_not_exist())

    def get(self, endpoint: str) -> Endpoint | None:
        """1 read unit per 4 KB."""
        try:
            return _endpoint(EndpointItem.get(*keys.webhook(endpoint), consistent_read=True))
        except DoesNotExist:
            return None

    def all(self) -> Sequence[Endpoint]:
        """1 read unit per 4 KB, some five endpoints."""
        found = EndpointItem.query(keys.webhook("")[0], consistent_read=True)
        return [_endpoint(item) for item in found]

    def save(self, before: Endpoint, after: Endpoint) -> Endpoint | None:
        """1 write unit per KB."""
        saved = replace(after, revision=before.revision + 1)
        try:
            _item(saved).save(condition=EndpointItem.revision == before.revision)
        except PutError as exc:
            if refused(exc):
                return None
            raise
        return saved

    def remove(self, endpoint: str) -> bool:
        """1 write unit per KB."""
        try:
            EndpointItem(*keys.webhook(endpoint)).delete(EndpointItem.pk.exists())
        except DeleteError as exc:
            if refused(exc):
                return False
            raise
        return True


def _item(endpoint: Endpoint) -> EndpointItem:
    return EndpointItem(
        *keys.webhook(endpoint.id),
        revision=endpoint.revision,
        endpoint=json.encode(asdict(endpoint)),
    )


def _endpoint(item: EndpointItem) -> Endpoint:
    state = json.decode(item.endpoint.encode())
    state["collections"] = tuple(state["collections"])
    state["kinds"] = tuple(ChangeKind(kind) for kind in state["kinds"])
    return Endpoint(**{**state, "revision": int(item.revision)})
