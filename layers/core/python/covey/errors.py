"""Everything that can go wrong, once.

    CoveyError
    ├── BadRequest           400  malformed input: JSON, filter, sort, cursor, parameter
    │   └── IndexRequired    400  a query that no declared index bounds
    ├── Unauthenticated      401  no caller, or a credential that does not hold
    ├── Forbidden            403  a known caller who may not
    ├── NotFound             404  not there, or not to be seen
    ├── MethodNotAllowed     405  the path exists, the method does not
    ├── Conflict             409  exists, unique value taken, changed meanwhile
    ├── PreconditionFailed   412  If-Match or If-None-Match did not hold
    ├── TooLarge             413  body, page or frame over its limit
    ├── UnsupportedMedia     415  a body that is not of the stated type
    ├── Invalid              422  well-formed input that breaks a rule of the data
    ├── TooManyRequests      429  over a limit; carries Retry-After
    ├── NotSupported         501  this deployment cannot
    └── Unavailable          503  a dependency throttled or is away; carries Retry-After

`code` is stable and documented in docs/reference/errors.md; `detail` is for people and may
change. The cause stays in the log: ``raise NotFound("record") from exc``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of one field: where (dotted path), a stable code, a sentence."""

    field: str
    code: str
    message: str


class CoveyError(Exception):
    """A failure that a caller may see."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    default_code: ClassVar[str] = "internal"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        self.detail = detail or self.title
        self.code = code or self.default_code
        self.errors = tuple(errors)
        self.headers = headers or {}
        super().__init__(f"{self.code}: {self.detail}")


class BadRequest(CoveyError):
    """The request cannot be understood."""

    status, title, default_code = 400, "Bad request", "bad_request"


class IndexRequired(BadRequest):
    """No declared index bounds the query; `detail` holds the YAML line to add."""

    title, default_code = "Index required", "index_required"


class Unauthenticated(CoveyError):
    """No caller, or a credential that does not hold."""

    status, title, default_code = 401, "Not signed in", "unauthenticated"

    def __init__(self, detail: str = "", *, code: str | None = None) -> None:
        super().__init__(detail, code=code, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(CoveyError):
    """A known caller who may not do this."""

    status, title, default_code = 403, "Forbidden", "forbidden"


class NotFound(CoveyError):
    """Not there, or not to be seen by this caller: the two answer alike."""

    status, title, default_code = 404, "Not found", "not_found"

    def __init__(self, what: str = "resource", *, code: str | None = None) -> None:
        super().__init__(f"No such {what}.", code=code)


class MethodNotAllowed(CoveyError):
    """The path exists, the method does not."""

    status, title, default_code = 405, "Method not allowed", "method_not_allowed"

    def __init__(self, allowed: Sequence[str]) -> None:
        allow = ", ".join(sorted(allowed))
        super().__init__(f"This path answers {allow}.", headers={"Allow": allow})


class Conflict(CoveyError):
    """It exists already, a unique value is taken, or it changed meanwhile."""

    status, title, default_code = 409, "Conflict", "conflict"


class PreconditionFailed(CoveyError):
    """If-Match or If-None-Match did not hold."""

    status, title, default_code = 412, "Precondition failed", "precondition_failed"


class TooLarge(CoveyError):
    """A body, page or frame over its limit."""

    status, title, default_code = 413, "Too large", "too_large"


class UnsupportedMedia(CoveyError):
    """A body that is not of a type this path takes."""

    status, title, default_code = 415, "Unsupported media type", "unsupported_media_type"


class Invalid(CoveyError):
    """Well-formed input that breaks a rule of the data."""

    status, title, default_code = 422, "Invalid", "validation_failed"


class TooManyRequests(CoveyError):
    """Over a limit."""

    status, title, default_code = 429, "Too many requests", "rate_limited"

    def __init__(self, detail: str = "", *, retry_after: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class NotSupported(CoveyError):
    """Not in this deployment."""

    status, title, default_code = 501, "Not supported", "not_supported"


class Unavailable(CoveyError):
    """A dependency throttled or is away; trying again may help."""

    status, title, default_code = 503, "Unavailable", "unavailable"

    def __init__(self, detail: str = "", *, retry_after: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})
