"""The OpenAPI document of this deployment."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from covey.collections.model import Collection
from covey.identity.principal import Principal
from functions.docs import collections

STATIC = Path(__file__).with_name("openapi.json")


@cache
def static() -> dict[str, Any]:
    """What no data decides: the routes of all functions."""
    document: dict[str, Any] = json.loads(STATIC.read_text(encoding="utf-8"))
    return document


def document(principal: Principal, known: Iterable[Collection], server: str) -> dict[str, Any]:
    """The document as this caller may see it, with the collections they may know of.

    A collection whose every rule is absent is the administrators' secret, and so is a field
    with a read rule: others do not learn their names here.
    """
    base = static()
    paths, schemas = dict(base["paths"]), dict(base["components"]["schemas"])
    for collection in known:
        if collections.is_known_to(principal, collection):
            schemas |= collections.schemas(principal, collection)
            paths |= collections.paths(collection, base["paths"])
    return {
        **base,
        "servers": [{"url": server}],
        "paths": paths,
        "components": {**base["components"], "schemas": schemas},
    }
