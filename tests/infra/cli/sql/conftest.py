"""Databases of other kinds, and a Covey for them to come into."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from infra.gateway.engine import free_port
from tests.e2e.running import Running, User, until
from tests.infra.cli.sql.importing import Importer

HERE = Path(__file__).parent
_DEBIAN = Path("/usr/lib/postgresql/15/bin")


@contextlib.contextmanager
def fresh(folder: Path) -> Iterator[tuple[Running, User]]:
    """A gateway without collections, and its administrator."""
    (folder / "collections").mkdir()
    running = Running(folder, collections=folder / "collections").start()
    # The link is printed a moment after the address.
    link = until(lambda: re.search(r"bootstrap#token=([\w-]+)", running.log.read_text()), "a link")
    try:
        yield running, running.administrator(link[1])
    finally:
        running.close()


@pytest.fixture(scope="session")
def _house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, User]]:
    with fresh(tmp_path_factory.mktemp("sql-house")) as made:
        yield made


@pytest.fixture(scope="session")
def house(_house: tuple[Running, User]) -> Running:
    return _house[0]


@pytest.fixture(scope="session")
def root(_house: tuple[Running, User]) -> User:
    return _house[1]


@pytest.fixture
def importer(house: Running, root: User, tmp_path: Path) -> Importer:
    return Importer(house.url, root, tmp_path)


@pytest.fixture(scope="session")
def django_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SQLite database of a Django project, migrated and filled by Django."""
    file = tmp_path_factory.mktemp("django") / "shop.sqlite3"
    command = [sys.executable, str(HERE / "django_project" / "make.py"), str(file), "230"]
    subprocess.run(command, check=True, timeout=90)
    return file


def _program(name: str) -> str | None:
    return str(_DEBIAN / name) if (_DEBIAN / name).is_file() else shutil.which(name)


def _nobody() -> dict[str, int]:
    """Whom PostgreSQL runs as: it refuses to be root."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid}
    pytest.skip("PostgreSQL is NOT tested: it refuses to run as root, and there is nobody else")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[sa.URL]:
    """The address of an empty PostgreSQL of our own on loopback."""
    programs = [_program("initdb"), _program("postgres")]
    if None in programs:
        pytest.skip("PostgreSQL is NOT tested: neither initdb nor postgres is on this machine")
    initdb, postgres = map(str, programs)
    who = _nobody()
    # Not below pytest's folder, which only its owner may enter.
    folder = Path("/tmp") / f"covey-pg-{os.getpid()}-{time.monotonic_ns()}"
    folder.mkdir(mode=0o700)
    if who:
        os.chown(folder, who["user"], who["group"])
    options = {"cwd": folder, "stdin": subprocess.DEVNULL, **who}
    command = [initdb, "-D", "data", "-U", "covey", "--auth=trust", "-N", "-E", "UTF8"]
    command += ["--locale=C.UTF-8"]
    subprocess.run(command, check=True, capture_output=True, timeout=90, **options)  # type: ignore[call-overload]
    port = free_port()
    command = [postgres, "-D", "data", "-p", str(port), "-h", "127.0.0.1", "-k", ""]
    command += ["-c", "fsync=off", "-c", "timezone=Asia/Kolkata"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, **options)  # type: ignore[call-overload]
    try:
        url = sa.URL.create(
            "postgresql+psycopg", "covey", "a-secret", "127.0.0.1", port, "postgres"
        )
        _await(url, process, folder / "log")
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _await(url: sa.URL, process: subprocess.Popen[bytes], log: Path) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    for _ in range(300):
        assert process.poll() is None, log.read_text()
        try:
            with engine.connect():
                engine.dispose()
                return
        except sa.exc.OperationalError:
            time.sleep(0.05)
    raise AssertionError(log.read_text())


@pytest.fixture
def database(postgresql: sa.URL) -> Iterator[sa.URL]:
    """An empty database of its own."""
    name = f"t{time.monotonic_ns()}"
    control = sa.create_engine(postgresql, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    quoted = sa.sql.compiler.IdentifierPreparer(control.dialect).quote(name)
    with control.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {quoted}")
    yield postgresql.set(database=name)
    with control.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {quoted} WITH (FORCE)")
    control.dispose()
