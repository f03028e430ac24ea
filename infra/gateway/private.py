"""The loopback listener that functions reach as if it were AWS: queues, and posting to sockets."""

from __future__ import annotations

import hmac
import re

from infra.gateway.asgi import App, Receive, Scope, Send, answer_json, headers

_CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256 .*Credential=([^/,\s]+)/")


class Private:
    """An ASGI application for calls that carry this run's access key.

    The key is made at each start and is known to the functions only, so other programs and pages
    on this machine cannot use the queues. ``/…/@connections/…`` is the sockets' management API;
    everything else is SQS.
    """

    def __init__(self, access_key: str, *, queues: App, connections: App) -> None:
        self._access_key = access_key.encode()
        self._queues = queues
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One call."""
        if scope["type"] != "http":
            return
        found = _CREDENTIAL.match(headers(scope).get("authorization", ""))
        if found is None or not hmac.compare_digest(found[1].encode(), self._access_key):
            problem = {"__type": "InvalidClientTokenId", "message": "Not a key of this run."}
            await answer_json(send, 403, problem)
        elif "/@connections/" in scope["path"]:
            await self._connections(scope, receive, send)
        else:
            await self._queues(scope, receive, send)
