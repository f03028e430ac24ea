"""What else than a password proves who a user is, and how it is kept.

The adapters are `covey.store.models.factor` (DynamoDB) and `covey.testing.factors` (memory). All
of a user's factors lie beside the account, so that whoever forgets the account forgets them too.
The first factor that is added says so in the account (`Account.factors`), in one transaction and
a generation on: signing in looks for factors only where there are some.
"""

from __future__ import annotations

from collections.abc import Collection as Group
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Totp:
    """An authenticator app: its sealed secret, and the last step of time that was used."""

    secret: str
    created: int
    enabled: bool = False
    step: int = 0


@dataclass(frozen=True, slots=True)
class Passkey:
    """A WebAuthn credential; `id` and `public_key` in base64url, times in seconds."""

    id: str
    public_key: str
    count: int
    name: str
    created: int
    used: int = 0
    synced: bool = False


@dataclass(frozen=True, slots=True)
class Factors:
    """All that a user has."""

    totp: Totp | None = None
    recovery: frozenset[str] = frozenset()
    passkeys: tuple[Passkey, ...] = ()

    @property
    def asked(self) -> bool:
        """Whether a second factor is asked for after the first."""
        return self.totp is not None and self.totp.enabled


NONE = Factors()


class FactorStore(Protocol):
    """Factors by user. `guard` is an entry of `AccountStore`, written along or failing all."""

    def of(self, user: str) -> Factors:
        """Read consistently."""
        ...

    def offer_totp(self, user: str, totp: Totp) -> bool:
        """Keep one that is to be confirmed in place of such a one; False beside an enabled."""
        ...

    def enable_totp(self, user: str, totp: Totp, codes: Group[str], guard: dict[str, Any]) -> bool:
        """Enable what was offered with this secret, and keep hashes of recovery codes."""
        ...

    def spend_step(self, user: str, step: int) -> bool:
        """Note that an enabled one was used at `step`; False where it was then or later."""
        ...

    def spend_code(self, user: str, code: str) -> bool:
        """Forget the hash of a recovery code; True for one caller alone."""
        ...

    def replace_codes(self, user: str, codes: Group[str]) -> None:
        """Keep these instead of all others."""
        ...

    def remove_totp(self, user: str) -> None:
        """Forget the app and the recovery codes."""
        ...

    def add_passkey(self, user: str, passkey: Passkey, guard: dict[str, Any]) -> bool:
        """Keep a new one; False where the user has it already or `guard` fails."""
        ...

    def use_passkey(self, user: str, id: str, count: int, now: int) -> bool:
        """Note a use; False where it is gone, or `count` has not risen (0 stays 0)."""
        ...

    def remove_passkey(self, user: str, id: str) -> bool:
        """Forget it; whether there was one."""
        ...
