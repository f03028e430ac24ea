"""What accounts are kept in, and what proves something: sessions, tokens, secrets, counts."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from covey.wiring.files import FileServices

if TYPE_CHECKING:
    from covey.identity.api_key import ApiKeyStore
    from covey.identity.audit import Audit
    from covey.identity.browser_sessions import BrowserSessions
    from covey.identity.challenges import Challenges
    from covey.identity.factors import FactorStore
    from covey.identity.federation.ports import IdentityStore
    from covey.identity.flows import Flows
    from covey.identity.pace import Pace
    from covey.identity.ports import AccountStore
    from covey.identity.sealing import Seal
    from covey.identity.second_factor import SecondFactor
    from covey.identity.sessions import Sessions
    from covey.identity.signing_keys import SigningKeys
    from covey.identity.throttle import Throttle
    from covey.identity.tokens import Tokens


class ProofServices(FileServices):
    """What accounts are kept in, and what proves something: sessions, tokens, secrets, counts."""

    @cached_property
    def account_store(self) -> AccountStore:
        """What signing in needs and no record shows."""
        from covey.store.models.account import DynamoAccountStore

        return DynamoAccountStore()

    @cached_property
    def factor_store(self) -> FactorStore:
        """What else than a password proves who a user is."""
        from covey.store.models.factor import DynamoFactorStore

        return DynamoFactorStore()

    @cached_property
    def identity_store(self) -> IdentityStore:
        """Identities at providers."""
        from covey.store.models.identity import DynamoIdentityStore

        return DynamoIdentityStore()

    @cached_property
    def api_key_store(self) -> ApiKeyStore:
        """Where API keys are kept."""
        from covey.store.models.api_key import DynamoApiKeyStore

        return DynamoApiKeyStore(self.transport, self.settings.table_name)

    @cached_property
    def challenges(self) -> Challenges:
        """Secrets that prove something once."""
        from covey.identity.challenges import Challenges

        return Challenges(self.record_store)

    @cached_property
    def flows(self) -> Flows:
        """Sign-ins under way."""
        from covey.identity.flows import Flows
        from covey.store.models.flow import DynamoFlowStore

        return Flows(DynamoFlowStore())

    @cached_property
    def throttle(self) -> Throttle:
        """Counted attempts."""
        from covey.identity.throttle import Throttle
        from covey.store.models.throttle import DynamoAttemptStore

        return Throttle(DynamoAttemptStore())

    @cached_property
    def pace(self) -> Pace:
        """Requests a minute."""
        from covey.identity.pace import Pace
        from covey.store.models.throttle import DynamoAttemptStore

        return Pace(DynamoAttemptStore(), limit=self.settings.rate_limit)

    @cached_property
    def audit(self) -> Audit:
        """What happened to accounts."""
        from covey.identity.audit import Audit
        from covey.store.models.event import DynamoAuditStore

        return Audit(DynamoAuditStore())

    @cached_property
    def _seal(self) -> Seal:
        from covey.identity.sealing import Seal
        from covey.store.secret import secret

        return Seal(secret(self.transport, self.settings.table_name, "factors"))

    @cached_property
    def signing_keys(self) -> SigningKeys:
        """The keys of access tokens."""
        from covey.identity.signing_keys import SigningKeys
        from covey.store.models.signing_key import DynamoKeyStore

        return SigningKeys(DynamoKeyStore(), lifetime=self.settings.access_token_ttl)

    @cached_property
    def tokens(self) -> Tokens:
        """Access tokens."""
        from covey.identity.tokens import Tokens

        return Tokens(
            self.signing_keys,
            issuer=self.settings.token_issuer,
            lifetime=self.settings.access_token_ttl,
        )

    @cached_property
    def sessions(self) -> Sessions:
        """Who is signed in."""
        from covey.identity.sessions import Sessions
        from covey.store.models.session import DynamoSessionStore

        return Sessions(
            DynamoSessionStore(), self.account_store, lifetime=self.settings.refresh_token_ttl
        )

    @cached_property
    def browser_sessions(self) -> BrowserSessions:
        """Sessions that browsers keep in a cookie."""
        from covey.identity.browser_sessions import BrowserSessions
        from covey.store.models.session import DynamoSessionStore

        lifetime = self.settings.refresh_token_ttl
        return BrowserSessions(self.sessions, DynamoSessionStore(), lifetime=lifetime)

    @cached_property
    def second_factor(self) -> SecondFactor:
        """What is asked for after a first factor."""
        from covey.identity.second_factor import SecondFactor

        return SecondFactor(
            store=self.factor_store,
            flows=self.flows,
            seal=self._seal,
            limits=self.throttle,
            audit=self.audit,
        )
