"""What every field type is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from covey.expressions import Type
from covey.fields.option import Option

if TYPE_CHECKING:  # collections are made of fields: at run time they import this package
    from covey.collections.model import Field

NOTHING: Mapping[str, Option] = {}


class FieldType(ABC):
    """One kind of value: its options, its check, its place in rules and in the JSON Schema.

    `keeps` names other types whose stored values are also values of this one, so that a field
    may change from them without losing data. `computed` are the words that a default may be, where
    the type takes `defaults`.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    expression_type: ClassVar[Type]
    options: ClassVar[Mapping[str, Option]] = NOTHING
    keeps: ClassVar[frozenset[str]] = frozenset()
    computed: ClassVar[frozenset[str]] = frozenset()
    scalar: ClassVar[bool] = True
    defaults: ClassVar[bool] = True

    @abstractmethod
    def validate(self, value: Any, field: Field) -> Any:
        """The canonical form of one value that is not None, or FieldFault.

        Canonical values are their own canonical form.
        """

    @abstractmethod
    def json_schema(self, field: Field) -> dict[str, Any]:
        """The JSON Schema of one value, for OpenAPI."""

    def check_options(self, options: Mapping[str, Any]) -> None:  # noqa: B027 - most need none
        """Raise OptionFault where options that are each right do not fit together."""
