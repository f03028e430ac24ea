"""Pictures decoded, bounded and written anew.

A picture's header says how many pixels it has, and that is asked before any is decoded: a file of
a few hundred bytes may claim gigabytes. What is written holds pixels, frames and colours, and of
what else there was (position, camera, comments, previews, bytes behind the end) nothing.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any, Final

from PIL import Image, ImageOps

from covey.fields.file import sides
from covey.files.ports import Picture, RefusedError

MAX_PIXELS = 40_000_000  # of one frame: 160 MB decoded
MAX_SIDE = 20_000
MAX_FRAMES = 500
MAX_ALL_PIXELS = 80_000_000  # of all frames
MAX_PROFILE = 65_536  # bytes of a colour profile; those of cameras and screens are far smaller

_FORMATS: Final[Mapping[str, str]] = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
}
_MODES: Final[Mapping[str, frozenset[str]]] = {  # as they may be written; all else is converted
    "PNG": frozenset({"1", "L", "LA", "P", "RGB", "RGBA"}),
    "JPEG": frozenset({"L", "RGB"}),
    "GIF": frozenset({"1", "L", "P", "RGB", "RGBA"}),
    "WEBP": frozenset({"RGB", "RGBA"}),
}
_DEEP = ("I", "F")  # modes of 16 bits and more a pixel, which browsers do not show
_ANIMATED = ("GIF", "WEBP")  # of an animated PNG the first picture is kept
log = logging.getLogger(__name__)


class PillowPictures:
    """`covey.files.ports.Pictures` by Pillow."""

    def process(self, data: bytes, media_type: str, thumbs: Sequence[str]) -> Picture:
        """As `Pictures.process`; reasons too_many_pixels, too_many_frames, damaged_picture."""
        kind = _FORMATS[media_type]
        Image.MAX_IMAGE_PIXELS = MAX_PIXELS
        try:
            # What Pillow warns of are bombs and damage: both are reasons to stop.
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                with Image.open(BytesIO(data), formats=[kind]) as image:
                    return _processed(image, kind, thumbs)
        except RefusedError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
            raise RefusedError("too_many_pixels") from bomb
        except Exception as error:
            # Decoders fail in every way on bytes made to break them: it is no picture then.
            log.info("a picture was refused: %r", error)
            raise RefusedError("damaged_picture") from error


def _processed(image: Image.Image, kind: str, thumbs: Sequence[str]) -> Picture:
    _bound(image)
    frames = _count(image) if kind in _ANIMATED else 1
    if frames > 1:
        moving = list(_frames(image, frames))
        upright, whole = moving[0], _animation(moving, image, kind)
    else:
        image.load()
        upright, whole = _still(image, kind)
    small = {spec: _small(upright, kind, spec) for spec in thumbs}
    return Picture(whole, upright.width, upright.height, small)


def _bound(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise RefusedError("too_many_pixels")


def _count(image: Image.Image) -> int:
    frames: int = getattr(image, "n_frames", 1)
    if frames > MAX_FRAMES:
        raise RefusedError("too_many_frames")
    if frames * image.width * image.height > MAX_ALL_PIXELS:
        raise RefusedError("too_many_pixels")
    return frames


def _frames(image: Image.Image, count: int) -> Iterator[Image.Image]:
    for number in range(count):
        image.seek(number)
        _bound(image)  # a frame may be larger than what the header said
        frame = image.convert("RGBA")
        frame.info = {"duration": image.info.get("duration", 0)}
        yield frame


def _animation(frames: Sequence[Image.Image], image: Image.Image, kind: str) -> bytes:
    more: dict[str, Any] = {
        "save_all": True,
        "append_images": frames[1:],
        "duration": [frame.info["duration"] for frame in frames],
        "loop": image.info.get("loop", 0),
    }
    more |= {"disposal": 2} if kind == "GIF" else {"quality": 85}
    return _written(frames[0], kind, more)


def _still(image: Image.Image, kind: str) -> tuple[Image.Image, bytes]:
    """The picture as it is to be seen, and written."""
    profile = _profile(image)
    upright = ImageOps.exif_transpose(image)
    turned = image.getexif().get(0x0112, 1) != 1  # EXIF's tag of the orientation
    fitting = upright if upright.mode in _MODES[kind] else _converted(upright, kind)
    more: dict[str, Any] = {"quality": 90} if kind == "WEBP" else {}
    if profile and fitting.mode == upright.mode and kind != "GIF":
        more["icc_profile"] = profile
    if kind == "JPEG":
        # With the tables that it came with, a picture loses next to nothing by being written anew.
        as_it_was = image.format == "JPEG" and not turned and fitting is upright
        fitting = image if as_it_was else fitting
        more |= {"quality": "keep" if as_it_was else 92}
    fitting.info = {k: v for k, v in fitting.info.items() if k == "transparency"}
    return fitting, _written(fitting, kind, more)


def _converted(image: Image.Image, kind: str) -> Image.Image:
    if image.mode.startswith(_DEEP):
        return image.convert("F").point(lambda value: value * (255.0 / 65_535.0)).convert("L")
    clear = "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info
    return image.convert("RGBA" if clear and kind != "JPEG" else "RGB")


def _small(image: Image.Image, kind: str, spec: str) -> bytes:
    """A thumbnail, never larger than the picture."""
    width, height, crop = sides(spec)
    plain = image.mode if image.mode in ("L", "RGB", "RGBA") else None
    clear = "A" in image.getbands() or "transparency" in image.info
    base = image if plain else image.convert("RGBA" if clear and kind != "JPEG" else "RGB")
    if crop:
        made = ImageOps.fit(base, (min(width, image.width), min(height, image.height)))
    else:
        made = base.copy()
        made.thumbnail((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    made.info = {}
    return _written(made, kind, {"quality": 85} if kind in ("JPEG", "WEBP") else {})


def _profile(image: Image.Image) -> bytes | None:
    """Its colour profile, if it looks like one ("acsp" at 36: ICC.1, 7.2.11)."""
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and len(profile) <= MAX_PROFILE and profile[36:40] == b"acsp":
        return profile
    return None


def _written(image: Image.Image, kind: str, more: Mapping[str, Any]) -> bytes:
    target = BytesIO()
    image.save(target, format=kind, **more)
    return target.getvalue()
