"""Changes into deliveries: a consumer of the pipeline.

A delivery has its id of the endpoint and the change, so that a batch which comes again makes no
second one. It is queued by the time and sequence of the change, not by when it was seen here:
the changes of a record stand in the queue in their order.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

from covey import json
from covey.collections.model import Collection
from covey.expressions import ExpressionError
from covey.pipeline.cloudevents import event, event_id, event_type
from covey.records.model import Change
from covey.webhooks.filtering import Filters, moment
from covey.webhooks.model import Delivery, Endpoint, delivery_id
from covey.webhooks.ports import DeliveryStore, EndpointStore

MAX_PAYLOAD = 200_000  # bytes; an item of the table holds 400 KB, and receivers much less
_log = logging.getLogger(__name__)


class Making:
    """A `covey.pipeline.consumer.Consumer`; `wake` has an endpoint worked for."""

    name = "webhooks"

    def __init__(
        self,
        endpoints: EndpointStore,
        deliveries: DeliveryStore,
        wake: Callable[[str], None],
        *,
        source: str,
        now: Callable[[], int],
    ) -> None:
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._wake = wake
        self._source = source
        self._now = now
        self._filters = Filters()

    def wants(self, collection: Collection) -> bool:
        """Any: which endpoints there are is asked with each batch, as one may be a second old."""
        return True

    def apply(self, collection: Collection, changes: Sequence[Change]) -> None:
        """As `Consumer.apply`: a delivery for each endpoint and change, however often it comes."""
        for endpoint in self._endpoints.all():
            if not endpoint.enabled or collection.name not in endpoint.collections:
                continue
            made = list(self._made(endpoint, collection, changes))
            if made:
                self._deliveries.add(made)
                self._wake(endpoint.id)

    def _made(
        self, endpoint: Endpoint, collection: Collection, changes: Sequence[Change]
    ) -> Iterable[Delivery]:
        for change in changes:
            try:
                taken = self._filters.takes(endpoint, collection, change)
            except ExpressionError as wrong:
                # Which changes it would let through nobody knows; none is safer than all.
                _log.warning("the filter of webhook %s does not fit: %s", endpoint.id, wrong)
                return
            if taken:
                yield self._delivery(endpoint, collection, change)

    def _delivery(self, endpoint: Endpoint, collection: Collection, change: Change) -> Delivery:
        at = moment(change)
        return Delivery(
            endpoint=endpoint.id,
            id=delivery_id(at, endpoint.id, event_id(change)),
            type=event_type(change.kind),
            payload=payload(change, collection, self._source),
            collection=change.collection,
            record=change.id,
            sequence=change.sequence,
            created=at,
            due=min(at, self._now()),
        )


def payload(change: Change, collection: Collection, source: str) -> str:
    """The event as it is sent: without what the record was, or with its system fields alone and
    ``"partial": true``, where all of it would be too large.
    """
    told = event(change, collection, source)
    text = json.encode(told)
    if len(text.encode()) <= MAX_PAYLOAD:
        return text
    record = told["data"]["record"]
    told["data"] = {"record": record, "partial": True}
    text = json.encode(told)
    if len(text.encode()) <= MAX_PAYLOAD:
        return text
    named = {name: record[name] for name in ("id", "created", "updated", "version")}
    return json.encode({**told, "data": {"record": named, "partial": True}})
