"""The format of a backup, version 1: see docs/guide/backup.md.

A file is a sequence of gzip members (RFC 1952), which any tool reads as one stream of JSON lines.
Each member is a block: its last line is ``{"block": n, "sha256": …}``, the digest of the one
before it and of its own lines, so that no block can be missing, moved or altered unnoticed, and
work on a file can go on at any block. Block 0 begins with ``{"covey-backup": 1, …}``, the last
one with ``{"end": …}``.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from covey import json
from covey.errors import CoveyError, Invalid

FORMAT = "covey-backup"
VERSION = 1
MEDIA_TYPE = "application/gzip"
FULL = 262_144  # bytes of lines, from which on a block is closed
MOST = 64 * FULL  # that a reader takes: the last record of a block may be large, block 0 too
_MEMBER = 31  # zlib's window bits for a gzip header


@dataclass(frozen=True, slots=True)
class Place:
    """Between two blocks: how many are behind, their digest, and the byte where the next begins."""

    block: int = 0
    digest: str = ""
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """The lines of one block, decoded, and the place after it."""

    lines: Sequence[dict[str, Any]]
    after: Place


def seal(lines: Iterable[Any], place: Place) -> tuple[bytes, Place]:
    """The bytes of a block, and the place after it."""
    text = "".join(json.encode(line) + "\n" for line in lines).encode()
    digest = _digest(place, text)
    last = json.encode({"block": place.block, "sha256": digest}) + "\n"
    # Without a time, so that the same lines are the same bytes.
    data = gzip.compress(text + last.encode(), 6, mtime=0)
    return data, Place(place.block + 1, digest, place.offset + len(data))


def read(chunks: Iterable[bytes], place: Place) -> Iterator[Block]:
    """The blocks from a place on, `chunks` being the bytes from its offset on.

    Raises Invalid ``invalid_backup``, with the block and the reason, for whatever `seal` did not
    make.
    """
    for text, length in _members(chunks, place):
        lines, digest = _lines(text, place)
        place = Place(place.block + 1, digest, place.offset + length)
        yield Block(lines, place)


def _lines(text: bytes, place: Place) -> tuple[list[dict[str, Any]], str]:
    body, newline, last = text.removesuffix(b"\n").rpartition(b"\n")
    body += newline
    digest = _digest(place, body)
    if _line(last, place) != {"block": place.block, "sha256": digest}:
        raise broken(place, "its digest does not fit")
    return [_line(line, place) for line in body.split(b"\n")[:-1]], digest


def _line(line: bytes, place: Place) -> dict[str, Any]:
    try:
        value = json.decode(line, MOST)
    except CoveyError as error:
        raise broken(place, "a line is not JSON") from error
    if not isinstance(value, dict):
        raise broken(place, "a line is not an object")
    return value


def _members(chunks: Iterable[bytes], place: Place) -> Iterator[tuple[bytes, int]]:
    """Each gzip member's text, and its length in the file."""
    block, inflater, text, length = place.block, zlib.decompressobj(_MEMBER), bytearray(), 0
    for chunk in chunks:
        data = chunk
        while data:
            at = Place(block)
            try:
                text += inflater.decompress(data, MOST + 1 - len(text))
            except zlib.error as error:
                raise broken(at, "it is damaged, or no gzip") from error
            if len(text) > MOST:
                raise broken(at, "it is larger than any block")
            rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            length += len(data) - len(rest)
            data = rest
            if inflater.eof:
                yield bytes(text), length
                block, inflater, text, length = (
                    block + 1,
                    zlib.decompressobj(_MEMBER),
                    bytearray(),
                    0,
                )
    if length:
        raise broken(Place(block), "it is cut off")


def _digest(place: Place, text: bytes) -> str:
    return hashlib.sha256(place.digest.encode() + text).hexdigest()


def broken(place: Place, why: str) -> Invalid:
    """The one error of files that are no backup, or no longer one."""
    return Invalid(f"Not a whole backup: in block {place.block}, {why}.", code="invalid_backup")
