"""`bench`: this machine's figures."""

from __future__ import annotations

import click

from devstack.cli.flags import Command, comma_list, option, switch
from devstack.errors import UsageError

__all__ = ["bench"]


@click.command(cls=Command, asks_a_server=False, short_help="Measure this machine.")
@option(
    "--only",
    multiple=True,
    default=(),
    callback=comma_list,
    metavar="NAMES",
    help="Only these measures; `list` names them.",
)
@switch("--json", help="Print the figures as JSON.")
def bench(only: tuple[str, ...], json: bool) -> None:
    """Measure a stack on this machine, each figure beside the goal and what a real Bacalhau 1.4.0 does."""
    from devstack.bench import MEASURES, run

    if only == ("list",):
        for measure in MEASURES:
            click.echo(f"{measure.name:16} {measure.title}")
        return
    unknown = sorted(set(only) - {measure.name for measure in MEASURES})
    if unknown:
        raise UsageError(f"unknown measure {', '.join(unknown)}", "`bench --only list` names them")
    run(only, as_json=json)
