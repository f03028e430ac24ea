"""Which tables an import takes."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, field

from infra.cli.sql.faults import SqlFaultError
from infra.cli.sql.reflecting import Table

# What Django keeps for itself, and means nothing without it.
DJANGO = {
    "django_migrations": "Django's own record of its migrations",
    "django_session": "sessions of Django, which end with it",
    "django_content_type": "Django's list of its models",
    "django_admin_log": "the log of Django's admin",
    "auth_permission": "Django's permissions, which rules replace",
    "auth_group_permissions": "Django's permissions, which rules replace",
    "auth_user_user_permissions": "Django's permissions, which rules replace",
}
METADATA = "covey_collections"  # what `covey export-sql` leaves beside its tables
_OTHERS = {
    METADATA: "what covey export-sql says of its tables",
    "alembic_version": "Alembic's own",
    "sqlite_sequence": "SQLite's own",
    "spatial_ref_sys": "PostGIS's own",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """Which tables: patterns as of shells; and the collections of some, by table."""

    only: Sequence[str] = ()
    skip: Sequence[str] = ()
    names: dict[str, str] = field(default_factory=dict)


def chosen(tables: Sequence[Table], choice: Choice) -> tuple[list[Table], list[str]]:
    """The tables to take, and what to say of those left out.

    A table that `only` names in full is taken whatever it is. Raises SqlFaultError for patterns
    and names that no table has.
    """
    names = [table.name for table in tables]
    for pattern in (*choice.only, *choice.skip, *choice.names):
        if not fnmatch.filter(names, pattern):
            raise SqlFaultError(f"There is no table {pattern}; there are {', '.join(names)}.")
    taken, left = [], []
    for table in tables:
        reason = _reason(table.name, choice)
        if reason:
            left.append(f"{table.name}: {reason}")
        else:
            taken.append(table)
    return taken, left


def _reason(name: str, choice: Choice) -> str:
    if _matches(name, choice.skip):
        return "--skip"
    if choice.only and not _matches(name, choice.only):
        return "not in --only"
    own = {**DJANGO, **_OTHERS}.get(name, "")
    return "" if name in choice.only else own


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
