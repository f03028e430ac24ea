"""Opening databases: which ones, with which settings, and what may be said of them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import simplejson
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from infra.cli.sql.faults import SqlFaultError

POSTGRESQL, SQLITE = "postgresql", "sqlite"
_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
}
# Texts of times are then alike whatever the server's own settings are.
_SESSION = "-c timezone=UTC -c datestyle=ISO,YMD -c intervalstyle=iso_8601 -c bytea_output=hex"


def address(text: str) -> sa.URL:
    """The URL of a database; raises SqlFaultError for what is none, or another kind of database."""
    try:
        url = sa.make_url(text)
    except (ArgumentError, ValueError):
        example = "such as postgresql://user:password@host/name or sqlite:///shop.db"
        raise SqlFaultError(f"That is no address of a database, {example}.") from None
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise SqlFaultError(f"{url.drivername} is not taken: postgresql and sqlite are.")
    return url.set(drivername=driver)


def fingerprint(url: sa.URL, *more: str) -> str:
    """What tells one database (and whatever `more` is) from another, without its password."""
    named = url.set(password=None, query={})
    text = "\0".join((named.render_as_string(), str(url.query.get("options", "")), *more))
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def shown(url: sa.URL) -> str:
    """The address without password and parameters."""
    return url.set(password=None, query={}).render_as_string()


def source(url: sa.URL) -> sa.Engine:
    """An engine that only reads; raises SqlFaultError where there is no database."""
    if url.get_backend_name() == SQLITE:
        path = url.database or ""
        if not path or path == ":memory:" or not Path(path.removeprefix("file:")).is_file():
            raise SqlFaultError(f"There is no SQLite file {path or '(none named)'}.")
    engine = _engine(url)
    if url.get_backend_name() == POSTGRESQL:
        return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return engine


def target(url: sa.URL) -> sa.Engine:
    """An engine that writes."""
    return _engine(url)


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() == POSTGRESQL:
        options = " ".join(filter(None, (_text(url.query.get("options")), _SESSION)))
        url = url.update_query_dict({"options": options})
    engine = sa.create_engine(
        url,
        json_serializer=_dumped,
        json_deserializer=_loaded,
        hide_parameters=True,  # rows do not belong into messages
    )
    if url.get_backend_name() == SQLITE:
        sa.event.listen(engine, "connect", _tolerant)
    return engine


def _tolerant(connection: Any, _record: Any) -> None:
    """Bytes that are no UTF-8 come as they are, for their row alone to be refused."""
    connection.text_factory = _decoded


def _decoded(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _text(value: Any) -> str:
    return " ".join(value) if isinstance(value, tuple) else value or ""


def _dumped(value: Any) -> str:
    return simplejson.dumps(value, use_decimal=True, ensure_ascii=False, allow_nan=False)


def _loaded(text: str) -> Any:
    try:
        return simplejson.loads(text, use_decimal=True)
    except RecursionError:
        return NotImplemented  # no value of JSON: for its row alone to be refused


def said(error: SQLAlchemyError, url: sa.URL) -> str:
    """What a database answered, in a line, with the password taken out."""
    text = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
    secret = url.password
    return text.replace(str(secret), "***") if secret else text
