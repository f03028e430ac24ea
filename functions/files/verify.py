"""An upload for a record is judged before anybody gets it."""

from __future__ import annotations

from covey.triggers.upload import Upload, upload_handler
from covey.wiring import services
from covey_images.pictures import PillowPictures


def judge(upload: Upload) -> None:
    """Keep what is as it was declared; remove anything else."""
    services().verifier(PillowPictures()).arrived(upload.key)


handler = upload_handler(judge)
