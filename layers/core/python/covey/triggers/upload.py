"""Objects that were stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from covey.triggers.clock import Context


@dataclass(frozen=True, slots=True)
class Upload:
    """A stored object: where, and how many bytes."""

    bucket: str
    key: str
    size: int


def upload_handler(
    work: Callable[[Upload], None],
) -> Callable[[Mapping[str, Any], Context], None]:
    """A Lambda callable that gives each object of an S3 event to `work`; keys come encoded."""

    def handler(event: Mapping[str, Any], context: Context) -> None:
        for record in event["Records"]:
            about = record["s3"]
            stored = about["object"]
            work(
                Upload(
                    about["bucket"]["name"], unquote_plus(stored["key"]), int(stored.get("size", 0))
                )
            )

    return handler
