"""``covey invoke``, ``events`` and ``replay``: one function, and what was called lately."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import click

from infra.gateway.options import HOUSE

_DATA = click.option(
    "--data",
    envvar="DATA",
    type=click.Path(file_okay=False, path_type=Path),
    default=HOUSE / ".covey",
    help="The data folder of `covey run`.  [default: .covey; env: DATA]",
)
_TOKEN = click.option(
    "--token",
    envvar="COVEY_TOKEN",
    default="",
    help="Ask as this caller (HTTP).  [env: COVEY_TOKEN]",
)


def add_to(main: click.Group) -> None:
    """Add the commands."""
    main.add_command(_invoke)
    main.add_command(_events)
    main.add_command(_replay)


@click.command("invoke", short_help="Call one function with an event.")
@click.argument("name")
@click.option("--event", type=click.File(encoding="utf-8"), help="JSON; - reads it from a pipe.")
@click.option("--method", default="", help="Of a made-up request.  [default: GET]")
@click.option("--path", default="", help="Of a made-up request, with its query.")
@_TOKEN
@_DATA
def _invoke(
    name: str, event: TextIO | None, method: str, path: str, token: str, data: Path
) -> None:
    """Call the function NAME, as template.yaml, its folder or its module calls it.

    Through the gateway that runs on the data folder, or one that is started for this. Without an
    event one is made up, as its trigger would send it. Fails when the function does.
    """
    given: Any = None
    if event is not None:
        try:
            given = json.load(event)
        except ValueError as error:
            raise click.ClickException(f"the event is no JSON: {error}") from error
    question = {"function": name, "event": given, "method": method.upper(), "path": path}
    _show(_asked(data, question if not token else _as(data, question, token)))


@click.command("events", short_help="What was called lately, and what came of it.")
@click.argument("id", required=False)
@click.option("--function", default="", help="Only of this function.")
@click.option("--failed", is_flag=True, help="Only what failed, or was answered with a 5xx.")
@click.option("--follow", is_flag=True, help="Go on as they come, until Ctrl-C.")
@click.option("-n", "--last", type=click.IntRange(1), default=20, show_default=True)
@click.option("--event", "only_event", is_flag=True, help="Of ID the event alone, for a file.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each.")
@_DATA
def _events(
    id: str | None,
    function: str,
    failed: bool,
    follow: bool,
    last: int,
    only_event: bool,
    as_json: bool,
    data: Path,
) -> None:
    """List the last invocations of the gateway on this data folder, or show the one of ID whole.

    Secrets were taken out before they were kept. Under load the newest and the failed are kept.
    """
    from infra.cli import invocations

    def wanted(entry: Mapping[str, Any]) -> bool:
        return (not failed or has_failed(entry)) and _is_of(entry, function)

    try:
        if id is not None:
            found = invocations.one(data, id)
            click.echo(
                json.dumps(found["event"] if only_event else found, indent=1, ensure_ascii=False)
            )
            return
    except invocations.InvocationError as error:
        raise click.ClickException(str(error)) from error
    kept = [entry for entry in invocations.entries(data) if wanted(entry)]
    for entry in kept[-last:]:
        click.echo(json.dumps(entry, ensure_ascii=False) if as_json else line_of(entry))
    if not follow:
        if not kept:
            click.echo("Nothing is kept that is so.", err=True)
        return
    try:
        for entry in invocations.follow(data):
            if wanted(entry):
                click.echo(json.dumps(entry, ensure_ascii=False) if as_json else line_of(entry))
    except KeyboardInterrupt:
        sys.exit(130)


@click.command("replay", short_help="Send the event of an earlier call again.")
@click.argument("id")
@_TOKEN
@_DATA
def _replay(id: str, token: str, data: Path) -> None:
    """Call the function of the invocation ID again, with its event as it was kept.

    What authorised it was not kept: without --token a request is a guest's.
    """
    from infra.cli import invocations

    try:
        entry = invocations.one(data, id)
        event = invocations.again(entry, token)
    except invocations.InvocationError as error:
        raise click.ClickException(str(error)) from error
    question = {"function": entry["function"], "event": event, "kind": entry["kind"]}
    _show(_asked(data, {**question, "label": f"replay {entry['label']}"}))


def has_failed(entry: Mapping[str, Any]) -> bool:
    """Whether the function raised or was ended, or answered with a 5xx."""
    status = entry.get("status")
    return "error" in entry or (isinstance(status, int) and status >= 500)


def line_of(entry: Mapping[str, Any]) -> str:
    """An invocation in one line."""
    at = time.strftime("%H:%M:%S", time.localtime(entry.get("at", 0)))
    state = str(entry.get("status") or ("FAIL" if has_failed(entry) else "ok"))
    cost = entry.get("cost") or f"usd={entry.get('compute_usd', 0):.9f}"
    label = str(entry.get("label", ""))[:48]
    return _plain(
        f"{entry['id'][:8]}  {at}  {state:>4}  {entry.get('duration_ms', 0):8.1f} ms  "
        f"{entry.get('function', ''):<28} {label:<48}  {cost}"
    )


def _is_of(entry: Mapping[str, Any], function: str) -> bool:
    name = str(entry.get("function", ""))
    wanted = function.replace("_", "").replace(".", "").lower()
    return not wanted or name.lower() in (wanted, f"{wanted}function")


def _as(data: Path, question: dict[str, Any], token: str) -> dict[str, Any]:
    """The question with an event that this caller sends; made up first where there is none."""
    from infra.cli import invocations

    if question["event"] is None:
        template = HOUSE / "template.yaml"
        from infra.gateway.city import Endpoints
        from infra.gateway.made_up import NoSuchFunctionError, function_named, made_up
        from infra.gateway.template import load

        city = load(template, Endpoints("http://localhost", "http://localhost", "http://localhost"))
        try:
            function = function_named(city, question["function"])
            kind, event = made_up(city, function, question["method"], question["path"])
        except NoSuchFunctionError as error:
            raise click.ClickException(str(error)) from error
        question = {**question, "event": event, "kind": kind}
    return {**question, "event": invocations.again(question, token)}


def _asked(data: Path, question: Mapping[str, Any]) -> dict[str, Any]:
    from infra.cli import invocations

    sys.path[:0] = [str(HOUSE / "layers" / "core" / "python")]  # the gateway needs the domain
    try:
        answer = invocations.ask(data, question)
        if answer is None:
            answer = invocations.ask_alone(data, question)
    except (invocations.InvocationError, RuntimeError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    if "fault" in answer:
        raise click.ClickException(answer["fault"])
    return answer


def _show(answer: Mapping[str, Any]) -> None:
    """Print the answer; a failure of the function fails the command."""
    told = answer.get("error", answer.get("answer"))
    click.echo(json.dumps(told, indent=1, ensure_ascii=False))
    click.echo(f"{answer['function']}  {answer['duration_ms']} ms  {answer['id']}", err=True)
    if "error" in answer:
        raise SystemExit(1)


def _plain(text: str) -> str:
    """The text, harmless to a terminal, whoever sent it."""
    return "".join(one if one.isprintable() else "·" for one in text)
