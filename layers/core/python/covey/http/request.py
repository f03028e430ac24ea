"""A request as routes see it: who, what, and nothing of API Gateway."""

from __future__ import annotations

import base64
import binascii
import difflib
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl

from covey import json
from covey.errors import BadRequest, FieldError, UnsupportedMedia
from covey.http.operation import FORM, JSON, MERGE_PATCH, Operation
from covey.identity.pace import Standing
from covey.identity.ports import Place
from covey.identity.principal import Principal
from covey.identity.scopes import not_allowed

Event = Mapping[str, Any]
_SINGLE = frozenset(
    {
        "authorization",
        "content-length",
        "content-type",
        "host",
        "idempotency-key",
        "if-match",
        "if-none-match",
        "origin",
        "x-api-key",
    }
)
_MAX_FORM_FIELDS = 100


class Request:
    """One request.

    `id` names it in answers and logs; `method`, `route` (the pattern that matched) and `path`
    (as the caller sent it, with stage or base path, undecoded) say what it asks for. The caller
    is verified when `principal` is first read, not before.
    """

    def __init__(
        self, event: Event, context: Any, authenticate: Callable[[Request], Principal]
    ) -> None:
        self.event = event
        about: Mapping[str, Any] = event.get("requestContext") or {}
        self.method: str = about.get("httpMethod") or event.get("httpMethod") or "GET"
        # One slash: `//host/…` in a Location or Link would name another server (RFC 3986, 4.2).
        self.path: str = "/" + (about.get("path") or event.get("path") or "").lstrip("/")
        self.route = ""
        self.id: str = (
            about.get("requestId") or getattr(context, "aws_request_id", None) or str(uuid.uuid4())
        )
        identity: Mapping[str, Any] = about.get("identity") or {}
        self.ip: str = identity.get("sourceIp") or ""
        self._authenticate = authenticate
        self._principal: Principal | None = None
        self._operation: Operation | None = None
        self._collection = ""
        self._headers: dict[str, list[str]] | None = None
        self.standing: Standing | None = None  # of the caller, where requests are counted
        self.by_cookie = False  # whether the caller was told by cookie
        self.set_cookies: list[str] = []  # what the answer has the browser keep or forget
        self._query: Mapping[str, list[str]] = event.get("multiValueQueryStringParameters") or {}

    @property
    def principal(self) -> Principal:
        """Who asks; raises Unauthenticated for a credential that does not hold.

        Raises Forbidden for a key that the operation does not take, whatever asks first.
        """
        who = self.identified
        self._admit(who)
        return who

    @property
    def identified(self) -> Principal:
        """Who asks, whether the operation takes them or not; raises Unauthenticated."""
        if self._principal is None:
            self._principal = self._authenticate(self)
        return self._principal

    def answers(self, operation: Operation, collection: str) -> None:
        """Say which operation this is; a caller whom it does not take is refused at once."""
        self._operation, self._collection = operation, collection
        if operation.public:
            return
        keyed = _shows_key(self.header("authorization"))
        if keyed and not operation.key:
            raise not_allowed()  # whatever key it is: nothing is read for it
        if keyed or operation.in_person or self._principal is not None:
            self.principal  # noqa: B018 - also where a view should forget to ask

    def _admit(self, who: Principal) -> None:
        if self._operation is not None:
            self._operation.admit(who, self._collection)
        elif who.scopes is not None:  # a route of a team's own that declares nothing
            raise not_allowed()

    @property
    def caller(self) -> Principal | None:
        """Who asks, if that was needed so far; never verifies."""
        return self._principal

    @property
    def place(self) -> Place:
        """Where the caller is, as the audit log and the list of sessions show it."""
        return Place(self.ip, self.header("user-agent") or "")

    def header(self, name: str) -> str | None:
        """A request header by any case of its name.

        Repeated headers are joined by ``, `` (RFC 9110, 5.3), except those that may be given
        once only: these raise BadRequest ``repeated_header``.
        """
        values = self._sent().get(name.lower())
        if not values:
            return None
        if len(values) > 1 and name.lower() in _SINGLE:
            raise BadRequest(f"The header {name} is given twice.", code="repeated_header")
        return ", ".join(values)

    def has_header(self, name: str) -> bool:
        """Whether a header was sent, however often."""
        return name in self._sent()

    def every(self, name: str) -> list[str]:
        """All values of a header, as they were sent."""
        return self._sent().get(name.lower(), [])

    def cookies(self, name: str) -> list[str]:
        """The values of the cookies of this name (RFC 6265, 5.4); more than one is nobody's."""
        pairs = (
            one.strip().partition("=") for line in self.every("cookie") for one in line.split(";")
        )
        return [value for key, equals, value in pairs if equals and key == name]

    def _sent(self) -> dict[str, list[str]]:
        if self._headers is None:
            self._headers = _headers(self.event)
        return self._headers

    def query(self, name: str) -> str | None:
        """A query parameter, decoded; given twice, it raises BadRequest ``invalid_parameter``."""
        values = self._query.get(name)
        if not values:
            return None
        if len(values) > 1:
            raise invalid_parameter(name, "is given more than once")
        try:
            values[0].encode("utf-8")
        except UnicodeEncodeError as exc:
            raise invalid_parameter(name, "is not UTF-8") from exc
        return values[0]

    def parameters(self) -> dict[str, str]:
        """All query parameters, each given once; raises as `query` does."""
        return {name: self.query(name) or "" for name in self._query}

    def flag(self, name: str) -> bool:
        """A query parameter that is ``true`` or ``false``; absent means false."""
        text = self.query(name)
        if text not in (None, "true", "false"):
            raise invalid_parameter(name, "must be true or false")
        return text == "true"

    def integer(self, name: str, default: int, minimum: int, maximum: int) -> int:
        """A query parameter that is a whole number within bounds."""
        text = self.query(name)
        if text is None:
            return default
        if text.isascii() and text.isdigit() and len(text) < 10 and minimum <= int(text) <= maximum:
            return int(text)
        raise invalid_parameter(name, f"must be a whole number from {minimum} to {maximum}")

    def only(self, known: Collection[str]) -> None:
        """Refuse query parameters that are not known."""
        for name in self._query:
            if name not in known:
                near = difflib.get_close_matches(name[:64], known, 1)
                hint = (
                    f"is not known here; did you mean {near[0]}?" if near else "is not known here"
                )
                raise invalid_parameter(name, hint)

    @property
    def content_type(self) -> str:
        """The media type of the body in lower case, without its parameters; "" when absent."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    @property
    def body(self) -> bytes:
        """The body as sent; raises BadRequest ``invalid_body`` for damaged base64."""
        body = self.event.get("body")
        if not body:
            return b""
        if isinstance(body, bytes):  # as `chalice local` gives it
            return body
        try:
            if self.event.get("isBase64Encoded"):
                return base64.b64decode(body, validate=True)
            return str(body).encode("utf-8")
        except (binascii.Error, ValueError) as exc:
            raise BadRequest("The body cannot be decoded.", code="invalid_body") from exc

    def json_value(self, *types: str) -> Any:
        """The body as JSON, strictly; raises UnsupportedMedia, BadRequest, TooLarge."""
        self.expect(*(types or (JSON,)))
        return json.decode(self.body)

    def json(self) -> dict[str, Any]:
        """The body as a JSON object."""
        return _object(self.json_value())

    def merge_patch(self) -> dict[str, Any]:
        """The body as a merge patch (RFC 7396) of an object; plain JSON is taken too."""
        return _object(self.json_value(MERGE_PATCH, JSON))

    def form(self) -> dict[str, str]:
        """The body as a form, each field once."""
        self.expect(FORM)
        try:
            pairs = parse_qsl(
                self.body.decode("ascii"),
                keep_blank_values=True,
                strict_parsing=bool(self.body),
                errors="strict",
                max_num_fields=_MAX_FORM_FIELDS,
            )
        except ValueError as exc:
            raise BadRequest("The form cannot be decoded.", code="invalid_body") from exc
        fields = dict(pairs)
        if len(fields) != len(pairs):
            raise BadRequest("A field of the form is given twice.", code="invalid_body")
        return fields

    def expect(self, *types: str) -> None:
        """Refuse a body of another media type, or in another charset than UTF-8."""
        essence, _, parameters = (self.header("content-type") or "").partition(";")
        charset = _charset(parameters)
        if essence.strip().lower() not in types or charset not in ("", "utf-8", "utf8"):
            raise UnsupportedMedia(f"Send the body as {' or '.join(types)} in UTF-8.")


def _shows_key(authorization: str | None) -> bool:
    return authorization is not None and "cvk_" in authorization


def invalid_parameter(name: str, why: str) -> BadRequest:
    """The problem of one query parameter."""
    shown = name[:64].encode("utf-8", "replace").decode("utf-8")
    return BadRequest(
        f"The parameter {shown} {why}.",
        code="invalid_parameter",
        errors=[FieldError(shown, "invalid_parameter", f"{why[:1].upper()}{why[1:]}.")],
    )


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadRequest("The body must be a JSON object.", code="invalid_json")
    return value


def _headers(event: Event) -> dict[str, list[str]]:
    several: Mapping[str, list[str]] | None = event.get("multiValueHeaders")
    if several:
        return _merged((name, list(values)) for name, values in several.items())
    single: Mapping[str, str] = event.get("headers") or {}
    return _merged((name, [value]) for name, value in single.items())


def _merged(pairs: Any) -> dict[str, list[str]]:
    merged: dict[str, list[str]] = {}
    for name, values in pairs:
        merged.setdefault(name.lower(), []).extend(values)
    return merged


def _charset(parameters: str) -> str:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return ""
