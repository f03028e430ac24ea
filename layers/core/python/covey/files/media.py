"""Media types: how they are written, what their bytes begin with, which a browser may show.

A declared type must agree with the content. Types with a signature begin with it; text is UTF-8
without NUL; any other type is taken at its word unless the bytes are those of a type known here.
Signatures are those of the WHATWG's "MIME Sniffing" and of the formats' own documents.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

HEAD = 4_096  # bytes that a type is told by
OCTETS: Final = "application/octet-stream"
PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""What is decoded and written anew: nothing but a picture is left of such a file."""
PLAYED: Final = frozenset(
    {"audio/mpeg", "audio/ogg", "audio/wav", "audio/webm", "video/mp4", "video/ogg", "video/webm"}
)
INLINE: Final = PICTURES | PLAYED
"""What a browser may show in a page; it runs nothing of them. All else is saved to disk."""

_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_PATTERN = re.compile(rf"{_TYPE.pattern}|[a-z0-9][a-z0-9-]{{0,62}}/\*")
_ALIASES: Final = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "application/x-zip-compressed": "application/zip",
    "application/x-gzip": "application/gzip",
}
_EXTENSIONS: Final[Mapping[str, Sequence[str]]] = {
    "image/png": ("png",),
    "image/jpeg": ("jpg", "jpeg", "jpe"),
    "image/gif": ("gif",),
    "image/webp": ("webp",),
    "application/pdf": ("pdf",),
    "application/zip": ("zip",),
    "application/gzip": ("gz", "tgz"),
    "audio/mpeg": ("mp3",),
    "audio/wav": ("wav",),
    "audio/ogg": ("ogg", "oga", "opus"),
    "video/ogg": ("ogv",),
    "video/mp4": ("mp4", "m4v"),
    "video/webm": ("webm",),
    "audio/webm": ("weba", "webm"),
}
_TEXTUAL = re.compile(
    r"text/.*|image/svg\+xml|.*[/+](json|xml|yaml)"
    r"|application/(javascript|ecmascript|x-ndjson|x-sh|sql|toml|graphql)"
)
_OGG = frozenset({"audio/ogg", "video/ogg", "application/ogg"})
_WEBM = frozenset({"audio/webm", "video/webm", "video/x-matroska", "audio/x-matroska"})
_ISO_MEDIA = frozenset({"video/mp4", "audio/mp4", "video/quicktime", "audio/x-m4a", "video/3gpp"})
_STILL_ISO = frozenset({"image/avif", "image/heic", "image/heif"})
_OFFICE = re.compile(
    r"application/(vnd\.(openxmlformats-officedocument|oasis\.opendocument)\..*|epub\+zip|zip"
    r"|java-archive|vnd\.android\.package-archive|vnd\.ms-.*|.*\+zip)"
)

_Claims = Callable[[str], bool]


def _any_of(*types: str) -> _Claims:
    return frozenset(types).__contains__


_SIGNATURES: Final[Sequence[tuple[int, bytes, _Claims]]] = (
    (0, b"\x89PNG\r\n\x1a\n", _any_of("image/png", "image/apng")),
    (0, b"\xff\xd8\xff", _any_of("image/jpeg")),
    (0, b"GIF87a", _any_of("image/gif")),
    (0, b"GIF89a", _any_of("image/gif")),
    (8, b"WEBP", _any_of("image/webp")),
    (0, b"%PDF-", _any_of("application/pdf")),
    (0, b"PK\x03\x04", lambda declared: _OFFICE.fullmatch(declared) is not None),
    (0, b"PK\x05\x06", lambda declared: _OFFICE.fullmatch(declared) is not None),
    (0, b"\x1f\x8b\x08", _any_of("application/gzip")),
    (0, b"OggS\x00", _OGG.__contains__),
    (0, b"\x1aE\xdf\xa3", _WEBM.__contains__),
    (8, b"WAVE", _any_of("audio/wav")),
    (0, b"ID3", _any_of("audio/mpeg")),
    (0, b"\xff\xfb", _any_of("audio/mpeg")),
    (0, b"\xff\xf3", _any_of("audio/mpeg")),
    (0, b"\xff\xf2", _any_of("audio/mpeg")),
    (4, b"ftypavi", _any_of("image/avif")),
    (4, b"ftyphei", _any_of("image/heic", "image/heif")),
    (4, b"ftypmif1", _STILL_ISO.__contains__),
    (4, b"ftyp", _ISO_MEDIA.__contains__),
    (0, b"II*\x00", _any_of("image/tiff")),
    (0, b"MM\x00*", _any_of("image/tiff")),
    (0, b"wOFF", _any_of("font/woff")),
    (0, b"wOF2", _any_of("font/woff2")),
    (0, b"7z\xbc\xaf\x27\x1c", _any_of("application/x-7z-compressed")),
    (0, b"Rar!\x1a\x07", _any_of("application/vnd.rar", "application/x-rar-compressed")),
    (0, b"\x7fELF", _any_of("application/x-elf", "application/x-executable")),
    (
        0,
        b"MZ",
        _any_of("application/x-msdownload", "application/vnd.microsoft.portable-executable"),
    ),
    (0, b"\x00asm", _any_of("application/wasm")),
)
_MUST = (
    frozenset(_EXTENSIONS)
    | _OGG
    | _WEBM
    | _ISO_MEDIA
    | _STILL_ISO
    | {"image/tiff", "font/woff", "font/woff2", "application/wasm"}
)


def media_type(text: str) -> str | None:
    """A media type in the form that is kept: lower case, usual name, no parameters; or None."""
    essence = text.partition(";")[0].strip().lower()
    return _ALIASES.get(essence, essence) if _TYPE.fullmatch(essence) else None


def is_pattern(text: str) -> bool:
    """Whether a field may list this: a media type, or a family such as ``image/*``."""
    return _PATTERN.fullmatch(text) is not None


def admitted(declared: str, patterns: Sequence[str]) -> bool:
    """Whether a type is among these; nothing listed admits all.

    ``image/*`` is pictures: SVG, which is a document that may hold scripts, is named in full.
    """
    if not patterns or declared in patterns:
        return True
    family = declared.partition("/")[0]
    return f"{family}/*" in patterns and declared != "image/svg+xml"


def is_text(declared: str) -> bool:
    """Whether files of this type are text, so that their bytes must be UTF-8."""
    return _TEXTUAL.fullmatch(declared) is not None


def agrees(declared: str, head: bytes) -> bool:
    """Whether the first bytes of a file may be those of its declared type.

    Octets claim nothing and are never shown. Of text only the absence of other signatures is
    judged here, and by `is_text` that all of it is UTF-8.
    """
    if declared == OCTETS:
        return True
    found = [claims for at, mark, claims in _SIGNATURES if head[at : at + len(mark)] == mark]
    if declared in _MUST:
        return any(claims(declared) for claims in found[:1])
    return not found or found[0](declared)


def with_extension(name: str, declared: str) -> str:
    """The name with an extension of its type, so that no system opens it as another."""
    usual = _EXTENSIONS.get(declared)
    if usual is None or name.rpartition(".")[2].lower() in usual:
        return name
    return f"{name}.{usual[0]}"
