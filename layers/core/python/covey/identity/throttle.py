"""Limits on attempts: counted before the work, so that parallel guesses count too."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from covey.errors import TooManyRequests
from covey.identity.ports import AttemptStore


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `attempts` in each fixed window of `seconds`."""

    name: str
    attempts: int
    seconds: int


# An account's own limit is wide enough that a stranger cannot lock its owner out from one
# address: there the narrower limit of the pair ends the guessing first.
SIGN_IN_PAIR = Limit("sign_in_pair", 10, 900)
SIGN_IN_ACCOUNT = Limit("sign_in_account", 100, 3600)
SIGN_IN_ADDRESS = Limit("sign_in_address", 200, 900)
SIGN_UP_ADDRESS = Limit("sign_up_address", 600, 3600)
LETTER_READER = Limit("letter_reader", 5, 3600)
LETTER_ADDRESS = Limit("letter_address", 100, 3600)
CODE_PAIR = Limit("code_pair", 5, 900)
CODE_READER = Limit("code_reader", 20, 3600)
CODE_ADDRESS = Limit("code_address", 200, 900)
# Wrong guesses at six digits: 30 a day find one of a user's codes in a century.
CODE_USER = Limit("code_user", 30, 86_400)
SECOND_FACTOR = Limit("second_factor", 10, 3600)
PASSKEY_ADDRESS = Limit("passkey_address", 300, 900)
FEDERATION_ADDRESS = Limit("federation_address", 600, 900)
ANONYMOUS_ADDRESS = Limit("anonymous_address", 60, 3600)
BOOTSTRAP_ADDRESS = Limit("bootstrap_address", 30, 900)


class Throttle:
    """Counts attempts against limits."""

    def __init__(self, store: AttemptStore, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    def take(self, limit: Limit, *who: str) -> str:
        """Count one attempt of `who`; raises TooManyRequests with the seconds to wait.

        Returns what `give_back` takes, for an attempt that turned out to be rightful.
        """
        now = self._clock()
        window = int(now // limit.seconds)
        ends = (window + 1) * limit.seconds
        # Hashed together with the limit's name: the table holds no addresses and no e-mails.
        name = "\0".join((limit.name, str(window), *who)).encode("utf-8", "surrogatepass")
        key = hashlib.sha256(name).hexdigest()
        if not self._store.take(key, limit.attempts, ends):
            raise TooManyRequests(
                "Too many attempts. Try again later.", retry_after=max(1, int(ends - now) + 1)
            )
        return key

    def give_back(self, *taken: str) -> None:
        """Uncount attempts that were rightful."""
        for key in taken:
            self._store.give_back(key)
