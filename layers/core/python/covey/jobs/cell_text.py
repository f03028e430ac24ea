"""From the values of a record to the cells of a CSV file, such that `cells` reads them back.

Text that a spreadsheet would take for a formula (OWASP, "CSV Injection") gets an apostrophe
before it, as people write it there; so does text that begins with apostrophes of its own before
such a character or its end, so that taking one away always gives the text back. Text of no
characters is a lone apostrophe: the empty cell stands for no value.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from covey import json
from covey.collections.model import Field

_LEADS = "=+\\-@\t\r\n＝＋－＠"  # the wide forms count in some locales
_TO_GUARD = re.compile(f"'*(?:[{_LEADS}]|\\Z)")
_GUARDED = re.compile(f"'+(?:[{_LEADS}]|\\Z)")


def guarded(text: str) -> str:
    """The text as a cell that no spreadsheet computes."""
    return f"'{text}" if _TO_GUARD.match(text) else text


def unguarded(cell: str) -> str:
    """The text of a cell: ``unguarded(guarded(text)) == text``; other cells are themselves."""
    return cell[1:] if _GUARDED.match(cell) else cell


def text_of(field: Field | None, value: Any) -> str:
    """The cell of a value; None is a system field, whose texts and numbers hold no formula."""
    if value is None:
        return ""
    if isinstance(value, str) and (field is None or not (field.list or field.type == "json")):
        return value if field is None else guarded(value)
    return json.encode(value)


def rows_of(
    header: Sequence[str], fields: Mapping[str, Field], documents: Iterable[Mapping[str, Any]]
) -> str:
    """Lines of CSV (RFC 4180) with a cell for each name of the header."""
    lines = io.StringIO(newline="")
    writer = csv.writer(lines)
    for document in documents:
        writer.writerow(text_of(fields.get(name), document.get(name)) for name in header)
    return lines.getvalue()


def header_row(header: Sequence[str]) -> str:
    """The line that names the columns."""
    lines = io.StringIO(newline="")
    csv.writer(lines).writerow(header)
    return lines.getvalue()
