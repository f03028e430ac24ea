"""How a sign-in by a provider fails, said so that it tells nothing."""

from __future__ import annotations

from covey.errors import Unauthenticated, Unavailable


def refused() -> Unauthenticated:
    """One answer for all that was forged, replayed, swapped, or does not verify."""
    return Unauthenticated("This sign-in does not hold. Start it again.", code="sign_in_refused")


def away() -> Unavailable:
    """The provider cannot be reached, or answers what cannot be read."""
    return Unavailable("The provider does not answer. Try again later.", retry_after=10)
