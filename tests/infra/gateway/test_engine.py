"""The data engine: had with a check, watched while it runs."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from infra.gateway import engine_binary
from infra.gateway.engine import Engine, command, free_port
from infra.gateway.engine_binary import NoEngineError

ROOT = Path(__file__).resolve().parents[3]


def silent(_text):
    pass


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """An npm that packs a program of ours."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "dynoxide").write_text("#!/bin/sh\n")
    tarball = tmp_path / "it.tgz"
    with tarfile.open(tarball, "w:gz") as archive:
        archive.add(tmp_path / "package", "package")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in {
        "npm": f'#!/bin/sh\ncp {tarball} "$4/it.tgz"\n',
        "node": "#!/bin/sh\n",
    }.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.delenv("COVEY_ENGINE", raising=False)
    return tarball


def test_a_program_with_the_pinned_digest_is_kept(npm, tmp_path, monkeypatch):
    name = engine_binary.platform_name()
    monkeypatch.setitem(engine_binary.INTEGRITY, name, engine_binary.integrity(npm))
    program = engine_binary.binary(tmp_path / "tools", silent)
    assert program.read_text() == "#!/bin/sh\n"
    assert program.stat().st_mode & stat.S_IXUSR
    npm.unlink()
    assert engine_binary.binary(tmp_path / "tools", silent) == program


def test_an_altered_program_is_refused(npm, tmp_path, monkeypatch):
    monkeypatch.setitem(engine_binary.INTEGRITY, engine_binary.platform_name(), "sha512-AAAA")
    with pytest.raises(NoEngineError, match="not what it was"):
        engine_binary.binary(tmp_path / "tools", silent)
    assert not list((tmp_path / "tools").rglob("dynoxide"))


def test_a_platform_without_a_package_says_so(npm, tmp_path):
    npm.unlink()
    with pytest.raises(NoEngineError, match="npm pack @dynoxide/"):
        engine_binary.binary(tmp_path / "tools", silent)


def test_an_engine_that_is_killed_comes_back_with_its_data(tmp_path):
    program = engine_binary.binary(ROOT / ".tools", silent)
    said: list[str] = []

    async def kill_it() -> tuple[int, int]:
        port = free_port()
        arguments = command(program, port, tmp_path / "covey.db")
        back = asyncio.Event()

        async def restarted() -> None:
            back.set()

        engine = Engine(arguments, port, tmp_path / "log", say=said.append, restarted=restarted)
        await engine.start()
        first = engine.pid
        os.kill(first, signal.SIGKILL)
        await asyncio.wait_for(back.wait(), 5)
        second = engine.pid
        await engine.stop()
        return first, second

    first, second = asyncio.run(kill_it())
    assert first != second
    assert "starting it again" in said[0]
    for pid in (first, second):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_an_engine_that_dies_again_while_its_return_is_told_comes_back_again(tmp_path):
    program = engine_binary.binary(ROOT / ".tools", silent)

    async def kill_twice() -> set[int | None]:
        told = asyncio.Event()

        async def restarted() -> None:
            told.set()
            await asyncio.Event().wait()  # as a set-up does that waits for an engine that died

        port = free_port()
        arguments = command(program, port, tmp_path / "covey.db")
        engine = Engine(arguments, port, tmp_path / "log", say=silent, restarted=restarted)
        await engine.start()
        seen = {engine.pid}
        for _ in range(2):
            told.clear()
            os.kill(engine.pid, signal.SIGKILL)
            await asyncio.wait_for(told.wait(), 20)
            seen.add(engine.pid)
        await engine.stop()
        return seen

    assert len(asyncio.run(kill_twice())) == 3


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="127.0.0.0/8 is Linux's")
def test_a_page_that_tries_the_ports_of_this_machine_does_not_find_the_engine(tmp_path):
    async def address() -> tuple[str, int]:
        engine = Engine.choose(ROOT / ".tools", tmp_path, say=silent)
        await engine.start()
        try:
            url = urlsplit(engine.url)
            for usual in ("127.0.0.1", "127.0.1.1"):
                with pytest.raises(OSError):
                    socket.create_connection((usual, url.port), 1)
            socket.create_connection((url.hostname, url.port), 1).close()
        finally:
            await engine.stop()
        return url.hostname, url.port

    (first, _), (second, _) = asyncio.run(address()), asyncio.run(address())
    assert first.startswith("127.")
    assert first != second


def test_an_engine_that_cannot_start_says_why(tmp_path):
    async def start() -> None:
        arguments = [sys.executable, "-c", "import sys; sys.exit('no such luck')"]
        engine = Engine(arguments, free_port(), tmp_path / "log", say=silent)
        try:
            await engine.start()
        finally:
            await engine.stop()

    with pytest.raises(RuntimeError, match="no such luck"):
        asyncio.run(start())


def test_a_child_ends_with_a_parent_that_was_killed(tmp_path):
    code = (
        "import subprocess, sys, time; from infra.gateway import lifeline;"
        "child = subprocess.Popen(lifeline.command(['sleep', '60']), stdin=subprocess.PIPE);"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    child = int(parent.stdout.readline())
    time.sleep(0.3)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.02)
    raise AssertionError("the child lives")
