"""``covey export`` and ``covey import``: records of a collection to a file and from one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from infra.cli.client import Client, ProblemError
from infra.cli.transfers import Job, Note, bars, download, follow, look, upload

FORMATS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def format_of(path: Path, given: str | None) -> str:
    """The format asked for, or that of the file's name; raises ProblemError."""
    found = given or FORMATS.get(path.suffix.lower())
    if found is None:
        raise ProblemError(f"{path.name} ends in neither .csv nor .jsonl; say --format.")
    return found


def export(client: Client, collection: str, parameters: Mapping[str, str], out: Path) -> Job:
    """Write what the caller may list into `out`, whole or not at all; the job that made it.

    Given again, it goes on with the job and the bytes that are there. Raises ProblemError.
    """
    request = {"url": client.url, "collection": collection, **parameters}
    note, part = Note(_beside(out, "covey-export")), _beside(out, "part")
    job_id = _known(client, note.read(request))
    if not job_id:
        part.unlink(missing_ok=True)
        path = f"/records/{quote(collection, safe='')}/export?{urlencode(parameters)}"
        job_id = client.call("GET", path)["job"]["id"]
        note.write(request, job=job_id)
    with bars() as progress:
        try:
            job = follow(client, job_id, progress, "exporting")
        except ProblemError as problem:
            if not problem.status:  # the job itself failed: nothing to go on with
                note.forget()
            raise
        file = job["result"]["file"]
        download(lambda: _link(client, job_id), part, file["size"], progress, "downloading")
    part.replace(out)
    note.forget()
    return job


def load(client: Client, collection: str, source: Path, options: Mapping[str, Any]) -> Job:
    """Import a file; the job when all of it is read, with its report.

    Given again while the job is under way, it follows that one. Raises ProblemError.
    """
    stat = source.stat()
    request = {
        "url": client.url,
        "collection": collection,
        "options": dict(options),
        "size": stat.st_size,
        "modified": stat.st_mtime_ns,
    }
    note = Note(_beside(source, "covey-import"))
    known = note.read(request)
    job_id, waiting = _known(client, known), True
    if job_id:
        waiting = look(client, job_id)["status"] == "waiting"
    else:
        path = f"/records/{quote(collection, safe='')}/import"
        started = client.call("POST", path, dict(options))
        job_id, known = started["job"]["id"], {"upload": started["upload"]}
        note.write(request, job=job_id, **known)
    with bars() as progress:
        if waiting:
            upload(known["upload"], source, progress, "uploading")
        job = follow(client, job_id, progress, "importing")
        if report := job["result"].get("report"):
            whole = _beside(source, "report.jsonl", hidden=False)
            download(
                lambda: str(look(client, job_id)["result"]["report"]["url"]),
                whole,
                report["size"],
                progress,
                "report",
            )
    note.forget()
    return job


def _known(client: Client, kept: Mapping[str, Any]) -> str:
    """The job of a note, if it is there and did not fail; else nothing."""
    job_id = str(kept.get("job", ""))
    if not job_id:
        return ""
    try:
        job = look(client, job_id)
    except ProblemError as problem:
        if problem.status == 404:
            return ""
        raise
    gone = "file" in job["result"] and "url" not in job["result"]["file"]
    return "" if job["status"] in ("failed", "cancelled") or gone else job_id


def _link(client: Client, job_id: str) -> str:
    file = look(client, job_id)["result"]["file"]
    if "url" not in file:
        raise ProblemError("The file was made more than 7 days ago and is gone; start again.")
    return str(file["url"])


def _beside(path: Path, kind: str, *, hidden: bool = True) -> Path:
    return path.with_name(f"{'.' if hidden else ''}{path.name}.{kind}")
