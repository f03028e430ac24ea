"""In-memory twins of sign-ins under way and of factors."""

from __future__ import annotations

import threading
from collections.abc import Collection as Group
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from covey.identity.factors import NONE, Factors, Passkey, Totp


@dataclass
class MemoryFlow:
    """One of them."""

    value: Mapping[str, Any]
    expires: int
    guesses: int = 0
    finished: bool = False


@dataclass
class MemoryFlowStore:
    """The port `FlowStore` in memory; nothing is ever swept."""

    flows: dict[str, MemoryFlow] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, name: str, value: Mapping[str, Any], expires: int) -> bool:
        """As `FlowStore.keep`."""
        with self.lock:
            flow = self.flows.setdefault(name, MemoryFlow(value, expires))
            if flow.finished:
                return False
            flow.value, flow.expires = dict(value), expires
            return True

    def guess(self, name: str, limit: int, now: int) -> Mapping[str, Any] | None:
        """As `FlowStore.guess`."""
        with self.lock:
            flow = self.flows.get(name)
            if flow is None or flow.finished or flow.guesses >= limit or flow.expires <= now:
                return None
            flow.guesses += 1
            return flow.value

    def finish(self, name: str) -> bool:
        """As `FlowStore.finish`."""
        with self.lock:
            flow = self.flows.get(name)
            if flow is None or flow.finished:
                return False
            flow.finished = True
            return True


@dataclass
class MemoryFactorStore:
    """The port `FactorStore` in memory."""

    kept: dict[str, Factors] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, user: str) -> Factors:
        """As `FactorStore.of`."""
        return self.kept.get(user, NONE)

    def offer_totp(self, user: str, totp: Totp) -> bool:
        """As `FactorStore.offer_totp`."""
        with self.lock:
            if self.of(user).asked:
                return False
            self.kept[user] = replace(self.of(user), totp=totp)
            return True

    def enable_totp(self, user: str, totp: Totp, codes: Group[str], guard: dict[str, Any]) -> bool:
        """As `FactorStore.enable_totp`."""
        with self.lock:
            offered = self.of(user).totp
            if offered is None or offered.enabled or offered.secret != totp.secret:
                return False
            if not guard["holds"]():
                return False
            guard["apply"]()
            self.kept[user] = replace(self.of(user), totp=totp, recovery=frozenset(codes))
            return True

    def spend_step(self, user: str, step: int) -> bool:
        """As `FactorStore.spend_step`."""
        with self.lock:
            totp = self.of(user).totp
            if totp is None or not totp.enabled or totp.step >= step:
                return False
            self.kept[user] = replace(self.of(user), totp=replace(totp, step=step))
            return True

    def spend_code(self, user: str, code: str) -> bool:
        """As `FactorStore.spend_code`."""
        with self.lock:
            factors = self.of(user)
            if code not in factors.recovery:
                return False
            self.kept[user] = replace(factors, recovery=factors.recovery - {code})
            return True

    def replace_codes(self, user: str, codes: Group[str]) -> None:
        """As `FactorStore.replace_codes`."""
        with self.lock:
            self.kept[user] = replace(self.of(user), recovery=frozenset(codes))

    def remove_totp(self, user: str) -> None:
        """As `FactorStore.remove_totp`."""
        with self.lock:
            self.kept[user] = replace(self.of(user), totp=None, recovery=frozenset())

    def add_passkey(self, user: str, passkey: Passkey, guard: dict[str, Any]) -> bool:
        """As `FactorStore.add_passkey`."""
        with self.lock:
            factors = self.of(user)
            if any(one.id == passkey.id for one in factors.passkeys) or not guard["holds"]():
                return False
            guard["apply"]()
            self.kept[user] = replace(factors, passkeys=(*factors.passkeys, passkey))
            return True

    def use_passkey(self, user: str, id: str, count: int, now: int) -> bool:
        """As `FactorStore.use_passkey`."""
        with self.lock:
            factors = self.of(user)
            found = next((one for one in factors.passkeys if one.id == id), None)
            if found is None or not (found.count < count or found.count == count == 0):
                return False
            used = replace(found, count=count, used=now)
            others = tuple(one if one.id != id else used for one in factors.passkeys)
            self.kept[user] = replace(factors, passkeys=others)
            return True

    def remove_passkey(self, user: str, id: str) -> bool:
        """As `FactorStore.remove_passkey`."""
        with self.lock:
            factors = self.of(user)
            left = tuple(one for one in factors.passkeys if one.id != id)
            self.kept[user] = replace(factors, passkeys=left)
            return len(left) < len(factors.passkeys)
