"""The commands as people call them, and what they left, as the API shows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import simplejson
import sqlalchemy as sa

from tests.e2e.running import PASSWORD, ROOT, User


@dataclass
class Importer:
    """Calls the commands against one gateway, with a folder of its own."""

    url: str
    root: User
    folder: Path

    def command(self, name: str, database: str, *arguments: str) -> list[str]:
        command = [sys.executable, "-m", "infra.cli", name, database, "--url", self.url]
        if name == "import-sql":
            command += ["--collections", str(self.collections), "--data", str(self.folder / "data")]
        return [*command, *arguments]

    @property
    def collections(self) -> Path:
        return self.folder / "collections"

    def environment(self) -> dict[str, str]:
        return {**os.environ, "COVEY_EMAIL": self.root.email, "COVEY_PASSWORD": PASSWORD}

    def call(
        self, name: str, database: sa.URL | str, *arguments: str
    ) -> subprocess.CompletedProcess[str]:
        text = (
            database
            if isinstance(database, str)
            else database.render_as_string(hide_password=False)
        )
        return subprocess.run(
            self.command(name, text, *arguments),
            cwd=ROOT,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def load(self, database: sa.URL | str, *arguments: str) -> str:
        done = self.call("import-sql", database, "--yes", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def document(self, collection: str) -> dict[str, Any]:
        return _exact(self.root.http.get(f"/admin/collections/{collection}").text)

    def put(self, path: str, body: Any) -> None:
        headers = {"Content-Type": "application/json"}
        content = simplejson.dumps(body, use_decimal=True)
        answer = self.root.http.put(path, content=content, headers=headers)
        assert answer.status_code in (200, 201), answer.text

    def records(self, collection: str) -> dict[str, dict[str, Any]]:
        """Every record by its id, without what the system sets but `id`."""
        found: dict[str, dict[str, Any]] = {}
        path = f"/records/{collection}?limit=200"
        cursor = ""
        while True:
            answer = self.root.http.get(path + (f"&cursor={cursor}" if cursor else ""))
            assert answer.status_code == 200, answer.text
            page = _exact(answer.text)
            for item in page["items"]:
                kept = {k: v for k, v in item.items() if k not in ("created", "updated", "version")}
                found[item["id"]] = kept
            if not page["next"]:
                return found
            cursor = page["next"]

    def refusals(self) -> list[dict[str, Any]]:
        [report] = (self.folder / "data" / "import-sql").glob("*-refused.jsonl")
        return [json.loads(line) for line in report.read_text().splitlines()]


def _exact(text: str) -> Any:
    return simplejson.loads(text, use_decimal=True)


def plain(value: Any) -> Any:
    """A value with its numbers in one form."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, Decimal):
        text = format(value, "f")
        return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value
