"""Write functions/docs/openapi.json from the routes of app.py.

Run it with ``python -m infra.build.openapi`` after a change to a route; a test tells when not.
"""

from __future__ import annotations

import json
from pathlib import Path

from app import app
from covey.http.openapi import describe

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "functions" / "docs" / "openapi.json"


def text() -> str:
    """The file as it should be."""
    document = describe(app.operations, app.schemas)
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
