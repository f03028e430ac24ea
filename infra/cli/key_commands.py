"""``covey keys``: the keys that sign access tokens."""

from __future__ import annotations

from collections.abc import Callable

import click

Reach = Callable[[str | None], None]


def add_to(
    main: click.Group, endpoint: Callable[[click.Command], click.Command], reach: Reach
) -> None:
    """Add the commands; `reach` points this process at a table."""

    @main.group(short_help="Which keys sign access tokens, and the next one.")
    def keys() -> None:
        """The keys that sign access tokens, of a table (TABLE_NAME; AWS credentials as usual)."""

    def rotate(endpoint: str | None) -> None:
        """Make the next key, which signs ten minutes later; nobody is logged out."""
        reach(endpoint)
        from covey.errors import CoveyError
        from covey.records.time import rfc3339
        from covey.wiring import services

        try:
            made = services().signing_keys.rotate()
        except CoveyError as error:
            raise click.ClickException(error.detail) from error
        services().audit.note("signing_key_made", actor="command", key=made.kept.id)
        click.echo(f"{made.kept.id} signs from {rfc3339(made.begins * 1000)} on.")

    def show(endpoint: str | None) -> None:
        """Say which keys there are."""
        reach(endpoint)
        from covey.records.time import rfc3339
        from covey.wiring import services

        for one in services().signing_keys.generations():
            click.echo(f"{one.kept.id}  {one.state:9}  from {rfc3339(one.begins * 1000)}")

    rotate_command = click.command("rotate", short_help="Make the next key.")
    keys.add_command(endpoint(rotate_command(rotate)))
    keys.add_command(endpoint(click.command("list")(show)))
