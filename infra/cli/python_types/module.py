"""Collections as a module of TypedDicts, with a `records` that knows them.

Of each collection three: the record as it is read (a field that may be missing or hidden need not
be there), the values it is created or replaced with, and a patch. The text depends on the
collections alone, so that a repository shows what a change of them means to code.
"""

from __future__ import annotations

import itertools
import keyword
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from covey.collections.model import Collection, Field
from infra.cli.python_types import hints

_WIDTH = 100
_HEAD = '''"""The collections of this project as types, written by `covey types`."""
# ruff: noqa: E501

import datetime as _dt
import decimal as _decimal
import typing as _t

from covey import data as _data
'''
_UNCHANGED = ("news", "series", "species", "status", "data", "media")
_ENDINGS = (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"))
_HIDING = frozenset({"bool", "dict", "float", "int", "list", "str"})  # by a field of that name
_SYSTEM = {"id": "str", "created": "str", "updated": "str", "version": "int"}


def module(collections: Iterable[Collection]) -> str:
    """The text of a module for these collections."""
    ordered = sorted(collections, key=lambda one: one.name)
    names = _names(ordered)
    parts = [_HEAD]
    for one in ordered:
        parts += [form.text() for form in _forms(one, names[one.name])]
    parts.append(_records(names))
    return "\n\n".join(parts)


@dataclass(frozen=True, slots=True)
class _Form:
    """One TypedDict: its fields with their types, and what each is."""

    name: str
    doc: str
    fields: Mapping[str, str]
    docs: Mapping[str, str]

    def text(self) -> str:
        """The class; in the form of a call where a name could not stand in a class."""
        if any(keyword.iskeyword(name) or name in _HIDING for name in self.fields):
            return self._call()
        lines = [f"class {self.name}(_t.TypedDict):", *_docstring(self.doc)]
        lines += [""] if self.fields else []
        for name, type in self.fields.items():
            lines += _wrapped(f"    {name}: ", type, "")
            lines += _docstring(self.docs[name]) if name in self.docs else []
        return "\n".join(lines) + "\n"

    def _call(self) -> str:
        lines = [f"# {line}" for line in textwrap.wrap(_plain(self.doc), _WIDTH - 2)]
        lines += [f"{self.name} = _t.TypedDict(", f'    "{self.name}",', "    {"]
        for name, type in self.fields.items():
            wide = textwrap.wrap(_plain(self.docs.get(name, "")), _WIDTH - 10)
            lines += [f"        # {line}" for line in wide]
            lines += _wrapped(f'        "{name}": ', type, ",")
        return "\n".join([*lines, "    },", ")"]) + "\n"


def _forms(collection: Collection, name: str) -> list[_Form]:
    fields = collection.fields.values()
    docs = {one.name: one.description for one in fields if one.description}
    about = f"{collection.description}\n" if collection.description else ""
    own = {"id": _maybe("str")} if collection.ids == "custom" else {}
    return [
        _Form(
            name,
            f"{about}A record of `{collection.name}`.",
            {
                **_SYSTEM,
                **{one.name: _read(one) for one in fields},
                "expand": _maybe("dict[str, _t.Any]"),
            },
            docs,
        ),
        _Form(
            f"{name}Values",
            f"The values of a new record of `{collection.name}`.",
            {**own, **{one.name: _given(one) for one in fields}},
            {},
        ),
        _Form(
            f"{name}Patch",
            f"What changes in a record of `{collection.name}`.",
            {one.name: _maybe(hints.patched(one)) for one in fields},
            {},
        ),
    ]


def _read(field: Field) -> str:
    type = hints.read(field)
    return type if field.required and field.read is None else _maybe(type)


def _given(field: Field) -> str:
    type = hints.given(field)
    return type if field.required and field.default is None else _maybe(type)


def _maybe(type: str) -> str:
    return f"_t.NotRequired[{type}]"


def _records(names: Mapping[str, str]) -> str:
    doc = '    """The records of a collection, typed; who reads or writes them is said next."""'
    overloads = [
        f'@_t.overload\ndef records(\n    collection: _t.Literal["{collection}"],\n) -> '
        f"_data.Collection[{name}, {name}Values, {name}Patch]: ..."
        for collection, name in names.items()
    ]
    made = f"def records(collection: str) -> _t.Any:\n{doc}\n    return _data.records(collection)\n"
    return "\n".join([*overloads, made])


# ---- names


def _names(collections: Iterable[Collection]) -> dict[str, str]:
    """Collection → the name of its record; its other forms have endings, and none clash."""
    taken: set[str] = set()
    names: dict[str, str] = {}
    for one in collections:
        whole = _camel(one.name)
        numbered = (f"{whole}{number}" for number in itertools.count(2))
        for name in itertools.chain((_camel(_singular(one.name)), whole), numbered):
            forms = {name, f"{name}Values", f"{name}Patch"}
            if not forms & taken and not keyword.iskeyword(name):
                taken |= forms
                names[one.name] = name
                break
    return names


def _singular(name: str) -> str:
    """One of many, for the usual English plurals; else the name itself."""
    head, cut, last = name.rpartition("_")
    if last in _UNCHANGED or last.endswith(("ss", "us", "is")):
        return name
    for ending, single in _ENDINGS:
        if last.endswith(ending) and len(last) > len(ending) + 1:
            return head + cut + last.removesuffix(ending) + single
    return head + cut + (last.removesuffix("s") or last)


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


# ---- lines


def _plain(text: str) -> str:
    """A description as one line that is safe in a comment and in a docstring."""
    line = " ".join(text.split())
    return "".join(one for one in line if one.isprintable())


def _docstring(text: str) -> list[str]:
    paragraphs = [_plain(one).replace("\\", "\\\\").replace('"', '\\"') for one in text.split("\n")]
    whole = [one for one in paragraphs if one]
    lines = ["", *(line for one in whole for line in textwrap.wrap(one, _WIDTH - 14))]
    lines = lines[1:]
    if len(lines) == 1:
        return [f'    """{lines[0]}"""']
    return [f'    """{lines[0]}', *(f"    {line}" for line in lines[1:]), '    """']


def _wrapped(head: str, type: str, tail: str) -> list[str]:
    """One line, or the type's texts each on a line of its own where that is too long."""
    line = head + type + tail
    if len(line) <= _WIDTH or '", "' not in type:
        return [line]
    indent = " " * (len(head) - len(head.lstrip()) + 4)
    return line.replace('", "', f'",\n{indent}"').split("\n")
