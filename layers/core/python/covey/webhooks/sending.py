"""One attempt: a signed request, and what is kept of the answer."""

from __future__ import annotations

import time
from collections.abc import Callable

from covey.outbound.client import Answer, Outbound, Unreachable
from covey.pipeline.cloudevents import CONTENT_TYPE
from covey.version import VERSION
from covey.webhooks import signing
from covey.webhooks.model import Attempt, Delivery, Endpoint
from covey.webhooks.secrecy import Secrecy

AGENT = f"Covey-Webhooks/{VERSION}"
# What helps to find a fault; all else may be a secret of the receiver's, and cookies are.
SHOWN = frozenset(
    (
        *("content-type", "content-length", "date", "location", "retry-after", "server", "via"),
        *("x-request-id", "x-correlation-id", "x-amzn-requestid", "x-amz-cf-id", "cf-ray"),
        *("traceparent", "allow", "www-authenticate", "x-cache"),
    )
)
MAX_SHOWN = 200  # characters of a header
MAX_BODY = 1_000  # characters of an answer


class Sender:
    """Calls endpoints. `now` is in milliseconds; `ticks` in seconds, for durations."""

    def __init__(
        self,
        outbound: Outbound,
        secrecy: Secrecy,
        *,
        now: Callable[[], int],
        ticks: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._outbound = outbound
        self._secrecy = secrecy
        self._now = now
        self._ticks = ticks

    def attempt(self, endpoint: Endpoint, delivery: Delivery) -> Attempt:
        """Send it once; whatever goes wrong is told in what is returned."""
        at, began = self._now(), self._ticks()
        body = delivery.payload.encode()
        try:
            headers = {
                **self._secrecy.headers(endpoint),
                "Content-Type": CONTENT_TYPE,
                "User-Agent": AGENT,
                **signing.headers(delivery.id, at // 1000, body, self._secrecy.keys(endpoint, at)),
            }
            answer = self._outbound.send("POST", endpoint.url, headers, body)
        except Unreachable as fault:
            return Attempt(at, self._since(began), endpoint.url, error=str(fault))
        return _attempt(at, self._since(began), endpoint.url, answer)

    def _since(self, began: float) -> int:
        return round((self._ticks() - began) * 1000)


def _attempt(at: int, ms: int, url: str, answer: Answer) -> Attempt:
    headers = {
        name: _plain(value, MAX_SHOWN) for name, value in answer.headers.items() if name in SHOWN
    }
    body = _plain(answer.body[: 4 * MAX_BODY].decode("utf-8", "replace"), MAX_BODY)
    error = "" if 200 <= answer.status < 300 else _meaning(answer.status)
    return Attempt(at, ms, url, answer.status, error, headers, body, answer.cut)


def _meaning(status: int) -> str:
    return "redirects are not followed" if 300 <= status < 400 else f"it answered {status}"


def _plain(text: str, most: int) -> str:
    """The beginning of a stranger's text, without what would do something to a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text[:most])
