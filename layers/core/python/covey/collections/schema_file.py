"""Writes the published JSON Schema: ``python -m covey.collections.schema_file PATH``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from covey.collections.schema import json_schema


def text() -> str:
    """The file's text."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write the file that is named; answers the exit status."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m covey.collections.schema_file PATH\n")
        return 2
    Path(arguments[0]).write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
