"""What the documentation says of files."""

from __future__ import annotations

from typing import Any

from covey.fields.file import DEFAULT_SIZE
from covey.http import Parameter

_TIME = {"type": "string", "format": "date-time"}
_MAYBE = {"type": ["string", "null"]}

THUMB = Parameter("thumb", "The size of a thumbnail that its field declares, such as `200x200`.")
DOWNLOAD = Parameter(
    "download", "`true`: to be saved, also what could be shown.", {"type": "boolean"}
)
IF_NONE_MATCH = Parameter("If-None-Match", "304 when the file is the one of this tag.")

FILE: dict[str, Any] = {
    "type": "object",
    "required": ["id", "state", "collection", "field", "record", "name", "type", "size", "url"],
    "properties": {
        "id": {"type": "string"},
        "state": {"enum": ["reserved", "uploaded", "ready", "refused"]},
        "reason": {"type": "string", "description": "Why it was refused."},
        "collection": {"type": "string"},
        "field": _MAYBE,
        "record": {**_MAYBE, "description": "The record that holds it; null until one does."},
        "name": {"type": "string", "description": "Cleaned of paths and control characters."},
        "type": {"type": "string"},
        "size": {"type": "integer", "description": "Of a picture, once it was written anew."},
        "created": _TIME,
        "url": {**_MAYBE, "description": "Null until it is ready."},
        "sha256": {"type": "string"},
        "width": {"type": "integer"},
        "height": {"type": "integer"},
        "thumbs": {"type": "array", "items": {"type": "string"}},
    },
}
RESERVE: dict[str, Any] = {
    "type": "object",
    "required": ["collection", "field", "name", "type", "size"],
    "additionalProperties": False,
    "properties": {
        "collection": {"type": "string"},
        "field": {"type": "string", "description": "A field of type `file`."},
        "record": {**_MAYBE, "description": "The record that is to hold it, if it is there."},
        "name": {"type": "string", "maxLength": 1024},
        "type": {"type": "string", "description": "Its media type; the content must agree."},
        "size": {
            "type": "integer",
            "minimum": 1,
            "description": f"Its bytes, exactly; {DEFAULT_SIZE} at most unless the field says so.",
        },
        "parts": {"type": "boolean", "description": "Send it in parts; over 100 MB always."},
    },
}
UPLOAD: dict[str, Any] = {
    "type": "object",
    "description": "A form to post with the file as its last field `file`; or parts to send.",
    "required": ["expires"],
    "properties": {
        "method": {"const": "POST"},
        "url": {"type": "string", "format": "uri"},
        "fields": {"type": "object", "additionalProperties": {"type": "string"}},
        "parts": {
            "type": "object",
            "properties": {"part_size": {"type": "integer"}, "count": {"type": "integer"}},
        },
        "expires": _TIME,
    },
}
RESERVED: dict[str, Any] = {
    "type": "object",
    "required": ["file", "upload"],
    "properties": {
        "file": {"$ref": "#/components/schemas/File"},
        "upload": {"$ref": "#/components/schemas/FileUpload"},
    },
}
ASKED_PARTS: dict[str, Any] = {
    "type": "object",
    "required": ["numbers"],
    "additionalProperties": False,
    "properties": {
        "numbers": {
            "type": "array",
            "items": {"type": "integer", "minimum": 1},
            "minItems": 1,
            "maxItems": 100,
        }
    },
}
PARTS: dict[str, Any] = {
    "type": "object",
    "required": ["parts"],
    "properties": {
        "parts": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["number", "size", "method", "url"],
                "properties": {
                    "number": {"type": "integer"},
                    "size": {"type": "integer", "description": "The bytes of this part, exactly."},
                    "method": {"type": "string"},
                    "url": {"type": "string", "format": "uri"},
                    "headers": {"type": "object", "additionalProperties": {"type": "string"}},
                },
            },
        }
    },
}
RECEIVED: dict[str, Any] = {
    "type": "object",
    "required": ["part_size", "count", "size", "received"],
    "properties": {
        "part_size": {"type": "integer"},
        "count": {"type": "integer"},
        "size": {"type": "integer"},
        "received": {"type": "array", "items": {"type": "integer"}},
        "expires": _TIME,
    },
}
ASKED_LINK: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "expires_in": {"type": "integer", "minimum": 1, "maximum": 3600, "default": 300},
        "thumb": {"type": ["string", "null"]},
        "download": {"type": "boolean", "default": False},
    },
}
LINK: dict[str, Any] = {
    "type": "object",
    "required": ["url", "expires"],
    "properties": {"url": {"type": "string", "format": "uri"}, "expires": _TIME},
}
SCHEMAS = {
    "File": FILE,
    "FileReserve": RESERVE,
    "FileUpload": UPLOAD,
    "FileReserved": RESERVED,
    "FilePartNumbers": ASKED_PARTS,
    "FileParts": PARTS,
    "FileReceived": RECEIVED,
    "FileLinkOptions": ASKED_LINK,
    "FileLink": LINK,
}
