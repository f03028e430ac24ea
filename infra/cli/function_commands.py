"""``covey new``: what a team adds to its house."""

from __future__ import annotations

from pathlib import Path

import click

from infra.cli.new_function.kinds import KINDS, TRIGGERS, Wish
from infra.gateway.options import HOUSE


def add_to(main: click.Group) -> None:
    """Add the commands."""

    @main.group()
    def new() -> None:
        """Something new in this house: a function."""

    new.add_command(_function)


@click.command("function", short_help="A function that works, with its trigger and its test.")
@click.argument("name")
@click.option("--trigger", type=click.Choice(TRIGGERS), required=True, help="What calls it.")
@click.option(
    "--collection", default="posts", show_default=True, help="Whose records it reads, or follows."
)
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Of changes; else all."
)
@click.option("--when", default="", help="An expression: only changes for which it holds.")
@click.option(
    "--schedule",
    "expression",
    default="rate(5 minutes)",
    show_default=True,
    help="cron(…), rate(…) or at(…), as EventBridge has them.",
)
@click.option("--prefix", default="", help="Of uploads.  [default: NAME/]")
@click.option(
    "--house",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=HOUSE,
    help="The folder with template.yaml.  [default: this house]",
)
def _function(
    name: str,
    trigger: str,
    collection: str,
    kinds: tuple[str, ...],
    when: str,
    expression: str,
    prefix: str,
    house: Path,
) -> None:
    """Make the function NAME: its folder, its resources and rights in template.yaml, its test.

    It works as it is; change functions/NAME to what you want. A running Covey takes it at once.
    """
    import sys

    sys.path[:0] = [str(HOUSE / "layers" / "core" / "python")]
    from infra.cli.new_function.making import make
    from infra.cli.new_function.naming import NewFunctionError

    wish = Wish(name, trigger, collection, kinds, when, expression, prefix)
    try:
        made = make(house, wish)
    except NewFunctionError as error:
        raise click.ClickException(str(error)) from error
    for path in made.new:
        click.echo(f"made    {path}")
    for path in made.edited:
        click.echo(f"edited  {path}")
    click.echo(f"Try it: make test-fast TESTS={Path(made.test).parent}")
