"""Pictures: what is kept of them, and what is refused before it is decoded."""

from __future__ import annotations

import random
import struct
import tracemalloc
import zlib
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from covey.files.ports import Picture, RefusedError
from covey_images.pictures import PillowPictures

TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}


def made(kind: str, mode: str = "RGB", size: tuple[int, int] = (60, 30), **more: Any) -> bytes:
    target = BytesIO()
    image = Image.new("RGB", size, "white")
    image.paste("navy", (0, 0, size[0] // 2, size[1]))
    image = image.convert("L").convert(mode) if mode.startswith("I") else image.convert(mode)
    image.save(target, kind, **more)
    return target.getvalue()


def process(data: bytes, kind: str, *thumbs: str) -> Picture:
    return PillowPictures().process(data, TYPES[kind], thumbs)


def refused(data: bytes, kind: str) -> str:
    with pytest.raises(RefusedError) as error:
        process(data, kind, "20x20")
    return error.value.reason


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
        *(("JPEG", mode) for mode in ("L", "RGB", "CMYK")),
        *(("GIF", mode) for mode in ("1", "L", "P")),
        *(("WEBP", mode) for mode in ("RGB", "RGBA")),
    ],
)
def test_every_mode_is_kept_as_browsers_show_it(kind: str, mode: str) -> None:
    picture = process(made(kind, mode), kind, "20x20", "10x10c", "500x500")
    assert (picture.width, picture.height) == (60, 30)
    with Image.open(BytesIO(picture.data)) as image:
        image.load()
        assert (image.format, image.size) == (kind, (60, 30))
        assert image.mode in ("1", "L", "LA", "P", "RGB", "RGBA")
    sizes = {spec: Image.open(BytesIO(data)).size for spec, data in picture.thumbs.items()}
    assert sizes == {"20x20": (20, 10), "10x10c": (10, 10), "500x500": (60, 30)}


def test_sixteen_bits_become_eight() -> None:
    deep = Image.new("I;16", (2, 1))
    deep.putpixel((0, 0), 65_535)
    target = BytesIO()
    deep.save(target, "PNG")
    with Image.open(BytesIO(process(target.getvalue(), "PNG").data)) as image:
        assert [image.getpixel((x, 0)) for x in (0, 1)] == [255, 0]


def test_metadata_is_gone_and_the_picture_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[1] = "N"  # a position
    data = made("JPEG", exif=exif, comment=b"SecretComment")
    assert b"SecretCamera" in data and b"SecretComment" in data
    picture = process(data, "JPEG", "20x20")
    assert (picture.width, picture.height) == (30, 60)
    for one in (picture.data, *picture.thumbs.values()):
        assert b"Secret" not in one and b"Exif" not in one
    text = BytesIO()
    info = PngInfo()
    info.add_text("Author", "SecretAuthor")
    Image.new("RGB", (4, 4)).save(text, "PNG", pnginfo=info, exif=exif)
    assert b"Secret" not in process(text.getvalue(), "PNG").data
    assert b"Secret" not in process(made("GIF", comment=b"SecretComment"), "GIF").data
    assert b"Secret" not in process(made("WEBP", exif=exif, xmp=b"SecretXmp"), "WEBP").data


def test_a_picture_that_is_something_else_too_is_a_picture_alone() -> None:
    for kind in TYPES:
        data = made(kind) + b"<script>alert(1)</script>PK\x03\x04"
        assert b"script" not in process(data, kind).data
    page = made("JPEG", comment=b"<html><script>alert(1)</script>")
    assert b"script" not in process(page, "JPEG").data


def test_animations_stay_and_are_bounded() -> None:
    frames = [Image.new("RGB", (40, 20), (n * 9, 0, 0)) for n in range(12)]
    for kind in ("GIF", "WEBP"):
        target = BytesIO()
        frames[0].save(target, kind, save_all=True, append_images=frames[1:], duration=50, loop=0)
        picture = process(target.getvalue(), kind, "10x10")
        with Image.open(BytesIO(picture.data)) as image:
            assert (image.n_frames, image.size) == (12, (40, 20))  # type: ignore[attr-defined]
        with Image.open(BytesIO(picture.thumbs["10x10"])) as thumb:
            assert thumb.size == (10, 5)
    many = [Image.new("1", (1, 1), n % 2) for n in range(502)]
    target = BytesIO()
    many[0].save(target, "GIF", save_all=True, append_images=many[1:], duration=10)
    assert refused(target.getvalue(), "GIF") == "too_many_frames"


def chunk(name: bytes, data: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + crc


def png_of(width: int, height: int, body: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", body), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def gif_of(width: int, height: int) -> bytes:
    screen = b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + b"\0\0\0\xff\xff\xff"
    frame = b"," + struct.pack("<HHHH", 0, 0, width, height) + b"\0" + b"\x02\x02\x4c\x01\0;"
    return screen + frame


BOMBS = {
    "a GIF of 65535 by 65535": (gif_of(65_535, 65_535), "GIF"),
    "a PNG of 100,000 by 100,000": (png_of(100_000, 100_000, zlib.compress(bytes(10_000))), "PNG"),
    "a PNG of 2^31 - 1 by 1": (png_of(2**31 - 1, 1, b""), "PNG"),
    "a PNG of 20,001 by 1": (png_of(20_001, 1, b""), "PNG"),
    "a PNG just over": (png_of(8_000, 5_001, b""), "PNG"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_claims_too_many_pixels_is_refused_before_it_is_decoded(name: str) -> None:
    data, kind = BOMBS[name]
    process(made("PNG"), "PNG")  # what is imported on the way is no part of it
    tracemalloc.start()
    try:
        assert refused(data, kind) == "too_many_pixels"
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_frame_that_is_larger_than_its_canvas_is_refused() -> None:
    first = gif_of(4, 4)[:-1]
    large = b"," + struct.pack("<HHHH", 0, 0, 65_535, 65_535) + b"\0" + b"\x02\x02\x4c\x01\0;"
    assert refused(first + large, "GIF") in ("too_many_pixels", "damaged_picture")


def test_small_pictures_of_large_streams_are_refused_or_kept_small() -> None:
    zipped = zlib.compress(bytes(50_000_000))
    data = png_of(4, 4, zipped)
    tracemalloc.start()
    try:
        picture = process(data, "PNG")
    except RefusedError:
        pass
    else:
        assert len(picture.data) < 1_000
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 20_000_000
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(80_000_000)))
    whole = made("PNG")
    assert refused(whole[:33] + text + whole[33:], "PNG") == "damaged_picture"


@pytest.mark.parametrize("kind", TYPES)
def test_damaged_pictures_are_refused(kind: str) -> None:
    whole = made(kind, size=(300, 200))
    for cut in (0, 3, 12, len(whole) // 2):
        assert refused(whole[:cut], kind) == "damaged_picture"
    other = next(one for one in TYPES if one != kind)
    assert refused(made(other), kind) == "damaged_picture"
    assert refused(b"\0" * 5_000, kind) == "damaged_picture"


def test_noise_never_does_anything_but_refuse() -> None:
    chance = random.Random(7)
    for kind in TYPES:
        whole = bytearray(made(kind, size=(50, 50)))
        for _ in range(60):
            noisy = bytearray(whole)
            for _ in range(chance.randint(1, 12)):
                noisy[chance.randrange(len(noisy))] = chance.randrange(256)
            try:
                picture = process(bytes(noisy), kind, "9x9")
            except RefusedError:
                continue
            assert len(picture.data) < 1_000_000
