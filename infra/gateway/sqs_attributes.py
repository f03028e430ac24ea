"""Message attributes of SQS: their rules, their checksum, their shape in a function's event."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Mapping
from hashlib import md5
from typing import Any

Attributes = Mapping[str, Mapping[str, Any]]
_NAME = re.compile(r"(?!aws\.|amazon\.|\.)[A-Za-z0-9_.-]{1,256}(?<!\.)", re.IGNORECASE)
_TYPE = re.compile(r"(String|Number|Binary)(\.[^\s]{1,240})?")


class BadAttributeError(ValueError):
    """An attribute that SQS would refuse; the text is for the sender."""


def checked(attributes: Any) -> dict[str, dict[str, str]]:
    """The attributes of a SendMessage, or BadAttributeError; binary values stay base64."""
    if not isinstance(attributes, Mapping):
        raise BadAttributeError("MessageAttributes must be a map.")
    if len(attributes) > 10:
        raise BadAttributeError(f"Number of message attributes [{len(attributes)}] exceeds 10.")
    return {str(name): _checked(str(name), value) for name, value in attributes.items()}


def _checked(name: str, value: Any) -> dict[str, str]:
    if not _NAME.fullmatch(name) or ".." in name:
        raise BadAttributeError(f"The message attribute name '{name}' is invalid.")
    kind = value.get("DataType") if isinstance(value, Mapping) else None
    match = _TYPE.fullmatch(kind) if isinstance(kind, str) else None
    if match is None:
        raise BadAttributeError(f"The type of message attribute '{name}' is invalid.")
    field = "BinaryValue" if match[1] == "Binary" else "StringValue"
    content = value.get(field)
    if not isinstance(content, str) or not content:
        raise BadAttributeError(f"The message attribute '{name}' must contain a non-empty value.")
    if field == "BinaryValue":
        try:
            base64.b64decode(content, validate=True)
        except binascii.Error as error:
            raise BadAttributeError(f"The message attribute '{name}' is not base64.") from error
    return {"DataType": str(kind), field: content}


def size(attributes: Attributes) -> int:
    """What attributes count against the limit of a message, in bytes."""
    return sum(
        len(name.encode()) + sum(len(str(part).encode()) for part in value.values())
        for name, value in attributes.items()
    )


def md5_of_attributes(attributes: Attributes) -> str:
    """SQS's checksum of attributes (AWS, "Calculating the MD5 message digest")."""
    digest = md5(usedforsecurity=False)
    for name in sorted(attributes):
        value = attributes[name]
        digest.update(_sized(name.encode()) + _sized(value["DataType"].encode()))
        if "BinaryValue" in value:
            digest.update(b"\x02" + _sized(base64.b64decode(value["BinaryValue"])))
        else:
            digest.update(b"\x01" + _sized(value["StringValue"].encode()))
    return digest.hexdigest()


def _sized(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def event_attributes(attributes: Attributes) -> dict[str, dict[str, Any]]:
    """The attributes as a function's event holds them."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in attributes.items():
        entry: dict[str, Any] = {
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": value["DataType"],
        }
        if "BinaryValue" in value:
            entry["binaryValue"] = value["BinaryValue"]
        else:
            entry["stringValue"] = value["StringValue"]
        found[name] = entry
    return found
