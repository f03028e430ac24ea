"""Collections: what a team declares.

    model.py            a collection, immutable
    document.py         the document ↔ the collection ↔ what the catalog keeps
    field_document.py rule_document.py index_document.py later_document.py   its parts
    reader.py faults.py naming.py keys.py   what those share
    users.py            the collection that always exists
    scope.py            what rules and filters read
    rule_checking.py    rules among the collections that they read
    changes.py          what differs between two versions
    apply.py            a change planned, shown, applied
    builds.py           parts that records from before them lack
    shards_document.py sharding.py  over how many shards new records spread
    references.py       who refers to whom
    conversion.py       changes of types that the records have a say in
    removal.py          a collection that ends
    estimate.py         what a build costs
    catalog.py          all collections, cached
    yaml_files.py       a folder of YAML files, faults by line
    schema.py schema_file.py   the published JSON Schema

The format is described in docs/guide/collections.md.
"""

from covey.collections.catalog import Catalog, CatalogStore
from covey.collections.document import dump, load, load_all, restore, state
from covey.collections.schema import json_schema
from covey.collections.scope import RecordScope, RecordView, types

__all__ = [
    "Catalog",
    "CatalogStore",
    "RecordScope",
    "RecordView",
    "dump",
    "json_schema",
    "load",
    "load_all",
    "restore",
    "state",
    "types",
]
