"""Files of the house with a few lines more: every other line stays as it is, comments too.

A YAML writer would lay the whole template out anew. So the places are found by what stands at the
beginning of lines, and what came out of it is read again before anything is written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from infra.cli.new_function.naming import Names, NewFunctionError

_READER = "ChangesApplyFunction"  # the one function that reads the stream for others
_STAGE = "SocketStage"


def with_resources(template: str, resources: str) -> str:
    """The template with resources at the end of its own."""
    outputs = re.search(
        r"^(?!Resources:)\w+:", template[template.index("\nResources:") + 1 :], re.M
    )
    at = len(template)
    if outputs is not None:
        at = template.index("\nResources:") + 1 + outputs.start()
    before = template[:at].rstrip("\n")
    return f"{before}\n\n{resources.rstrip()}\n\n{template[at:]}".rstrip("\n") + "\n"


def with_change_trigger(template: str, names: Names, wanted: Mapping[str, object]) -> str:
    """The template with a line that says which changes call the function, and the right to."""
    queue = f"{names.logical}Queue"
    line = {"function": names.name, "queue": "${" + queue + "}", **wanted}
    text = json.dumps(line, ensure_ascii=False)
    start, end = _resource(template, _READER)
    block = template[start:end]
    declared = re.search(r"^( +)CHANGE_TRIGGERS: !Sub \|.*\n", block, re.M)
    if declared is not None:
        indent = declared[1] + "  "
        block = _insert(block, declared.end(), f"{indent}{text}\n")
    else:
        variables = _found(r"^( +)Variables:\n", block, f"Variables of {_READER}")
        indent = variables[1] + "  "
        said = f"{indent}CHANGE_TRIGGERS: !Sub | # a line for each function that changes call\n"
        block = _insert(block, variables.end(), f"{said}{indent}  {text}\n")
    policies = _found(r"^( +)Policies:\n", block, f"Policies of {_READER}")
    right = f"[{{Effect: Allow, Action: sqs:SendMessage, Resource: !GetAtt {queue}.Arn}}]"
    block = _insert(block, policies.end(), f"{policies[1]}  - Statement: {right}\n")
    return template[:start] + block + template[end:]


def with_socket_route(template: str, names: Names) -> str:
    """The template with the stage waiting for the new route."""
    start, end = _resource(template, _STAGE)
    block = template[start:end]
    waits = _found(r"^ +DependsOn: \[([^\]]*)\]", block, f"DependsOn of {_STAGE}")
    block = f"{block[: waits.end(1)]}, {names.logical}Route{block[waits.end(1) :]}"
    return template[:start] + block + template[end:]


def with_build_rule(rules: str, names: Names) -> str:
    """functions.mk with the function's rule."""
    return f"{rules.rstrip()}\n$(eval $(call function,{names.logical},{names.name}))\n"


def with_independence(project: str, names: Names) -> str:
    """pyproject.toml with the function among those that never import each other."""
    found = _found(
        r'^name = "Functions never import each other"\ntype = .*\nmodules = \[([^\]]*)\]',
        project,
        "the contract that functions never import each other",
    )
    listed = found[1].rstrip().rstrip(",")
    return f'{project[: found.start(1)]}{listed}, "functions.{names.name}"{project[found.end(1) :]}'


def with_routes(app: str, names: Names) -> str:
    """app.py with the function's routes."""
    line = f"from functions.{names.name}.routes import routes as {names.name}\n"
    imports = list(re.finditer(r"^from functions\.\S+ import .*\n", app, re.M))
    if not imports:
        raise NewFunctionError("app.py imports no routes of functions")
    after = [one for one in imports if one[0] < line]
    at = after[-1].end() if after else imports[0].start()
    app = _insert(app, at, line)
    return f"{app.rstrip()}\napp.register_blueprint({names.name}())  # /{names.path}\n"


def _resource(template: str, logical: str) -> tuple[int, int]:
    """Where a resource stands."""
    found = _found(rf"^  {logical}:.*\n(?:(?:    .*| *)\n)*", template, logical)
    return found.start(), found.end()


def _found(pattern: str, text: str, what: str) -> re.Match[str]:
    found = re.search(pattern, text, re.M)
    if found is None:
        raise NewFunctionError(f"{what} is not found, or written in another way than expected")
    return found


def _insert(text: str, at: int, more: str) -> str:
    return text[:at] + more + text[at:]
