"""``covey backup`` and ``covey restore``: a whole deployment to a file or a bucket, and back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from infra.cli.client import Client, ProblemError
from infra.cli.transfers import Job, Note, bars, download, follow, look, private, upload

CHUNK = 1_048_576


def backup(client: Client, target: str) -> tuple[Job, str]:
    """Back up into a file, for its owner alone, or to ``s3://bucket/prefix``; where it is.

    Given again after it was ended, it goes on. Raises ProblemError.
    """
    if target.startswith("s3://"):
        bucket, prefix = _bucket(target)
        with tempfile.TemporaryDirectory(prefix="covey-") as folder:
            held = Path(folder) / "backup.gz"
            job = _fetched(client, held)
            key = "/".join(filter(None, (prefix, job["result"]["file"]["name"])))
            encrypted = {"ServerSideEncryption": "AES256"}
            with _told(target):
                _s3().upload_file(str(held), bucket, key, ExtraArgs=encrypted)
        return job, f"s3://{bucket}/{key}"
    path = Path(target)
    if path.exists():
        raise ProblemError(f"{path} is there already; a backup is not written over.")
    part = path.with_name(f".{path.name}.part")
    job = _fetched(client, part, Note(path.with_name(f".{path.name}.covey-backup")))
    part.replace(path)
    return job, str(path)


def _fetched(client: Client, path: Path, note: Note | None = None) -> Job:
    """The job, its file downloaded and checked."""
    request = {"url": client.url}
    job_id = str(note.read(request).get("job", "")) if note else ""
    if not job_id:
        path.unlink(missing_ok=True)
        job_id = client.call("POST", "/admin/backup")["job"]["id"]
        if note:
            note.write(request, job=job_id)
    with bars() as progress:
        job = follow(client, job_id, progress, "backing up")
        size = job["result"]["file"]["size"]

        def link() -> str:
            return str(look(client, job_id)["result"]["file"]["url"])

        private(path, more=True).close()
        download(link, path, size, progress, "downloading")
    if checked(path) != job["result"]["sha256"]:
        path.unlink()
        raise ProblemError("The file is not the one that the job wrote; give the command again.")
    if note:
        note.forget()
    return job


def restore(client: Client, source: str, *, force: bool, sha256: str) -> Job:
    """Restore a file, checked here before anything is sent; the job with its report.

    Raises ProblemError.
    """
    with _held(source) as path:
        digest = checked(path)
        if sha256 and sha256 != digest:
            raise ProblemError(f"This backup's digest is {digest}.")
        body = {"force": force, "sha256": digest}
        request: dict[str, Any] = {"url": client.url, **body}
        note = Note(path.with_name(f".{path.name}.covey-restore"))
        known = note.read(request)
        job = _job(client, str(known.get("job", "")))
        if job is None or job["status"] in ("failed", "cancelled"):
            started = client.call("POST", "/admin/restore", body)
            job, known = started["job"], {"upload": started["upload"]}
            note.write(request, job=job["id"], **known)
        with bars() as progress:
            if job["status"] == "waiting":
                upload(known["upload"], path, progress, "uploading")
            try:
                job = follow(client, job["id"], progress, "restoring")
            except ProblemError as problem:
                if problem.status != 401:
                    raise
                raise ProblemError(
                    "You have made way for a user of the backup, and the restore goes on. Sign in "
                    "as an administrator of the backup, and give the same command with their "
                    "token (COVEY_TOKEN): it tells how far it is."
                ) from problem
        note.forget()
    return job


def _job(client: Client, job_id: str) -> Job | None:
    try:
        return look(client, job_id) if job_id else None
    except ProblemError as problem:
        if problem.status == 404:
            return None
        raise


def checked(path: Path) -> str:
    """The digest of a whole backup; raises ProblemError for any other file."""
    from covey.backups.checking import checked as check
    from covey.errors import Invalid

    def chunks() -> Iterator[bytes]:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk

    try:
        return check(chunks()).place.digest
    except OSError as error:
        raise ProblemError(str(error)) from error
    except Invalid as refused:
        raise ProblemError(f"{path.name}: {refused.detail}") from refused


@contextmanager
def _held(source: str) -> Iterator[Path]:
    """The file of a source, fetched from its bucket meanwhile if it lies in one."""
    if not source.startswith("s3://"):
        yield Path(source)
        return
    bucket, key = _bucket(source)
    with tempfile.TemporaryDirectory(prefix="covey-") as folder:
        held = Path(folder) / "backup.gz"
        private(held).close()
        with _told(source):
            _s3().download_file(bucket, key, str(held))
        yield held


@contextmanager
def _told(address: str) -> Iterator[None]:
    """What AWS's client says of a place, as a ProblemError."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (Boto3Error, BotoCoreError, ClientError) as error:
        raise ProblemError(f"{address}: {error}") from error


def _bucket(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    if not parts.netloc:
        raise ProblemError(f"{address} names no bucket.")
    return parts.netloc, parts.path.strip("/")


def _s3() -> Any:
    import boto3  # with the credentials of whoever gives the command

    return boto3.client("s3")
