"""The collections of a folder → the catalog: what differs, in words, and then applied.

Beside the folder lies another, ``schedules``: what is declared there is pushed with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from infra.cli import channels_push


@dataclass(frozen=True, slots=True)
class Pushed:
    """What was, or would be, done.

    ``refused`` names changes that were not made, and why; ``queueless`` those of them that only
    want a queue of jobs. ``costs`` says, of a dry run, what the builds would cost where records
    have been counted. ``builds`` says which parts of any collection are not ready.
    """

    changes: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    queueless: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    builds: list[str] = field(default_factory=list)
    costs: list[str] = field(default_factory=list)


def push(
    folder: Path, *, dry_run: bool = False, confirmed: bool = False, jobs: bool = True
) -> Pushed:
    """Make the catalog say what the files of ``folder`` say.

    A collection with no file stays: its records would be lost; a schedule with none is removed.
    Nothing is done where any file has a fault. Changes that lose data are done
    only when ``confirmed``; those that a job must bring to the records want its queue, which
    ``jobs`` False leaves alone. A collection whose change is refused is left as it is.
    """
    from covey.collections.apply import apply, planned
    from covey.collections.estimate import estimate
    from covey.collections.yaml_files import FilesInvalid, load_folder
    from covey.errors import Conflict
    from covey.records.emptiness import is_empty
    from covey.schedules import yaml_files as schedules
    from covey.schedules.model import Source
    from covey.wiring import services

    catalog = services().catalog
    catalog.refresh()
    before = {collection.name: collection for collection in catalog.all()}
    try:
        wanted = load_folder(folder, before)
        rooms = channels_push.read(folder, wanted)
        planned_runs = schedules.load_folder(
            folder.absolute().parent / schedules.FOLDER, lambda: services().task_registry
        )
    except FilesInvalid as invalid:
        return Pushed(faults=str(invalid).splitlines())
    pushed = Pushed()
    for name, collection in sorted(wanted.items()):
        plan = planned(before.get(name), collection)
        if not dry_run:
            try:
                apply(
                    catalog,
                    plan,
                    is_empty=partial(is_empty, services().record_store),
                    builder=services().backfills if jobs else None,
                    confirmed=confirmed,
                )
            except Conflict as conflict:
                kind = "queueless" if conflict.code == "backfill_required" else "refused"
                getattr(pushed, kind).append(f"{name}: {conflict.detail}")
                continue
        pushed.changes.extend(str(change) for change in plan.changes)
        if dry_run and plan.changes:
            rate = services().settings.backfill_rate
            cost = estimate(plan.before, plan.after, services().last_counts(name), rate)
            pushed.costs.extend([f"{name}, {cost}"] if cost else [])
    pushed.changes.extend(services().schedules.sync(Source.FILE, planned_runs, dry_run=dry_run))
    pushed.changes.extend(channels_push.push(rooms, dry_run=dry_run))
    pushed.builds.extend(unready())
    return pushed


def unready() -> list[str]:
    """What is being built, or failed to be, with the job that knows how far it is."""
    from covey.collections.builds import described
    from covey.wiring import services

    words = {"building": "is being built", "failed": "could not be built"}
    catalog = services().catalog
    catalog.refresh()
    return [
        f"{collection.name}: {one['part']} {words[one['state']]} (job {one['job']})"
        for collection in catalog.all()
        for one in described(collection)
    ]
