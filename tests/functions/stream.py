"""What the table's stream would tell of the functions' writes: images before and after."""

from __future__ import annotations

from typing import Any

import pytest

from covey.wiring import services

NAMES = ("pk", "sk")


class Stream:
    """The changes since they were last taken, as stream records."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self._call = services().transport.call
        self._told = 0

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        """Look at each write from now on."""
        patch.setattr(services().transport, "call", self._watched)

    def take(self) -> list[dict[str, Any]]:
        """What happened, as the trigger's function is given it."""
        taken, self.records = self.records, []
        return taken

    def _watched(self, operation: str, request: Any) -> Any:
        keys = _written(operation, request)
        before = [self._image(key) for key in keys]
        answer = self._call(operation, request)
        for key, old in zip(keys, before, strict=True):
            self._note(key, old, self._image(key))
        return answer

    def _image(self, key: dict[str, Any]) -> Any:
        wanted = {"TableName": services().settings.table_name, "Key": key, "ConsistentRead": True}
        return self._call("GetItem", wanted).get("Item")

    def _note(self, key: dict[str, Any], old: Any, new: Any) -> None:
        if old == new:
            return
        self._told += 1
        data = {"Keys": key, "SequenceNumber": str(self._told)}
        data |= {"ApproximateCreationDateTime": 1.9e9 + self._told}
        images = {"OldImage": old, "NewImage": new}
        data |= {name: image for name, image in images.items() if image is not None}
        kind = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
        self.records.append({"eventName": kind, "dynamodb": data})


def _written(operation: str, request: Any) -> list[dict[str, Any]]:
    if operation in ("PutItem", "UpdateItem", "DeleteItem"):
        one = request.get("Key") or request["Item"]
        return [{name: one[name] for name in NAMES}]
    if operation != "TransactWriteItems":
        return []
    parts = [part for item in request["TransactItems"] for part in item.values()]
    every = [part.get("Key") or part["Item"] for part in parts]
    return [{name: one[name] for name in NAMES} for one in every]
