"""Every operation of /openapi.json, called by schemathesis as guest, user and administrator.

    PYTHONPATH=layers/core/python:layers/team/python:. python -m bench.fuzz --seconds 600

Starts a gateway of its own on loopback with the collections of the end-to-end tests. Sought are
5xx answers, and answers whose status, content type, headers or body is other than what the
document says. Prints what schemathesis found and exits with 1 if it found anything.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.running import HOUSE, Running

CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_headers_conformance", "response_schema_conformance"),
)
# What may end the session or the account of who calls, so that the rest were told 401 alone.
ENDING = (
    *("auth.sign_out", "auth.end_session", "users.delete_record"),
    *("admin.end_sessions", "admin.disable_user", "admin.remove_factors"),
)


@dataclass(frozen=True)
class Callers:
    """A Covey, and the access token of each kind of caller; the guest's is empty."""

    url: str
    tokens: dict[str, str]
    folder: Path  # where schemathesis may write


@dataclass(frozen=True)
class Outcome:
    """What came of one kind of caller."""

    failed: bool
    cases: int
    text: str


@contextmanager
def callers(folder: Path) -> Iterator[Callers]:
    """A gateway of its own, with somebody of each kind."""
    running = Running(folder, collections=HOUSE / "collections").start()
    try:
        root, ann = running.administrator(running.token), running.sign_up("ann@example.org")
        for number in range(3):
            ann.http.post("/records/notes", json={"key": f"note {number}", "count": number})
        tokens = {"guest": "", "user": ann.token, "administrator": root.token}
        yield Callers(running.url, tokens, folder)
    finally:
        running.close()


def fuzz(found: Callers, who: str, seconds: int, extra: Sequence[str] = ()) -> Outcome:
    """Call everything as `who` for about so long; the caller must be signed in still afterwards."""
    import httpx

    token = found.tokens[who]
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{found.url}/openapi.json"),
        *("--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing"),
        *("--max-time", str(seconds), "--request-timeout", "30", "--suppress-health-check", "all"),
        *("--generation-database", "none", "--warnings", "off", "--no-color"),
        *(part for name, value in headers.items() for part in ("--header", f"{name}: {value}")),
        *(part for name in ENDING if token for part in ("--exclude-operation-id", name)),
        *extra,
    ]
    ran = subprocess.run(
        command,
        cwd=found.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds + 120,
        check=False,
    )
    said = ran.stdout.replace(token, "TOKEN") if token else ran.stdout
    failed = ran.returncode != 0
    if token and (me := httpx.get(f"{found.url}/auth/me", headers=headers)).status_code != 200:
        failed, said = True, f"{said}\nThe {who} was signed out meanwhile: {me.text}"
    return Outcome(failed, _cases(said), said)


def _cases(said: str) -> int:
    """How many calls were made: from ``2127 generated, …``."""
    numbers = [line.split()[0] for line in said.splitlines() if " generated, " in line]
    return int(numbers[-1]) if numbers and numbers[-1].isdecimal() else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=600, help="for all callers together")
    parser.add_argument("--only", choices=["guest", "user", "administrator"])
    asked, extra = parser.parse_known_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder, callers(Path(folder)) as found:
        kinds = [asked.only] if asked.only else list(found.tokens)
        for who in kinds:
            outcome = fuzz(found, who, max(1, asked.seconds // len(kinds)), extra)
            failed += outcome.failed
            if outcome.failed:
                print(outcome.text)
            print(f"{who}: {outcome.cases:,} calls, {'failed' if outcome.failed else 'as said'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
