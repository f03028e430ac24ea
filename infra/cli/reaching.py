"""What commands that talk to a running Covey share: where it is, who asks, how it fails."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

import click

from infra.cli.client import Client, ProblemError
from infra.gateway.options import HOUSE

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def reaching(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command its `url` and `token`."""
    url = click.option(
        "--url",
        envvar="COVEY_URL",
        default="http://127.0.0.1:8000",
        show_default=True,
        help="A running Covey.  [env: COVEY_URL]",
    )
    token = click.option(
        "--token", envvar="COVEY_TOKEN", default="", help="An access token.  [env: COVEY_TOKEN]"
    )
    return url(token(command))


def with_client(url: str, token: str, run: Callable[[Client], None]) -> None:
    """Run with a client of that server; what goes wrong is said to a person."""
    sys.path[:0] = [str(HOUSE / "layers" / "core" / "python")]  # backups are read by the domain
    client = Client(url, token)
    try:
        run(client)
    except (ProblemError, OSError) as error:
        raise click.ClickException(plain(str(error))) from error
    except KeyboardInterrupt:
        click.echo("Ended here; the job goes on. The same command follows it.", err=True)
        sys.exit(130)
    finally:
        client.close()


def plain(text: str) -> str:
    """Without what could steer a terminal: rows are anybody's text."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
