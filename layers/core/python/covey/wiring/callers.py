"""Who asks."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from covey.wiring.factors import FactorServices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from covey.identity.key_callers import KeyCallers
    from covey.identity.presence import Presence
    from covey.identity.principal import Principal


class CallerServices(FactorServices):
    """Who asks."""

    def principal(self, authorization: str | None) -> Principal:
        """The caller that an Authorization header names, as of now; raises Unauthenticated."""
        from covey.identity.caller import bearer_token
        from covey.identity.principal import GUEST

        if authorization is None:  # most of the web; spared the machinery of tokens
            return GUEST
        token = bearer_token(authorization)
        if token.startswith("cvk_"):
            return self.key_callers.of(token)
        return self.presence.of(self.tokens.verify(token))

    def bearer(self, token: str) -> tuple[Principal, int]:
        """The caller of an access token, and until when (seconds); raises Unauthenticated."""
        if token.startswith("cvk_"):
            from covey.identity.scopes import not_allowed

            who = self.key_callers.of(token)
            if who.scopes is None or not who.scopes.meet("realtime"):
                raise not_allowed()
            return who, who.until
        claims = self.tokens.verify(token)
        return self.presence.of(claims), claims.expires

    def present(self, who: Principal) -> Principal:
        """A caller of a while ago, with what they may do now; a guest stays one.

        Raises Unauthenticated where the key, the session or the user is gone or disabled. Whether
        the token's time is over is the caller's to know: `Principal.until`.
        """
        from covey.identity.principal import Kind

        if who.kind is Kind.GUEST:
            return who
        return self.key_callers.again(who.key) if who.key else self.presence.again(who)

    @cached_property
    def key_callers(self) -> KeyCallers:
        """Who calls by an API key."""
        from covey.identity.key_callers import KeyCallers

        lifetime = self.settings.access_token_ttl
        return KeyCallers(self.api_key_store, self.catalog, lifetime=lifetime)

    @cached_property
    def presence(self) -> Presence:
        """Whether the caller of a token is still there."""
        from covey.identity.presence import Presence
        from covey.store.callers import DynamoCallerStore

        return Presence(
            DynamoCallerStore(self.transport, self.settings.table_name),
            self.catalog,
            administers=lambda actor: self.impersonation.administers(actor),
        )

    def owner(self, scope: str) -> Principal:
        """The caller of that scope, to go on with work that they started; as `user` else."""
        kind, _, name = scope.partition(":")
        return self.profiled(self.key_callers.again(name)) if kind == "key" else self.user(name)

    def user(self, user: str) -> Principal:
        """A user with the roles of now: to go on with work that they started, or in their name.

        Raises Unauthenticated for one that is gone or disabled: nobody goes on with their work.
        """
        from covey.errors import Unauthenticated
        from covey.identity.caller import signed_in
        from covey.identity.users import roles_of

        record = self.record_store.get(self.catalog.get("users"), user, consistent=True)
        account = self.account_store.get(user)
        if record is None or (account is not None and account.disabled):
            raise Unauthenticated("The user in whose name this is done is not there.")
        return self.profiled(signed_in(user, "", roles_of(record)))

    def profiled(self, who: Principal) -> Principal:
        """The same caller, their own record read when a rule first asks for it."""
        from covey.identity.profile import with_profile

        return with_profile(who, self._own_values)

    def _own_values(self, user: str) -> Mapping[str, Any]:
        record = self.record_store.get(self.catalog.get("users"), user, consistent=True)
        return record.values if record else {}
