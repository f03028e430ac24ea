"""Accounts: signing up and in, and what is done to them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from covey.wiring.mail import MailServices

if TYPE_CHECKING:
    from covey.identity.accounts import Accounts
    from covey.identity.addresses import Addresses
    from covey.identity.administration import Administration
    from covey.identity.anonymous import AnonymousSweep, AnonymousUsers
    from covey.identity.api_keys import ApiKeys
    from covey.identity.bootstrap import FirstAdministrator
    from covey.identity.codes import Codes
    from covey.identity.credentials import Credentials
    from covey.identity.impersonation import Impersonation
    from covey.identity.reclaiming import Reclaiming
    from covey.records.model import Record


class AccountServices(MailServices):
    """Accounts: signing up and in, and what is done to them."""

    @cached_property
    def accounts(self) -> Accounts:
        """Signing up, in, on and out."""
        from covey.identity.accounts import Accounts

        return Accounts(
            collections=self.catalog,
            records=self.record_store,
            accounts=self.account_store,
            sessions=self.sessions,
            tokens=self.tokens,
            limits=self.throttle,
            audit=self.audit,
            post=self.post,
            second=self.second_factor,
            by_mail=self.settings.sign_up == "by_mail",
            reads=self.reads,
            hooks=self.hooks,
        )

    @cached_property
    def addresses(self) -> Addresses:
        """E-mail addresses: prove and change."""
        from covey.identity.addresses import Addresses

        return Addresses(
            collections=self.catalog,
            records=self.record_store,
            challenges=self.challenges,
            limits=self.throttle,
            audit=self.audit,
            post=self.post,
        )

    @cached_property
    def credentials(self) -> Credentials:
        """Passwords: change and reset."""
        from covey.identity.credentials import Credentials

        return Credentials(
            accounts=self.accounts,
            store=self.account_store,
            sessions=self.sessions,
            addresses=self.addresses,
            reclaiming=self.reclaiming,
            challenges=self.challenges,
            limits=self.throttle,
            audit=self.audit,
            post=self.post,
        )

    @cached_property
    def reclaiming(self) -> Reclaiming:
        """Accounts whose address is proven for the first time."""
        from covey.identity.reclaiming import Reclaiming

        # Identities first: their claims are found by what `strip` forgets.
        kept = (self.identity_store.forget, self.account_store.strip)
        return Reclaiming(self.account_store, self.sessions, self.audit, kept)

    @cached_property
    def codes(self) -> Codes:
        """Signing in by mail."""
        from covey.identity.codes import Codes

        return Codes(
            accounts=self.accounts,
            store=self.account_store,
            reclaiming=self.reclaiming,
            addresses=self.addresses,
            flows=self.flows,
            limits=self.throttle,
            audit=self.audit,
            post=self.post,
        )

    @cached_property
    def anonymous_users(self) -> AnonymousUsers:
        """Users without credentials."""
        from covey.identity.anonymous import AnonymousUsers
        from covey.store.models.anonymous import DynamoAnonymousStore

        return AnonymousUsers(
            collections=self.catalog,
            records=self.record_store,
            store=self.account_store,
            listed=DynamoAnonymousStore(),
            accounts=self.accounts,
            addresses=self.addresses,
            sessions=self.sessions,
            limits=self.throttle,
            audit=self.audit,
            post=self.post,
            lifetime=self.settings.refresh_token_ttl,
            on=self.settings.anonymous == "on",
            by_mail=self.settings.sign_up == "by_mail",
        )

    @cached_property
    def anonymous_sweep(self) -> AnonymousSweep:
        """Users without credentials who are gone."""
        from covey.identity.anonymous import AnonymousSweep
        from covey.identity.principal import SYSTEM
        from covey.records.conditions import Conditions
        from covey.store.models.anonymous import DynamoAnonymousStore

        def read(user: str) -> Record | None:
            return self.record_store.get(self.catalog.get("users"), user, consistent=True)

        def delete(user: Record) -> None:
            unchanged = Conditions.parse(user.etag, None)
            self.records.delete(SYSTEM, "users", user.id, conditions=unchanged)

        return AnonymousSweep(
            listed=DynamoAnonymousStore(),
            store=self.account_store,
            sessions=self.sessions,
            read=read,
            delete=delete,
        )

    @cached_property
    def administration(self) -> Administration:
        """What administrators do to accounts."""
        from covey.identity.administration import Administration

        return Administration(
            self.account_store, self.sessions, self.audit, self.factor_store, self.post
        )

    @cached_property
    def impersonation(self) -> Impersonation:
        """Administrators in the name of users."""
        from covey.identity.impersonation import Impersonation

        return Impersonation(
            accounts=self.accounts,
            store=self.account_store,
            sessions=self.sessions,
            addresses=self.addresses,
            audit=self.audit,
        )

    @cached_property
    def api_keys(self) -> ApiKeys:
        """API keys: make, list, end."""
        from covey.identity.api_keys import ApiKeys

        return ApiKeys(self.api_key_store, self.account_store, self.audit)

    @cached_property
    def first_administrator(self) -> FirstAdministrator:
        """The one-time token that makes the first administrator."""
        from covey.identity.bootstrap import FirstAdministrator
        from covey.store.models.bootstrap import DynamoBootstrapStore

        return FirstAdministrator(DynamoBootstrapStore(), self.accounts, self.throttle)
