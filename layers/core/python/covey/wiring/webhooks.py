"""Webhooks: endpoints, deliveries to them, and who sends these."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from covey.wiring.schedules import ScheduleServices

if TYPE_CHECKING:
    from collections.abc import Callable

    from covey.jobs.runner import Work
    from covey.pipeline.consumer import Consumer
    from covey.webhooks.courier import Courier
    from covey.webhooks.deliveries import Deliveries
    from covey.webhooks.endpoints import Endpoints
    from covey.webhooks.ports import DeliveryStore, EndpointStore, Turns
    from covey.webhooks.replaying import Replays
    from covey.webhooks.secrecy import Secrecy
    from covey.webhooks.sending import Sender
    from covey.webhooks.waking import Tick, Waker


class WebhookServices(ScheduleServices):
    """Webhooks: endpoints, deliveries to them, and who sends these."""

    @cached_property
    def webhook_store(self) -> EndpointStore:
        """Where endpoints are kept."""
        from covey.store.models.webhook import DynamoEndpointStore

        return DynamoEndpointStore()

    @cached_property
    def delivery_store(self) -> DeliveryStore:
        """Where deliveries are kept."""
        from covey.store.deliveries import DynamoDeliveryStore

        return DynamoDeliveryStore(self.transport, self.settings.table_name)

    @cached_property
    def webhook_turns(self) -> Turns:
        """Whose turn it is."""
        from covey.store.turns import DynamoTurns

        return DynamoTurns(self.transport, self.settings.table_name)

    @cached_property
    def _webhook_secrecy(self) -> Secrecy:
        from covey.identity.sealing import Seal
        from covey.store.secret import secret
        from covey.webhooks.secrecy import Secrecy

        return Secrecy(Seal(secret(self.transport, self.settings.table_name, "webhooks")))

    @cached_property
    def _webhook_waker(self) -> Waker:
        from covey.aws.queues import SqsJobQueue
        from covey.records.time import now_ms
        from covey.webhooks.waking import Waker

        return Waker(SqsJobQueue(self.settings.webhooks_queue_url), now=now_ms)

    @property
    def _wake_webhook(self) -> Callable[[str], None]:
        return lambda endpoint: self._webhook_waker.wake(endpoint)

    @cached_property
    def _webhook_sender(self) -> Sender:
        from covey.outbound.addresses import Reach
        from covey.outbound.client import Client
        from covey.records.time import now_ms
        from covey.webhooks.sending import Sender

        reach = Reach(self.settings.webhook_reach)
        return Sender(Client(reach), self._webhook_secrecy, now=now_ms)

    @cached_property
    def webhooks(self) -> Endpoints:
        """Endpoints under the hands of administrators."""
        from covey.outbound.addresses import Reach
        from covey.records.time import now_ms
        from covey.webhooks.endpoints import Endpoints

        return Endpoints(
            self.webhook_store,
            self.webhook_turns,
            lambda name: self.catalog.get(name),
            self._webhook_secrecy,
            self.audit,
            self._wake_webhook,
            reach=Reach(self.settings.webhook_reach),
            now=now_ms,
        )

    @cached_property
    def deliveries(self) -> Deliveries:
        """What was delivered."""
        from covey.records.time import now_ms
        from covey.webhooks.deliveries import Deliveries

        return Deliveries(
            self.webhooks,
            self.delivery_store,
            self._webhook_sender,
            self.audit,
            self._wake_webhook,
            source=f"{self.settings.public_url}/records",
            now=now_ms,
        )

    @cached_property
    def replays(self) -> Replays:
        """Many deliveries sent again: start it."""
        from covey.records.time import now_ms
        from covey.webhooks.replaying import Replays

        return Replays(self.jobs, self.webhooks, self.audit, now=now_ms)

    @property
    def replaying(self) -> Work:
        """Many deliveries sent again: the job."""
        from covey.records.time import now_ms
        from covey.webhooks.replaying import Replaying

        return Replaying(
            self.webhooks, self.delivery_store, self.owner, self._wake_webhook, now=now_ms
        )

    @cached_property
    def webhook_making(self) -> Consumer:
        """Changes into deliveries."""
        from covey.records.time import now_ms
        from covey.webhooks.making import Making

        return Making(
            self.webhook_store,
            self.delivery_store,
            self._wake_webhook,
            source=f"{self.settings.public_url}/records",
            now=now_ms,
        )

    @cached_property
    def courier(self) -> Courier:
        """Sends what is due for an endpoint."""
        from covey.records.time import now_ms
        from covey.webhooks.courier import Courier
        from covey.webhooks.notices import Disabling

        operators = self.settings.alerts_to.replace(",", " ").split()
        disabling = Disabling(
            self.webhook_store, self.audit, self.post, operators=operators, now=now_ms
        )
        return Courier(
            self.webhook_store,
            self.delivery_store,
            self.webhook_turns,
            self._webhook_sender,
            self._webhook_waker,
            disabling,
            now=now_ms,
        )

    @cached_property
    def webhook_tick(self) -> Tick:
        """Wakes who sends, each minute."""
        from covey.records.time import now_ms
        from covey.webhooks.waking import Tick

        return Tick(
            self.webhook_store,
            self.delivery_store,
            self.webhook_turns,
            self._webhook_waker,
            now=now_ms,
        )
