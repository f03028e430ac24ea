"""The backup job: the catalog, every record of every collection, and what remains, in one file.

Records are walked in the order of their keys, consistently, with the collections as they were
when it began. Each is whole; what is written meanwhile may be in the file as it was or as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from covey import json
from covey.backups.blocks import FORMAT, FULL, MEDIA_TYPE, VERSION, Place, seal
from covey.backups.ports import Credentials, Remains
from covey.collections import document, users
from covey.collections.catalog import Catalog
from covey.collections.model import Collection
from covey.files.blobs import Blobs
from covey.files.growing import Growing
from covey.jobs.model import Job, Status
from covey.jobs.results import kept_file
from covey.jobs.runner import Save
from covey.records.model import Record
from covey.records.rebuilding import Rebuilder
from covey.records.time import now_ms, rfc3339
from covey.version import VERSION as COVEY

KIND = "backup"
WALK = 500
SAVE_MS = 3_000


def blob_key(job_id: str) -> str:
    """Where the file of a job lies."""
    return f"backups/{job_id}"


class BackingUp:
    """The work of kind ``backup``."""

    def __init__(
        self,
        blobs: Blobs,
        catalog: Catalog,
        walker: Rebuilder,
        credentials: Credentials,
        remains: Remains,
        *,
        now: Callable[[], int] = now_ms,
    ) -> None:
        self._blobs = blobs
        self._catalog = catalog
        self._walker = walker
        self._credentials = credentials
        self._remains = remains
        self._now = now

    def __call__(self, job: Job, save: Save, time_left: Callable[[], bool]) -> Job:
        """Write blocks until all is written or the time ends."""
        if not job.position:
            job = save(self._begun(job))
        collections = [document.restore(state) for state in self._states(job)]
        file = _File(self._blobs, job)
        job = self._written(job, save, time_left, file, collections)
        if job.position["place"] is not None:
            return job
        blob = file.growing.finish()
        name = f"covey-{rfc3339(job.created)[:19].replace(':', '')}.backup.gz"
        result = {
            "records": dict(job.position["counts"]),
            "sha256": job.position["digest"],
            "file": kept_file(blob, name),
        }
        job = save(replace(job, status=Status.DONE, total=job.done, result=result))
        file.growing.clear()
        self._blobs.delete(_catalog_key(job))
        return job

    def _begun(self, job: Job) -> Job:
        """What is kept of the catalog: as it is now, whatever becomes of it."""
        self._catalog.refresh()
        states = [document.state(one) for one in self._catalog.all()]
        text = json.encode(states).encode()
        self._blobs.put(_catalog_key(job), text, content_type="application/json")
        position = {"collection": 0, "place": "", "counts": {}, "offset": 0}
        return replace(job, position=position)

    def _states(self, job: Job) -> list[Any]:
        data = self._blobs.get(_catalog_key(job))
        states: list[Any] = json.decode(data, len(data))
        return states

    def _written(
        self,
        job: Job,
        save: Save,
        time_left: Callable[[], bool],
        file: _File,
        collections: Sequence[Collection],
    ) -> Job:
        position, done = {"counts": {}, "remains": 0, **job.position}, job.done
        if not file.place.block:
            states = [{"collection": document.state(one)} for one in collections]
            made = {FORMAT: VERSION, "made": rfc3339(job.created), "covey": COVEY}
            file.close([made, *states])
            position["counts"] = {one.name: 0 for one in collections}
        saved = self._now()
        while position["place"] is not None:
            if position["collection"] == len(collections):
                position |= self._remaining(file, position)
            else:
                collection = collections[position["collection"]]
                walk = self._walker.walk(collection, position["place"], WALK)
                lines = self._lines(collection, [one.record for one in walk.records])
                file.add({"records": collection.name}, lines)
                counts = position["counts"]
                total = counts[collection.name] + len(lines)
                position |= {"counts": {**counts, collection.name: total}, "place": walk.next}
                done += len(lines)
                if walk.next is None:
                    position |= {"collection": position["collection"] + 1, "place": ""}
                    file.flush()
            if position["place"] is None:
                file.flush()
                end = {"records": position["counts"], "remains": position["remains"]}
                file.close([{"end": end}])
            over = not time_left()
            if over or position["place"] is None or self._now() - saved >= SAVE_MS:
                position |= {**file.saved(), "offset": done}
                job = save(replace(job, done=done, position=position))
                saved = self._now()
            if over:
                break
        return job

    def _remaining(self, file: _File, position: dict[str, Any]) -> dict[str, Any]:
        """The position after some more of what remains."""
        items, place = self._remains.walk(position["place"])
        file.add({"remains": True}, items)
        return {"place": place, "remains": position["remains"] + len(items)}

    def _lines(self, collection: Collection, records: Sequence[Record]) -> list[dict[str, Any]]:
        accounts = {}
        if collection.name == users.NAME:
            accounts = dict(self._credentials.of([one.id for one in records]))
        return [_line(one, accounts.get(one.id)) for one in records]


class _File:
    """The file in the making: the lines of the block that is open, and the blocks before it."""

    def __init__(self, blobs: Blobs, job: Job) -> None:
        position = job.position
        kept = position.get("file", {})
        self.growing = Growing(blobs, blob_key(job.id), MEDIA_TYPE, kept)
        self.place = Place(position.get("block", 0), position.get("digest", ""), self.growing.size)
        self._open: list[dict[str, Any]] = []
        self._size = 0

    def add(self, head: dict[str, Any], lines: Sequence[dict[str, Any]]) -> None:
        """Lines of one kind, which `head` tells; `flush` before those of another."""
        for line in lines:
            if not self._open:
                self._open.append(head)
            self._open.append(line)
            self._size += len(json.encode(line))
            if self._size >= FULL:
                self.flush()

    def flush(self) -> None:
        """Close the open block."""
        if self._open:
            self.close(self._open)
            self._open, self._size = [], 0

    def close(self, lines: Sequence[Any]) -> None:
        """One block of these lines."""
        data, self.place = seal(lines, self.place)
        self.growing.write(data)

    def saved(self) -> dict[str, Any]:
        """What the position says of it."""
        self.flush()
        return {
            "file": self.growing.saved(),
            "block": self.place.block,
            "digest": self.place.digest,
        }


def _line(record: Record, account: Any) -> dict[str, Any]:
    line: dict[str, Any] = {
        "id": record.id,
        "created": record.created,
        "updated": record.updated,
        "version": record.version,
        "values": dict(record.values),
    }
    more = {"by": record.by, "account": account}
    return line | {name: value for name, value in more.items() if value is not None}


def _catalog_key(job: Job) -> str:
    return f"{blob_key(job.id)}.catalog"
