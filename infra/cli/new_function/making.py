"""A new function: every file made and every edit done, or none."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.cli.new_function import editing
from infra.cli.new_function.kinds import KINDS, TRIGGERS, Wish, parts_of
from infra.cli.new_function.naming import Names, NewFunctionError, names_of

_COLLECTION = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SCHEDULE = re.compile(r"(cron|rate|at)\([A-Za-z0-9 ,*?/#:LW-]+\)")
_PREFIX = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_./-]*/")
_LAYERS = ("layers/core/python", "layers/team/python", ".")


@dataclass(frozen=True, slots=True)
class Made:
    """What was written, as paths in the house: new files, and edited ones."""

    new: tuple[str, ...]
    edited: tuple[str, ...]
    test: str


def make(house: Path, wish: Wish) -> Made:
    """Make the function; raises NewFunctionError, and then nothing has been."""
    template = (house / "template.yaml").read_text("utf-8")
    resources = _resources(template)
    names = names_of(wish.name, house, resources)
    _check(wish, names, resources)
    parts = parts_of(wish.trigger, _values(wish, names))
    test = f"tests/functions/{names.name}/test_{names.name}.py"
    new = {f"functions/{names.name}/{name}": text for name, text in parts.files.items()}
    new[test] = parts.test
    edited = _edited(house, wish, names, editing.with_resources(template, parts.resources))
    _resources(edited["template.yaml"])
    _write(house, new, edited)
    if wish.trigger == "http":
        _describe(house)
        edited["functions/docs/openapi.json"] = ""
    return Made(tuple(sorted(new)), tuple(sorted(edited)), test)


def _values(wish: Wish, names: Names) -> dict[str, str]:
    return {
        "name": names.name,
        "logical": names.logical,
        "path": names.path,
        "title": names.title,
        "collection": wish.collection,
        "expression": wish.expression,
        "prefix": wish.prefix or f"{names.path}/",
    }


def _edited(house: Path, wish: Wish, names: Names, template: str) -> dict[str, str]:
    if wish.trigger == "change":
        wanted: dict[str, object] = {"collection": wish.collection}
        wanted |= {"kinds": list(wish.kinds)} if wish.kinds else {}
        wanted |= {"when": wish.when} if wish.when else {}
        template = editing.with_change_trigger(template, names, wanted)
    elif wish.trigger == "socket":
        template = editing.with_socket_route(template, names)
    rules, project = house / "infra/build/functions.mk", house / "pyproject.toml"
    edited = {
        "template.yaml": template,
        "infra/build/functions.mk": editing.with_build_rule(rules.read_text("utf-8"), names),
        "pyproject.toml": editing.with_independence(project.read_text("utf-8"), names),
    }
    if wish.trigger == "http":
        edited["app.py"] = editing.with_routes((house / "app.py").read_text("utf-8"), names)
    return edited


def _check(wish: Wish, names: Names, resources: Mapping[str, Any]) -> None:
    if wish.trigger not in TRIGGERS:
        raise NewFunctionError(f"a trigger is one of {', '.join(TRIGGERS)}")
    if not _COLLECTION.fullmatch(wish.collection):
        raise NewFunctionError(f"{wish.collection!r} is no name of a collection")
    if unknown := [kind for kind in wish.kinds if kind not in KINDS]:
        raise NewFunctionError(f"{unknown[0]!r} is no kind of change: {', '.join(KINDS)}")
    if not _SCHEDULE.fullmatch(wish.expression):
        raise NewFunctionError(f"{wish.expression!r} is no schedule: cron(…), rate(…) or at(…)")
    if "${" in wish.when or "\n" in wish.when:
        raise NewFunctionError("`${` and line breaks mean something else in template.yaml")
    if wish.trigger == "change" and wish.when:
        _check_expression(wish.when)
    if wish.trigger == "upload":
        _check_prefix(wish.prefix or f"{names.path}/", resources)


def _check_expression(when: str) -> None:
    from covey.expressions import ExpressionError, parse

    try:
        parse(when)
    except ExpressionError as error:
        raise NewFunctionError(f"--when is no expression: {error}") from error


def _check_prefix(prefix: str, resources: Mapping[str, Any]) -> None:
    """S3 refuses two functions for one object, and names the bucket only."""
    if not _PREFIX.fullmatch(prefix) or ".." in prefix:
        raise NewFunctionError(f"{prefix!r} is no prefix: letters, digits, and / at its end")
    for name, resource in resources.items():
        for event in ((resource.get("Properties") or {}).get("Events") or {}).values():
            if event.get("Type") != "S3":
                continue
            rules = event["Properties"].get("Filter", {}).get("S3Key", {}).get("Rules", [])
            taken = next((rule["Value"] for rule in rules if rule["Name"] == "prefix"), "")
            if prefix.startswith(taken) or taken.startswith(prefix):
                raise NewFunctionError(f"{name} takes what is stored under {taken!r} already")


def _resources(template: str) -> dict[str, Any]:
    """The resources of a template; raises NewFunctionError for one that cannot be read."""
    from infra.gateway.intrinsics import TemplateError, read

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.yaml"
        path.write_text(template, encoding="utf-8")
        try:
            return dict(read(path)["Resources"])
        except TemplateError as error:
            raise NewFunctionError(str(error)) from error


def _write(house: Path, new: Mapping[str, str], edited: Mapping[str, str]) -> None:
    for path, text in {**new, **edited}.items():
        target = house / path
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.new")  # a reload never sees half a file
        beside.write_text(text, encoding="utf-8")
        if target.exists():
            beside.chmod(target.stat().st_mode)
        beside.replace(target)


def _describe(house: Path) -> None:
    """Write the house's OpenAPI document anew."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(_LAYERS)}
    done = subprocess.run(
        [sys.executable, "-m", "infra.build.openapi"],
        cwd=house,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NewFunctionError(f"the function is made, but openapi.json is not:\n{done.stderr}")
