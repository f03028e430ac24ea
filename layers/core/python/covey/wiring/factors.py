"""What else than a password proves who somebody is."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from covey.wiring.accounts import AccountServices

if TYPE_CHECKING:
    from covey.identity.authenticator import Authenticator, Proofs
    from covey.identity.federation.flow import Flow
    from covey.identity.federation.identities import Identities
    from covey.identity.passkeys import Passkeys


class FactorServices(AccountServices):
    """What else than a password proves who somebody is."""

    @cached_property
    def proofs(self) -> Proofs:
        """Who has proven just now to be who they say."""
        from covey.identity.authenticator import Proofs

        return Proofs(self.account_store, self.sessions, self.credentials, self.second_factor)

    @cached_property
    def authenticator(self) -> Authenticator:
        """Authenticator apps and recovery codes."""
        from covey.identity.authenticator import Authenticator

        return Authenticator(
            proofs=self.proofs,
            accounts=self.account_store,
            store=self.factor_store,
            second=self.second_factor,
            seal=self._seal,
            limits=self.throttle,
            audit=self.audit,
            post=self.post,
            product=self.settings.product_name,
        )

    @cached_property
    def passkeys(self) -> Passkeys:
        """WebAuthn credentials."""
        from covey.identity.passkeys import Passkeys, party_of

        return Passkeys(
            party=party_of(
                self.settings.public_url,
                self.settings.passkey_domain,
                self.settings.passkey_origins,
                self.settings.product_name,
            ),
            proofs=self.proofs,
            accounts=self.accounts,
            store=self.account_store,
            factors=self.factor_store,
            addresses=self.addresses,
            challenges=self.challenges,
            limits=self.throttle,
            audit=self.audit,
            post=self.post,
        )

    @cached_property
    def federation(self) -> Flow:
        """To providers and back."""
        from covey.identity.federation.discovery import Directory
        from covey.identity.federation.flow import Flow
        from covey.identity.federation.profiles import Profiles
        from covey.identity.federation.providers import parse
        from covey.identity.federation.redirects import Redirects
        from covey.identity.federation.web import HttpWeb

        web = HttpWeb()
        directory = Directory(web)
        return Flow(
            providers=parse(self.settings.oauth_providers),
            redirects=Redirects(self.settings.oauth_redirects.replace(",", " ").split()),
            directory=directory,
            profiles=Profiles(web, directory),
            challenges=self.challenges,
            limits=self.throttle,
            audit=self.audit,
            public_url=self.settings.public_url,
        )

    @cached_property
    def identities(self) -> Identities:
        """Users as those whom providers know."""
        from covey.identity.federation.identities import Identities

        return Identities(
            collections=self.catalog,
            records=self.record_store,
            store=self.account_store,
            identities=self.identity_store,
            factors=self.factor_store,
            accounts=self.accounts,
            addresses=self.addresses,
            sessions=self.sessions,
            reclaiming=self.reclaiming,
            audit=self.audit,
            post=self.post,
        )
