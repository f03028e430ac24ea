"""The front's side of the zygotes: starts them, asks them for workers, lets them go."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from infra.gateway import wire

_HOUSE = Path(__file__).resolve().parents[2]
# Of a shell's environment, what Python and its libraries need; a shell may hold the keys of
# accounts that a function has no business with, not while its layers are imported either.
_NEEDED = frozenset(("PATH", "HOME", "TMPDIR", "SYSTEMROOT", "LANG", "SSL_CERT_FILE"))
_NEEDED_PREFIXES = ("PYTHON", "LC_", "LD_", "DYLD_")


class Root:
    """The process that holds the libraries. It lives as long as the front, or is started again.

    Call from the main thread only: the kernel ends the process with the *thread* that made it.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """The process id, when it was started."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process; a nest may be asked for at once, and comes when it is warm."""
        ours, theirs = socket.socketpair()
        self._process = subprocess.Popen(  # noqa: S603
            [
                sys.executable,
                "-m",
                "infra.gateway.zygote",
                str(theirs.fileno()),
                str(os.getpid()),
            ],
            cwd=_HOUSE,
            env=_environment(),
            stdin=subprocess.PIPE,  # its end tells children on systems without a parent's signal
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # Ctrl-C is for the front, which ends the others in order
        )
        theirs.close()
        self._control = ours

    def nest(self, layers: list[str]) -> socket.socket:
        """A control socket of a new nest with these layers."""
        for _ in range(2):
            if self._control is None or (self._process and self._process.poll() is not None):
                self.stop()
                self.start()
            ours, theirs = socket.socketpair()
            try:
                assert self._control is not None  # noqa: S101 for the type checker
                wire.send_order(self._control, {"layers": layers}, theirs.fileno())
            except OSError:
                self.stop()
            else:
                return ours
            finally:
                theirs.close()
        raise RuntimeError("the parent process of workers cannot be started")

    def stop(self) -> None:
        """End it, and with it every nest and worker."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            if self._process.stdin:
                self._process.stdin.close()
            self._process.kill()
            with contextlib.suppress(ProcessLookupError):
                self._process.wait()
            self._process = None


def _environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name in _NEEDED or name.startswith(_NEEDED_PREFIXES)
    }


class Nest:
    """One generation of workers of one set of layers; ends retired, after its last worker."""

    def __init__(self, root: Root, layers: tuple[Path, ...]) -> None:
        self._root = root
        self._layers = [str(layer) for layer in layers]
        self._control: socket.socket | None = None
        self._workers = 0
        self._retired = False

    def warm(self) -> None:
        """Start the process ahead of need."""
        if self._control is None:
            self._control = self._root.nest(self._layers)

    def fork(self, spec: wire.WorkerSpec) -> socket.socket:
        """Order a worker; its socket closes should it never come to life."""
        self._workers += 1
        for _ in range(2):
            self.warm()
            ours, theirs = socket.socketpair()
            try:
                assert self._control is not None  # noqa: S101 for the type checker
                wire.send_order(self._control, asdict(spec), theirs.fileno())
            except OSError:  # it died: another one
                self._control = None
                ours.close()
            else:
                return ours
            finally:
                theirs.close()
        self._workers -= 1
        raise RuntimeError("workers cannot be started")

    def left(self) -> None:
        """A worker of this nest has ended."""
        self._workers -= 1
        self._close_when_empty()

    def retire(self) -> None:
        """No more workers are wanted of this generation."""
        self._retired = True
        self._close_when_empty()

    def _close_when_empty(self) -> None:
        if self._retired and self._workers <= 0 and self._control is not None:
            self._control.close()
            self._control = None
