"""``python -m infra.cli``."""

from infra.cli.command import main

main()
