"""A child that never outlives its parent, not even one that ends by kill -9.

Run as a program it starts another one under that promise::

    python -I -S lifeline.py PARENT_PID PROGRAM ARGUMENT…

On Linux the kernel does it and this program turns into the other one; elsewhere it stays between
the two and watches its standard input, which the parent holds open.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> bool:
    """Ask the kernel to kill this process when its parent thread ends; False when it cannot.

    Ends the process at once when ``parent`` is gone already.
    """
    if not sys.platform.startswith("linux"):
        return False
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the kernel was told
        os._exit(0)
    return True


def when_closed(descriptor: int, action: Callable[[], object]) -> None:
    """Call ``action`` from a thread when the other end of a pipe closes."""

    def watch() -> None:
        while os.read(descriptor, 4096):
            pass
        action()

    threading.Thread(target=watch, daemon=True, name="lifeline").start()


def command(arguments: Sequence[str]) -> list[str]:
    """The command line that runs ``arguments`` under the promise, for ``Popen``.

    Give the process a pipe as standard input and keep it open.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *arguments]


def _main() -> None:
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if die_with_parent(parent):
        os.execvp(program[0], program)  # noqa: S606
    child = os.posix_spawnp(program[0], program, os.environ)

    def end() -> None:
        os.kill(child, signal.SIGKILL)
        os._exit(0)

    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    when_closed(0, end)
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


if __name__ == "__main__":
    _main()
