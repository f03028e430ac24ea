"""Write functions/docs/openapi.json from the routes of app.py.

Run it with ``python -m infra.build.openapi`` after a change to a route; a test tells when not.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from covey.http import CoveyApp
from covey.http.openapi import describe

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "functions" / "docs" / "openapi.json"


@cache
def whole_app() -> CoveyApp:
    """The app of app.py, loaded by its path: the team's own package is called `app` too."""
    spec = spec_from_file_location("covey_whole_app", ROOT / "app.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError("app.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    made: CoveyApp = module.app
    return made


def text() -> str:
    """The file as it should be."""
    app = whole_app()
    document = describe(app.operations, app.schemas)
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
