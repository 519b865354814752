"""`completion`, and what completes: click's script for the shell, our commands, flags, words, and ids of the network.

Ids are asked for while a person waits for the Tab key: for 300 ms at most, and a failure completes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
)

from devstack.cli.flags import Choice, Command, FlagOption
from devstack.client import Client

__all__ = ["completion", "files", "job_ids", "node_ids"]

_LIMIT_S: Final = 0.3
_MOST_JOBS: Final = 100


@click.command("completion", cls=Command, asks_a_server=False)
@click.argument("shell", metavar="SHELL", type=Choice("bash", "zsh", "fish"))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a completion script: bash, zsh or fish.

    It serves the command `devstack`; shells cannot complete `python -m devstack`. For bash: `source <(devstack
    completion bash)`.
    """
    found = get_completion_class(shell)
    assert found is not None  # the argument allows only known shells
    click.echo(found(ctx.find_root().command, {}, "devstack", "_DEVSTACK_COMPLETE").source())


class _GoSyntax(ShellComplete):
    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        return super().get_completions(_with_values(self.cli, args), incomplete)


def _with_values(root: click.Command, args: Sequence[str]) -> list[str]:
    """Every switch with its value, for click would look for one in the next word."""
    command, ctx = root, _context(root, None)
    for word in args:
        if isinstance(command, click.Group) and (found := command.get_command(ctx, word)):
            command, ctx = found, _context(found, ctx)
    switches = {
        name
        for param in command.get_params(ctx)
        if isinstance(param, FlagOption) and param.is_switch
        for name in param.opts
    }
    return [f"{word}=true" if word in switches else word for word in args]


def _context(command: click.Command, parent: click.Context | None) -> click.Context:
    # With the command's own settings, for a command keeps the help flag that its first context asks for.
    return click.Context(command, parent=parent, resilient_parsing=True, **command.context_settings)


# click finds the class by the shell's name when the shell's script asks.
for _shell in (BashComplete, ZshComplete, FishComplete):
    add_completion_class(type(_shell.__name__, (_GoSyntax, _shell), {}), _shell.name)


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The shell knows its files best."""
    return [CompletionItem(incomplete, type="file")]


def job_ids(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The newest jobs whose id begins so, with their names."""
    answer = _asked(ctx, lambda client: client.jobs({"limit": _MOST_JOBS, "order_by": "created_at", "reverse": True}))
    pairs = ((str(job.get("ID", "")), str(job.get("Name", ""))) for job in answer.get("Items") or [])
    return [CompletionItem(job_id, help=name) for job_id, name in pairs if job_id.startswith(incomplete)]


def node_ids(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The nodes whose id begins so."""
    answer = _asked(ctx, lambda client: client.nodes({}))
    ids = (str((node.get("Info") or {}).get("NodeID", "")) for node in answer.get("Nodes") or [])
    return [CompletionItem(node_id) for node_id in ids if node_id.startswith(incomplete)]


def _asked(ctx: click.Context, ask: Callable[[Client], dict[str, Any]]) -> dict[str, Any]:
    """The answer, or nothing: of a failure nobody at the shell's prompt wants to read."""
    from devstack.cli.settings import address, stored_token

    found: list[dict[str, Any]] = []

    def request() -> None:
        try:
            with ctx.scope(cleanup=False):
                where = address()
                client = Client(where, token=stored_token(where), limit_s=_LIMIT_S)
            with client:
                found.append(ask(client))
        except Exception:  # whatever it is: the answer is that nothing completes
            pass

    # A thread, for a server that sends a byte now and then keeps within every limit of a socket.
    asking = threading.Thread(target=request, daemon=True)
    asking.start()
    asking.join(_LIMIT_S)
    return found[0] if found else {}
