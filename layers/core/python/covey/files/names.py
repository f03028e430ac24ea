"""Names of files: what is kept of the one that was given, and how a download is told it."""

from __future__ import annotations

import unicodedata
from typing import Final
from urllib.parse import quote

MAX_BYTES = 200  # of UTF-8: with room for a browser's " (1)" below the 255 of file systems
UNNAMED: Final = "file"
_TAIL = 20  # characters after the last dot that are kept as an extension
_RESERVED = frozenset('<>:"|?*%\\/')  # by Windows; the percent sign by some clients' decoding
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul"}
    | {f"{device}{number}" for device in ("com", "lpt") for number in range(1, 10)}
)


def clean_name(given: str) -> str:
    """A name without path, control characters, turned text or what file systems refuse.

    Never empty, at most `MAX_BYTES` of UTF-8, its extension kept. Cleaning it again changes
    nothing.
    """
    text = given.encode("utf-8", "ignore").decode("utf-8")[-4_096:]
    text = unicodedata.normalize("NFC", text).replace("\\", "/").rpartition("/")[2]
    text = "".join("_" if char in _RESERVED else char for char in text if _is_kept(char))
    text = text.strip(" .")
    if text.partition(".")[0].strip().lower() in _DEVICES:
        text = f"_{text}"
    return _shortened(text).strip(" .") or UNNAMED


def disposition(name: str, *, inline: bool = False) -> str:
    """A Content-Disposition (RFC 6266), the name in ASCII and, where that differs, in full."""
    kind = "inline" if inline else "attachment"
    if not name:
        return kind
    clean = clean_name(name)
    plain = "".join(char if char.isascii() else "_" for char in clean)
    told = f'{kind}; filename="{plain}"'
    return told if plain == clean else f"{told}; filename*=UTF-8''{quote(clean, safe='')}"


def _is_kept(char: str) -> bool:
    # Cc controls, Cs surrogates, Co private, Cn unassigned, Zl and Zp ends of lines.
    return char not in _BIDI and unicodedata.category(char) not in ("Cc", "Cs", "Cn", "Zl", "Zp")


def _shortened(name: str) -> str:
    if len(name.encode()) <= MAX_BYTES:
        return name
    stem, dot, tail = name.rpartition(".")
    tail = dot + tail if stem and len(tail) <= _TAIL else ""
    stem = stem if tail else name
    room = MAX_BYTES - len(tail.encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .") + tail
