"""Endpoints that Covey disables by itself, and word of it to those who see to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from covey.identity.audit import Audit
from covey.identity.caller import ADMIN_ROLE
from covey.identity.users import roles_of
from covey.mail.desk import Draft, Drafter
from covey.mail.post import Post
from covey.records.model import Record
from covey.webhooks.endpoints import host_of
from covey.webhooks.model import Endpoint
from covey.webhooks.ports import EndpointStore

LETTER = "webhook_disabled"
REASONS = ("gone", "failing")


class Disabling:
    """Disables, notes it, and orders letters: for its maker, and for the operators."""

    def __init__(
        self,
        store: EndpointStore,
        audit: Audit,
        post: Post,
        *,
        operators: Sequence[str],
        now: Callable[[], int],
    ) -> None:
        self._store = store
        self._audit = audit
        self._post = post
        self._operators = operators
        self._now = now

    def __call__(self, endpoint: Endpoint, why: str) -> None:
        """Disable it for one of `REASONS`, unless somebody has changed it meanwhile."""
        after = replace(endpoint, enabled=False, disabled=why, updated=self._now())
        if self._store.save(endpoint, after) is None:
            return
        host = host_of(endpoint)
        self._audit.note(LETTER, "", webhook=endpoint.id, host=host, why=why)
        told = {"webhook": endpoint.id, "host": host, "why": why}
        if endpoint.maker:
            self._post.order(LETTER, user=endpoint.maker, **told)
        for address in self._operators:
            self._post.order(LETTER, to=address, **told)


def drafters(user: Callable[[str], Record | None]) -> dict[str, Drafter]:
    """What the desk writes these letters by; `user` reads a user."""

    def disabled(order: Mapping[str, Any]) -> Draft | None:
        values = {name: order[name] for name in ("webhook", "host", "why")}
        if "to" in order:
            return Draft(order["to"], values)
        maker = user(order["user"])
        # Who is no administrator any more sees to it no more either.
        if maker is None or ADMIN_ROLE not in roles_of(maker) or not maker.values.get("email"):
            return None
        return Draft(maker.values["email"], values)

    return {LETTER: disabled}
