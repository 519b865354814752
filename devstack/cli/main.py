"""The root command: finds commands without importing them, and turns every error into one line and exit code 1."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click
from click.utils import _detect_program_name

from devstack.cli.flags import Command, Group
from devstack.cli.settings import GLOBAL_FLAGS, program
from devstack.cli.text import harmless, is_text
from devstack.client import UnreachableError
from devstack.errors import DevstackError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["cli", "main"]

# Name, module, attribute, one line of help. A command's module is imported when the command is called, or for its help.
_COMMANDS: Final = {
    "up": ("devstack.cli.up", "up", "Start a whole Bacalhau network on this machine."),
    "job": ("devstack.cli.job", "job", "Submit, watch and stop jobs."),
    "docker": ("devstack.cli.docker", "docker", "Run a job in a container."),
    "wasm": ("devstack.cli.wasm", "wasm", "Run a WebAssembly job."),
    "exec": ("devstack.cli.exec", "exec_", "Run code as a job of a known kind: python, duckdb."),
    "node": ("devstack.cli.node", "node", "Look at the nodes of the network, let them in or keep them out."),
    "agent": ("devstack.cli.agent", "agent", "Ask the node that serves the API about itself."),
    "config": ("devstack.cli.config", "config", "Look at the settings and change them."),
    "version": ("devstack.cli.version", "version", "Show the versions of this client and of the server."),
    "scenario": ("devstack.cli.scenario", "scenario", "Run scenarios: failures, repeated to the byte."),
    "fault": ("devstack.cli.fault", "fault", "Let things go wrong in a running stack, and make them right again."),
    "explain": ("devstack.cli.explain", "explain", "Show why a job runs where it does, or nowhere."),
    "bench": ("devstack.cli.bench", "bench", "Measure this machine."),
    "completion": ("devstack.cli.completion", "completion", "Print a completion script for your shell."),
}

# Commands that Bacalhau 1.4 has taken away, and what took their place.
_REPLACED: Final = {
    "create": "job run",
    "validate": "job validate",
    "describe": "job describe",
    "logs": "job logs",
    "get": "job get",
    "cancel": "job stop",
    "list": "job list",
    "id": "agent node",
}


_ELSEWHERE: Final = frozenset({"serve", "devstack"})
_UNEXPECTED: Final = "something unexpected came up, in the server's answer or in devstack itself"


class _Root(Group):
    global_flags = GLOBAL_FLAGS

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in _REPLACED and not ctx.resilient_parsing:
            raise DevstackError(f'the command "{name}" is gone, use "{ctx.command_path} {_REPLACED[name]}"')
        if name in _ELSEWHERE and not ctx.resilient_parsing:
            raise DevstackError(f'"{name}" is a command of Bacalhau\'s, here it is "{ctx.command_path} up"')
        if name == "help":
            return _help
        if name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[name]
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        from click.shell_completion import CompletionItem

        named = [
            CompletionItem(name, help=text) for name, (_, _, text) in _COMMANDS.items() if name.startswith(incomplete)
        ]
        return named + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in _COMMANDS.items()])

    def main(self, args: Sequence[str] | None = None, **settings: Any) -> NoReturn:  # type: ignore[override]
        """Run as a process does: every outcome becomes an exit code."""
        settings["standalone_mode"] = False
        if "_DEVSTACK_COMPLETE" in os.environ:
            import_module("devstack.cli.completion")
        try:
            _check_arguments(sys.argv[1:] if args is None else args)
            code = super().main(args, **settings)
            sys.stdout.flush()
        except click.UsageError as exc:
            code = _report_usage(exc)
        except click.ClickException as exc:
            code = _report(exc.format_message())
        except UnreachableError as exc:
            code = _report(exc.message, _how_to_reach(settings.get("prog_name")))
        except DevstackError as exc:
            code = _report(exc.message, exc.hint)
        except (click.Abort, KeyboardInterrupt):
            code = 130
        except OSError as exc:
            code = _report_os_error(exc)
        except Exception as exc:  # the last resort: an answer that nobody expects, or a mistake of ours
            if os.environ.get("LOG_LEVEL", "").lower() == "debug":
                raise
            code = _report(f"{_UNEXPECTED} ({type(exc).__name__}: {exc})", "LOG_LEVEL=debug shows where")
        sys.exit(code if isinstance(code, int) else 0)


def _check_arguments(args: Sequence[str]) -> None:
    for number, word in enumerate(args, 1):
        if not is_text(word):
            raise click.ClickException(f"argument {number} is no UTF-8 text: {word!r}")


def _report(message: str, hint: str = "") -> int:
    click.echo(harmless(f"Error: {message}" + (f"; {hint}" if hint else "")), err=True)
    return 1


def _how_to_reach(name: str | None) -> str:
    name = name or _detect_program_name()
    return f"start a stack with `{name} up`, or name another server with --api-host and --api-port"


def _report_usage(exc: click.UsageError) -> int:
    _report(exc.format_message())
    if exc.ctx is not None:
        usage = " ".join(exc.ctx.command.collect_usage_pieces(exc.ctx))
        click.echo(f"Usage: {exc.ctx.command_path} {usage} (see `{exc.ctx.command_path} --help`)", err=True)
    return 1


def _report_os_error(exc: OSError) -> int:
    if exc.errno == errno.EPIPE:
        # The reader of our output has had enough; flushing again at exit would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return _report(f"{exc.filename}: {exc.strerror}" if exc.filename else str(exc))


@click.command("help", cls=Command, hidden=True)
@click.argument("names", nargs=-1, metavar="[COMMAND]...")
@click.pass_context
def _help(ctx: click.Context, names: tuple[str, ...]) -> None:
    """Show the help of a command."""
    cli.main([*names, "--help"], prog_name=program())


@click.group(cls=_Root)
def cli() -> None:
    """A whole Bacalhau network on this machine, and a client for it and for real networks."""


def _open_missing_streams() -> None:
    """A stream that the caller has closed is read as empty, and written to nobody."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - until the process ends


def main() -> NoReturn:
    """The console entry point."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _open_missing_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a letter shows a question mark; that is no reason to fail.
            stream.reconfigure(errors="replace")
    cli.main()
