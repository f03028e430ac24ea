"""Names: whatever is given, what is kept is a plain name."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.files.media import with_extension
from covey.files.names import MAX_BYTES, clean_name, disposition

NAMES = [
    ("photo.jpg", "photo.jpg"),
    ("../../etc/passwd", "passwd"),
    ("C:\\temp\\x.txt", "x.txt"),
    ("/", "file"),
    ("", "file"),
    ("...", "file"),
    (".htaccess", "htaccess"),
    ("a\0b\r\nc.txt", "abc.txt"),
    ("x\u202egpj.exe", "xgpj.exe"),
    ("con", "_con"),
    ("NUL.txt", "_NUL.txt"),
    ('a"b<c>d.txt', "a_b_c_d.txt"),
    ("100%.txt", "100_.txt"),
    ("e\u0301.txt", "é.txt"),
    ("\ud800.txt", "txt"),
    ("名前.pdf", "名前.pdf"),
    (" . x . ", "x"),
]


@pytest.mark.parametrize(("given_", "kept"), NAMES)
def test_a_name_is_cleaned(given_: str, kept: str) -> None:
    assert clean_name(given_) == kept


def test_a_long_name_keeps_its_ending() -> None:
    assert clean_name("ü" * 500 + ".jpeg").endswith("ü.jpeg")
    assert len(clean_name("ü" * 500 + ".jpeg").encode()) <= MAX_BYTES
    assert len(clean_name("x." + "y" * 500)) == MAX_BYTES


@given(st.text(max_size=400))
def test_any_name_becomes_one_that_stays(text: str) -> None:
    name = clean_name(text)
    assert clean_name(name) == name
    assert 1 <= len(name.encode()) <= MAX_BYTES
    assert not set(name) & set('/\\<>:"|?*%\r\n\0')
    assert not name.startswith(".")
    told = disposition(text)
    assert told.isascii() and told.isprintable()
    found = re.fullmatch(r"attachment(; filename=\"[^\"]*\"(; filename\*=UTF-8''([^;]*))?)?", told)
    assert found
    if found[3]:
        assert unquote(found[3]) == name


@pytest.mark.parametrize(
    ("name", "declared", "kept"),
    [
        ("a.png", "image/png", "a.png"),
        ("a.JPEG", "image/jpeg", "a.JPEG"),
        ("bill.exe", "image/png", "bill.exe.png"),
        ("png", "image/png", "png"),
        ("a", "application/pdf", "a.pdf"),
        ("a.html", "text/plain", "a.html"),
    ],
)
def test_a_name_ends_as_its_type(name: str, declared: str, kept: str) -> None:
    assert with_extension(name, declared) == kept
