"""Where the uploads lie that jobs wait for."""

from __future__ import annotations

_FOLDERS = {"import": "imports", "restore": "restores"}  # by kind of job


def key_of(kind: str, job_id: str) -> str:
    """The key of a job's upload."""
    return f"{_FOLDERS[kind]}/{job_id}"


def job_of(key: str) -> str | None:
    """The job of an upload's key; None for any other object."""
    folder, _, job_id = key.partition("/")
    return job_id if folder in _FOLDERS.values() and job_id and "/" not in job_id else None
