"""The world of identity with a provider by script, and anonymous users."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from covey.identity.accounts import SignedIn
from covey.identity.anonymous import AnonymousStore, AnonymousSweep, AnonymousUsers
from covey.identity.challenges import Challenges
from covey.identity.federation.discovery import Directory
from covey.identity.federation.flow import Flow, Wish
from covey.identity.federation.identities import Identities
from covey.identity.federation.ports import IdentityStore
from covey.identity.federation.profiles import Profile, Profiles
from covey.identity.federation.redirects import Redirects
from covey.identity.principal import GUEST, Principal
from covey.identity.reclaiming import Reclaiming
from covey.records.model import Record
from covey.testing.federation import MemoryAnonymousStore, MemoryIdentityStore
from covey.testing.records import MemoryRecordStore
from tests.layers.core.identity.federation import scripted
from tests.layers.core.identity.world import World

BACK = "https://app.example.test/done"
ANN = Profile("acme", scripted.ISSUER, "ann", "ann@example.test", "Ann")


class Federated(World):
    """World, with one provider."""

    identities_kept: IdentityStore
    listed: AnonymousStore

    def __init__(self, table: str | None = None, *, by_mail: bool = False) -> None:
        super().__init__(table, by_mail=by_mail)
        self.web = scripted.web()
        other = replace(scripted.provider(), name="other")
        providers = {"acme": scripted.provider(), "other": other}
        directory = Directory(self.web)
        self.flow = Flow(
            providers=providers,
            redirects=Redirects([BACK]),
            directory=directory,
            profiles=Profiles(self.web, directory),
            challenges=Challenges(MemoryRecordStore(self.clock), self.clock),
            limits=self.throttle,
            audit=self.audit,
            public_url="https://api.example.test",
        )
        self.identities = Identities(
            collections=self.catalog,
            records=self.records,
            store=self.accounts_kept,
            identities=self.identities_kept,
            factors=self.factors_kept,
            accounts=self.accounts,
            addresses=self.addresses,
            sessions=self.sessions,
            reclaiming=Reclaiming(
                self.accounts_kept,
                self.sessions,
                self.audit,
                [self.identities_kept.forget, self.forget_factors],
            ),
            audit=self.audit,
            post=self.post,
            clock=self.clock_ms,
        )
        self.anonymous = AnonymousUsers(
            collections=self.catalog,
            records=self.records,
            store=self.accounts_kept,
            listed=self.listed,
            accounts=self.accounts,
            addresses=self.addresses,
            sessions=self.sessions,
            limits=self.throttle,
            audit=self.audit,
            post=self.post,
            lifetime=3600,
            on=True,
            by_mail=by_mail,
            clock=self.clock,
        )
        self.deleted: list[str] = []
        self.sweep = AnonymousSweep(
            listed=self.listed,
            store=self.accounts_kept,
            sessions=self.sessions,
            read=self.addresses.of,
            delete=self._delete,
            clock=self.clock,
        )

    def _delete(self, user: Record) -> None:
        self.deleted.append(user.id)

    def _memory(self) -> None:
        super()._memory()
        self.identities_kept = MemoryIdentityStore()
        self.listed = MemoryAnonymousStore()

    def _dynamo(self, table: str) -> None:
        from covey.store.models.anonymous import DynamoAnonymousStore
        from covey.store.models.identity import DynamoIdentityStore

        super()._dynamo(table)
        self.identities_kept = DynamoIdentityStore()
        self.listed = DynamoAnonymousStore()

    def by(self, profile: Profile = ANN, **values: Any) -> SignedIn:
        """Sign in by a provider."""
        made = self.identities.sign_in(profile, values)
        assert isinstance(made, SignedIn)
        return made

    def nobody(self) -> SignedIn:
        """An anonymous user."""
        made = self.anonymous.make({}, GUEST)
        assert isinstance(made, SignedIn)
        return made

    def who(self, made: SignedIn) -> Principal:
        """The caller with these tokens."""
        return self.caller(f"Bearer {made.access_token}")

    def leave(self, wish: Wish | None = None) -> tuple[dict[str, str], str]:
        """What the provider got, and the browser's cookie."""
        departure = self.flow.begin("acme", wish or Wish(BACK))
        sent = parse_qs(urlsplit(departure.url).query)
        return {name: one[0] for name, one in sent.items()}, departure.browser

    def answers(self, id_token: str, **more: Any) -> None:
        """What the token endpoint gives for any code."""
        tokens = {"id_token": id_token, "access_token": "a", **more}
        self.web.answers[f"{scripted.ISSUER}/token"] = scripted.ok(tokens)
