"""Shares as marks hold them: groups and values by the keys of their items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from covey.aggregates.ports import Held, Mark
from covey.aggregates.shares import Scalar, Share, Shares
from covey.store import codec, encoding
from covey.store.codec import AttributeValue, Item

# A group's key is the order of its values, in hexadecimal, as far as it is short: a mark repeats
# it for each aggregate. What is longer ends in a digest, and is in order up to there.
GROUP_BYTES = 120
_CUT = 100


def group_key(values: Sequence[Scalar]) -> str:
    """The sort key of a group, "." for the one group of an aggregate without any."""
    raw = encoding.encode_tuple(values, (False,) * len(values))
    if len(raw) <= GROUP_BYTES:
        return raw.hex() or "."
    return f"{raw[:_CUT].hex()}~{blake2b(raw, digest_size=16).hexdigest()}"


def group_prefix(values: Sequence[Scalar]) -> str:
    """What the keys of all groups with these first values begin with."""
    return encoding.encode_tuple(values, (False,) * len(values))[:_CUT].hex()


def extreme_key(key: str, value: Scalar, record_id: str) -> str:
    """Where a record's value stands among those of its group; `key` is the field's."""
    return f"{key}.{encoding.encode(value).hex()}.{record_id}"


def held_of(record_id: str, shares: Shares) -> dict[int, Held]:
    """What a mark holds of these shares."""
    return {number: _held(record_id, share) for number, share in shares.items()}


def _held(record_id: str, share: Share) -> Held:
    extremes = {k: extreme_key(k, value, record_id) for k, value in share.extremes.items()}
    return Held(group_key(share.group), dict(share.numbers), extremes)


def encoded_mark(
    mark: Mark, sequence: str, held: Mapping[int, Held], forgotten: int
) -> dict[str, AttributeValue]:
    """The attributes of the next revision of a mark; one that holds nothing ends by itself."""
    item: dict[str, AttributeValue] = {
        "s": {"S": sequence},
        "r": {"N": str(mark.revision + 1)},
        "c": {"M": {str(number): _encoded(one) for number, one in held.items()}},
    }
    if not held:
        item["x"] = {"N": str(forgotten)}
    return item


def _encoded(held: Held) -> AttributeValue:
    parts: dict[str, Any] = {"g": held.group}
    if held.numbers:
        parts["n"] = held.numbers
    if held.extremes:
        parts["e"] = {key: name.split(".")[1] for key, name in held.extremes.items()}
    return codec.encode(parts)


def decoded_mark(item: Item) -> Mark:
    """The mark of an item."""
    record_id = item["sk"]["S"]
    held: dict[int, Held] = {}
    for number, one in item["c"]["M"].items():
        parts = codec.decode(one)
        extremes = {k: f"{k}.{value}.{record_id}" for k, value in parts.get("e", {}).items()}
        held[int(number)] = Held(parts["g"], parts.get("n", {}), extremes)
    return Mark(record_id, item["s"]["S"], int(item["r"]["N"]), held)
