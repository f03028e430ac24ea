"""geo: a place on the earth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from covey.expressions import Type
from covey.fields.bounds import check_bounds
from covey.fields.fault import FieldFault, wrong_type
from covey.fields.field_type import FieldType
from covey.fields.numeric import canonical_number

if TYPE_CHECKING:
    from covey.collections.model import Field

LIMITS = {"lat": 90, "lon": 180}  # degrees either way, WGS 84


class GeoType(FieldType):
    """A place by its degrees: ``{"lat": 48.137, "lon": 11.575}``, kept as exact decimals."""

    name = "geo"
    summary = "A place on the earth in degrees (WGS 84): `{lat: 48.137, lon: 11.575}`."
    expression_type = Type.MAP
    scalar = False

    def validate(self, value: Any, field: Field) -> dict[str, Any]:
        """Both degrees as canonical numbers, `lat` first."""
        if not isinstance(value, Mapping):
            raise wrong_type("a place, such as {lat: 48.137, lon: 11.575}")
        for name in value:
            if name not in LIMITS:
                raise FieldFault("invalid_name", "must have lat and lon and nothing else")
        return {name: _degrees(value.get(name), name) for name in LIMITS}

    def json_schema(self, field: Field) -> dict[str, Any]:
        """An object of two bounded numbers."""
        return {
            "type": "object",
            "required": list(LIMITS),
            "additionalProperties": False,
            "properties": {
                name: {"type": "number", "minimum": -limit, "maximum": limit}
                for name, limit in LIMITS.items()
            },
        }


def _degrees(value: Any, name: str) -> Any:
    if value is None:
        raise FieldFault("required", "must have a value", (name,))
    try:
        degrees = canonical_number(value)
        check_bounds(degrees, {"min": -LIMITS[name], "max": LIMITS[name]})
    except FieldFault as fault:
        raise fault.within(name) from None
    return degrees
