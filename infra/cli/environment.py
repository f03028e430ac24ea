"""Makes the Python environments, with nothing but Python: ``python environment.py run|dev|sam``.

A stamp in the environment holds the digest of what was installed, so a second run does nothing.
``dev`` holds all that ``run`` does, in the same ``.venv``; ``sam`` is an environment of its own.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import subprocess
import sys
import time
import venv
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
ENVIRONMENTS = {"run": ".venv", "dev": ".venv", "sam": ".venv-sam"}
_NO_ENSUREPIP = """\
This Python ({python}) cannot make environments: its part `ensurepip` is missing.
On Debian and Ubuntu:  sudo apt install python{version}-venv
Elsewhere, install Python from python.org, or set another: make {goal} PYTHON=/path/to/python3.12"""


class EnvironmentFaultError(RuntimeError):
    """Why there is no environment, for the person at the terminal."""


def ensure(name: str, house: Path = HOUSE) -> Path:
    """The environment's folder, made or brought up to date. Raises EnvironmentFaultError."""
    folder = house / ENVIRONMENTS[name]
    satisfying = ("dev",) if name == "dev" else (name, "dev") if name == "run" else (name,)
    if any(_stamp(folder, each).is_file() for each in satisfying) and any(
        _is_fresh(folder, each, house) for each in satisfying
    ):
        return folder
    _make(folder, name)
    _install(folder, _requirements(house, name))
    _stamp(folder, name).write_text(_digest(house, name), encoding="utf-8")
    return folder


def _requirements(house: Path, name: str) -> Path:
    return house / "requirements" / f"{name}.txt"


def _stamp(folder: Path, name: str) -> Path:
    return folder / f".covey-{name}"


def _digest(house: Path, name: str) -> str:
    content = _requirements(house, name).read_bytes()
    return hashlib.sha256(content + sys.version.encode() + str(house).encode()).hexdigest()


def _is_fresh(folder: Path, name: str, house: Path) -> bool:
    stamp = _stamp(folder, name)
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == _digest(house, name)


def _make(folder: Path, goal: str) -> None:
    python = folder / "bin" / "python"
    if python.exists() and _version_of(python) == sys.version:
        return
    if importlib.util.find_spec("ensurepip") is None:
        version = ".".join(map(str, sys.version_info[:2]))
        raise EnvironmentFaultError(
            _NO_ENSUREPIP.format(python=sys.executable, version=version, goal=goal)
        )
    version = ".".join(map(str, sys.version_info[:3]))
    _say(f"Making {folder.name} with Python {version} …")
    try:
        venv.EnvBuilder(with_pip=True, clear=True, symlinks=True).create(folder)
    except (OSError, subprocess.CalledProcessError) as error:
        raise EnvironmentFaultError(f"{folder} cannot be made: {error}") from error


def _version_of(python: Path) -> str:
    try:
        return subprocess.run(  # noqa: S603
            [str(python), "-c", "import sys; print(sys.version, end='')"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def _install(folder: Path, requirements: Path) -> None:
    """Show pip's many lines as one that counts; all of them where it fails."""
    total = len(re.findall(r"^[A-Za-z0-9]\S*==", requirements.read_text("utf-8"), re.MULTILINE))
    started = time.monotonic()
    _say(f"Installing {total} packages of requirements/{requirements.name} …")
    process = subprocess.Popen(  # noqa: S603
        [
            str(folder / "bin" / "python"),
            *("-m", "pip", "install", "--no-deps", "--require-hashes"),
            *("--disable-pip-version-check", "--no-input", "--progress-bar", "off"),
            *("-r", str(requirements)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []
    seen = 0
    with process:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            if line.startswith(("Collecting ", "Requirement already satisfied: ")):
                seen += 1
                _progress(seen, total, line.split()[1 if line[0] == "C" else 3])
            elif line.startswith("Installing collected"):
                _progress(total, total, "unpacking")
    _progress(0, 0, "")
    if process.returncode:
        raise EnvironmentFaultError(
            "\n".join(["pip failed:", *(f"  {line}" for line in lines[-15:])])
        )
    _say(f"  done in {time.monotonic() - started:.0f} s")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _progress(seen: int, total: int, what: str) -> None:
    if sys.stderr.isatty():
        text = f"  {seen}/{total} {what}" if total else ""
        print(f"\r\x1b[2K{text[:100]}", end="", file=sys.stderr, flush=True)


def main() -> None:
    """Make the environments that are named."""
    try:
        for name in sys.argv[1:]:
            ensure(name)
    except EnvironmentFaultError as fault:
        _say(str(fault))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
