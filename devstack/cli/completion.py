"""`completion`: click's script for the shell, for the installed command `devstack`."""

from __future__ import annotations

import click

from devstack.cli.flags import Command

__all__ = ["completion"]


@click.command("completion", cls=Command, asks_a_server=False)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a completion script: bash, zsh or fish.

    It serves the command `devstack`; shells cannot complete `python -m devstack`. For bash: `source <(devstack
    completion bash)`.
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None  # the argument allows only known shells
    click.echo(found(ctx.find_root().command, {}, "devstack", "_DEVSTACK_COMPLETE").source())
