"""CloudFormation's YAML and functions (``!Ref``, ``!Sub``, ``!If``, …) → plain values."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import yaml

_SUBSTITUTION = re.compile(r"\$\{(!?)([^}]*)\}")
NO_VALUE = object()


class TemplateError(ValueError):
    """A template that cannot be run here; the message says where and why."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML with CloudFormation's short forms as their long ones."""


def _tag(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


def _text_date(loader: Any, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_Loader.add_multi_constructor("!", _tag)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text_date)  # 2010-09-09 stays text


def read(path: Path) -> dict[str, Any]:
    """The template as mappings, lists and scalars; short forms become ``{"Fn::Sub": …}``."""
    try:
        # A subclass of the safe loader: it builds no objects.
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506
    except yaml.YAMLError as error:
        raise TemplateError(f"{path.name}: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise TemplateError(f"{path.name}: has no Resources")
    return document


class Resolver:
    """Turns nodes of a template into values.

    ``reference`` answers what ``!Ref`` of a resource is, ``attribute`` what ``!GetAtt`` is;
    ``variables`` holds parameters and pseudo parameters.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        variables: Mapping[str, Any],
        reference: Callable[[str], str],
        attribute: Callable[[str, str], str],
    ) -> None:
        self._conditions = document.get("Conditions") or {}
        self._mappings = document.get("Mappings") or {}
        self._variables = variables
        self._reference = reference
        self._attribute = attribute

    def resolve(self, node: Any) -> Any:
        """The value of a node; members that are ``AWS::NoValue`` are left out."""
        if isinstance(node, list):
            return [value for item in node if (value := self.resolve(item)) is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (name, argument), *_ = node.items()
            if name == "Ref":
                return self._ref(argument)
            if name == "Condition" and isinstance(argument, str):
                return self.condition(argument)
            if isinstance(name, str) and name.startswith("Fn::"):
                return self._call(name[4:], argument)
        return {
            key: value
            for key, item in node.items()
            if (value := self.resolve(item)) is not NO_VALUE
        }

    def condition(self, name: str) -> bool:
        """Whether the condition of this name holds."""
        if name not in self._conditions:
            raise TemplateError(f"Conditions has no {name}")
        return bool(self.resolve(self._conditions[name]))

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self._variables:
            return self._variables[name]
        return self._reference(name)

    def _call(self, function: str, argument: Any) -> Any:
        if function == "If":  # only the branch that is taken: the other may not resolve
            name, then, otherwise = argument
            return self.resolve(then if self.condition(name) else otherwise)
        if function == "Sub":
            return self._substitute(argument)
        handler = _FUNCTIONS.get(function)
        if function == "GetAtt":
            resource, attribute = argument
            return self._attribute(resource, attribute)
        if function == "FindInMap":
            first, second, third = self.resolve(argument)
            return self.resolve(self._mappings[first][second][third])
        if handler is None:
            raise TemplateError(f"Fn::{function} is not known to the gateway")
        return handler(self.resolve(argument))

    def _substitute(self, argument: Any) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])

        def value(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return "${" + name + "}"
            if name in own:
                return str(self.resolve(own[name]))
            if name in self._variables or "." not in name:
                return str(self._ref(name))
            resource, attribute = name.split(".", 1)
            return self._attribute(resource, attribute)

        return _SUBSTITUTION.sub(value, cast("str", text))


_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "Join": lambda a: str(a[0]).join(str(item) for item in a[1]),
    "Select": lambda a: a[1][int(a[0])],
    "Split": lambda a: str(a[1]).split(str(a[0])),
    "Equals": lambda a: str(a[0]) == str(a[1]),
    "Not": lambda a: not a[0],
    "And": all,
    "Or": any,
    "Base64": lambda a: base64.b64encode(str(a).encode()).decode(),
}
