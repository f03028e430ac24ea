"""What a route answers."""

from __future__ import annotations

import base64
from typing import Any

from chalice.app import Response as ChaliceResponse

from covey import json


class Response(ChaliceResponse):
    """An answer: a JSON-ready value, text, or bytes.

    `etag` is given with its quotes (``record.etag``), `location`, `next` and `prev` are paths or
    URLs; the latter become ``Link: <…>; rel="next", <…>; rel="prev"`` (RFC 8288). A list as
    header value is sent as repeated headers. A `Content-Type` that is not given is JSON, or
    octets for bytes.

        return Response(document, status=201, location=f"/records/posts/{id}", etag=record.etag)
    """

    code: str = ""  # of a problem, for the access line

    def __init__(
        self,
        body: Any = None,
        *,
        status: int = 200,
        etag: str | None = None,
        location: str | None = None,
        next: str | None = None,
        prev: str | None = None,
        headers: dict[str, str | list[str]] | None = None,
    ) -> None:
        super().__init__(body, dict(headers or {}), status)
        links = [f'<{to}>; rel="{rel}"' for rel, to in (("next", next), ("prev", prev)) if to]
        named = {"ETag": etag, "Location": location, "Link": ", ".join(links) or None}
        self.headers.update({name: value for name, value in named.items() if value is not None})

    def to_dict(self, binary_types: list[str] | None = None) -> dict[str, Any]:
        """The answer as API Gateway's proxy integration wants it.

        Raises ValueError for a body or a header that cannot be sent.
        """
        body, encoded = self.body, False
        if isinstance(body, bytes | bytearray):
            body, encoded = base64.b64encode(body).decode("ascii"), True
            self.headers.setdefault("Content-Type", "application/octet-stream")
        elif body is None:
            body = ""
        elif not isinstance(body, str):
            body = json.encode(body)
            self.headers.setdefault("Content-Type", "application/json")
        for name, value in self.headers.items():
            for text in (value,) if isinstance(value, str) else value:
                if not (text.isascii() and text.isprintable()):
                    raise ValueError(f"the header {name} has a value that cannot be sent")
        single = {name: value for name, value in self.headers.items() if isinstance(value, str)}
        several = {name: value for name, value in self.headers.items() if isinstance(value, list)}
        return {
            "statusCode": self.status_code,
            "headers": single,
            "multiValueHeaders": several,
            "body": body,
            "isBase64Encoded": encoded,
        }


def not_modified(etag: str) -> Response:
    """304: what the caller holds is current."""
    return Response(status=304, etag=etag)


def no_content(**headers: str) -> Response:
    """204: done, nothing to say."""
    return Response(status=204, headers={**headers})
