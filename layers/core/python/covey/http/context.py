"""The request of this call: a context variable, so that threads never see each other's."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from covey.http.request import Request

_REQUEST: ContextVar[Request] = ContextVar("covey.http.request")


def current() -> Request:
    """The request being answered; raises LookupError outside of one."""
    return _REQUEST.get()


variable = _REQUEST
