"""Endpoints under the hands of administrators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from covey.collections.model import Collection
from covey.errors import Conflict, FieldError, Invalid, NotFound
from covey.identity.administrators import administrators_only
from covey.identity.audit import Audit
from covey.identity.authorize import permits
from covey.identity.ports import NOWHERE, Place
from covey.identity.principal import Kind, Principal
from covey.outbound.addresses import Reach
from covey.outbound.urls import parse
from covey.records.conditions import Conditions
from covey.records.ids import IdMaker, is_auto
from covey.webhooks.document import MAX_HEADERS, Wanted, wanted
from covey.webhooks.model import Endpoint
from covey.webhooks.ports import EndpointStore, Turns
from covey.webhooks.secrecy import Secrecy
from covey.webhooks.signing import make_secret

MAX_ENDPOINTS = 100  # each batch of changes reads them all
MAX_OVERLAP_H = 168
DEFAULT_OVERLAP_H = 24


class Endpoints:
    """Makes, shows, changes and ends endpoints; each of it is for administrators.

    An API key does so only for collections that it may read: else it could have them sent to
    itself.
    """

    def __init__(
        self,
        store: EndpointStore,
        turns: Turns,
        find: Callable[[str], Collection],
        secrecy: Secrecy,
        audit: Audit,
        wake: Callable[[str], None],
        *,
        reach: Reach,
        now: Callable[[], int],
    ) -> None:
        self._store = store
        self._turns = turns
        self._find = find
        self._secrecy = secrecy
        self._audit = audit
        self._wake = wake
        self._reach = reach
        self._now = now
        self._make_id = IdMaker().make

    def all(self, who: Principal) -> Sequence[Endpoint]:
        """All that this caller may see, oldest first."""
        administrators_only(who)
        return [one for one in self._store.all() if _may(who, one.collections)]

    def get(self, who: Principal, endpoint: str) -> Endpoint:
        """One; raises NotFound."""
        administrators_only(who)
        found = self._store.get(endpoint) if is_auto(endpoint) else None
        if found is None or not _may(who, found.collections):
            raise NotFound("webhook")
        return found

    def make(
        self, who: Principal, document: Mapping[str, Any], place: Place = NOWHERE
    ) -> tuple[Endpoint, str]:
        """A new one, and its secret, which nobody is shown again."""
        administrators_only(who)
        want = self._wanted(who, document, {})
        if len(self._store.all()) >= MAX_ENDPOINTS:
            raise Conflict(f"There are {MAX_ENDPOINTS} webhooks already.", code="too_many_webhooks")
        now, secret = self._now(), make_secret()
        made = Endpoint(
            id=self._make_id(now),
            url=want.url,
            collections=want.collections,
            kinds=want.kinds,
            secret="",
            maker=who.id if who.kind is not Kind.KEY else "",
            created=now,
        )
        made = self._with(made, want, now)
        made = replace(made, secret=self._secrecy.close(made.id, secret))
        self._store.add(made)
        self._note("webhook_made", who, made, place)
        return made, secret

    def change(
        self,
        who: Principal,
        endpoint: str,
        patch: Mapping[str, Any],
        conditions: Conditions,
        place: Place = NOWHERE,
    ) -> Endpoint:
        """After a merge patch; raises PreconditionFailed, or Conflict where another was faster."""
        before = self.get(who, endpoint)
        conditions.check(before.etag)
        want = self._wanted(who, patch, _document(before))
        bare = "headers" in patch and patch["headers"] is None
        if not bare:
            _refuse_carried(before, want)
        after = self._with(replace(before, headers={}) if bare else before, want, self._now())
        enabled = after.enabled and not before.enabled
        saved = self._save(before, replace(after, disabled="" if enabled else after.disabled))
        if enabled:
            self._turns.heal(saved.id)
            self._wake(saved.id)
        self._note("webhook_changed", who, saved, place)
        return saved

    def remove(self, who: Principal, endpoint: str, place: Place = NOWHERE) -> None:
        """End it; what waits for it is not sent."""
        found = self.get(who, endpoint)
        if not self._store.remove(found.id):
            raise NotFound("webhook")
        self._turns.forget(found.id)
        self._note("webhook_removed", who, found, place)

    def rotate(
        self, who: Principal, endpoint: str, overlap_h: int, place: Place = NOWHERE
    ) -> tuple[Endpoint, str]:
        """A new secret; the one before signs as well for so many hours."""
        if not 0 <= overlap_h <= MAX_OVERLAP_H:
            fault = FieldError("overlap_hours", "invalid", f"must be 0 to {MAX_OVERLAP_H}")
            raise Invalid(f"overlap_hours {fault.message}.", errors=[fault])
        before = self.get(who, endpoint)
        now, secret = self._now(), make_secret()
        after = replace(
            before,
            secret=self._secrecy.close(before.id, secret),
            previous=before.secret if overlap_h else "",
            previous_until=now + overlap_h * 3_600_000 if overlap_h else 0,
            updated=now,
        )
        saved = self._save(before, after)
        self._note("webhook_secret_rotated", who, saved, place)
        return saved, secret

    def _wanted(
        self, who: Principal, document: Mapping[str, Any], before: Mapping[str, Any]
    ) -> Wanted:
        def find(name: str) -> Collection:
            found = self._find(name)
            if not permits(who, "read", found):
                raise NotFound("collection")
            return found

        return wanted(document, before, find, self._reach)

    def _with(self, endpoint: Endpoint, want: Wanted, now: int) -> Endpoint:
        kept = {name.lower(): (name, value) for name, value in endpoint.headers.items()}
        for name, value in want.headers.items():
            kept.pop(name.lower(), None)
            if value is not None:
                kept[name.lower()] = (name, self._secrecy.close(endpoint.id, value))
        if len(kept) > MAX_HEADERS:
            fault = FieldError("headers", "invalid", f"must have at most {MAX_HEADERS} entries")
            raise Invalid(f"headers {fault.message}.", errors=[fault])
        return replace(
            endpoint,
            url=want.url,
            collections=want.collections,
            kinds=want.kinds,
            filter=want.filter,
            description=want.description,
            headers=dict(kept.values()),
            enabled=want.enabled,
            updated=now,
        )

    def _save(self, before: Endpoint, after: Endpoint) -> Endpoint:
        saved = self._store.save(before, after)
        if saved is None:
            raise Conflict("The webhook has changed meanwhile. Try again.")
        return saved

    def _note(self, kind: str, who: Principal, endpoint: Endpoint, place: Place) -> None:
        # Not the whole address: those of some receivers are secrets.
        told = {"webhook": endpoint.id, "host": host_of(endpoint)}
        self._audit.note(kind, "", place, actor=who.id, **told)


def host_of(endpoint: Endpoint) -> str:
    """The host of an endpoint's address."""
    return urlsplit(endpoint.url).hostname or ""


def _may(who: Principal, collections: Sequence[str]) -> bool:
    return who.scopes is None or all(who.scopes.allow("read", name) for name in collections)


def _refuse_carried(before: Endpoint, want: Wanted) -> None:
    """Headers are never shown again: nobody may have them sent to another server unseen."""
    old, new = parse(before.url), parse(want.url)
    if (old.scheme, old.host, old.port) == (new.scheme, new.host, new.port):
        return
    given = {name.lower() for name in want.headers}
    carried = sorted(name for name in before.headers if name.lower() not in given)
    if carried:
        why = f"must be given anew, or null, for another server: {', '.join(carried)}"
        raise Invalid(f"headers {why}.", errors=[FieldError("headers", "required", why)])


def _document(endpoint: Endpoint) -> dict[str, Any]:
    """What a patch goes over; headers are merged by name."""
    return {
        "url": endpoint.url,
        "collections": list(endpoint.collections),
        "kinds": [str(kind) for kind in endpoint.kinds],
        "filter": endpoint.filter,
        "description": endpoint.description,
        "enabled": endpoint.enabled,
    }
