"""The requests that are measured: each operation as the bytes of its n-th request."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from bench.load import MakeRequest, request
from bench.seeds import GROUPS, rows

WORDS: Mapping[str, str] = {
    "no-op": "`GET /.well-known/jwks.json`: front, worker and HTTP layer, no read of a record",
    "get": "`GET /records/items/{id}` of a random id, with an access token",
    "list": "`GET /records/items?filter=group == …&sort=-rank&limit=20`, of a random group",
    "create": "`POST /records/items`, a record of 0.3 KB in one index",
}


def operations(token: str, ids: Sequence[str], first_new: int) -> dict[str, MakeRequest]:
    """Name → requests. New records are numbered from `first_new` on."""
    noop = request("GET", "/.well-known/jwks.json")
    gets = [request("GET", f"/records/items/{one}", token=token) for one in ids]
    lists = [
        request("GET", f"/records/items?filter={_in(group)}&sort=-rank&limit=20", token=token)
        for group in range(GROUPS)
    ]
    chance = random.Random(1)

    def create(number: int) -> bytes:
        (row,) = rows(first_new + number, first_new + number + 1)
        body = dict(zip(("group", "rank", "name", "text"), row, strict=True))
        return request("POST", "/records/items", token=token, body=json.dumps(body).encode())

    return {
        "no-op": lambda _number: noop,
        "get": lambda _number: chance.choice(gets),
        "list": lambda _number: chance.choice(lists),
        "create": create,
    }


def _in(group: int) -> str:
    return quote(f'group == "g{group:03d}"')
