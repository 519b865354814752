"""`fault inject`, `list`, `clear`, `words`: what goes wrong in a running stack."""

from __future__ import annotations

from typing import Final

import click

from devstack.cli.flags import Command, Group
from devstack.cli.options import object_flags, output_flags
from devstack.cli.output import Column, Style, emit, emit_list
from devstack.cli.settings import connect
from devstack.client import ApiError
from devstack.errors import DevstackError

__all__ = ["fault"]


@click.group("fault", cls=Group)
def fault() -> None:
    """Let things go wrong in a running stack, and make them right again."""


@fault.command("inject", options_metavar="[FLAGS]")
@click.argument("words", metavar="WORD [TARGET] [NAME=VALUE]...", nargs=-1, required=True)
@object_flags(None)
def fault_inject(words: tuple[str, ...], output: str | None, pretty: bool) -> None:
    """Inject a fault, such as `crash node-2 after=30s` or `drop BidResult from=node-1`.

    `fault words` lists all words and what they take.
    """
    from devstack.faults import parse_words, to_mapping

    # All in one pair of quotes means the same.
    mapping = to_mapping(parse_words(words[0].split() if len(words) == 1 else words))
    try:
        found = connect().inject_fault(mapping)["Fault"]
    except ApiError as exc:
        raise _as_ours(exc) from None
    if output is not None:
        emit(found, output, pretty=pretty)
    else:
        machines = f" on {', '.join(found['Machines'])}" if found["Machines"] else ""
        click.echo(f"Fault {found['ID']} is {found['State']}{machines}: {found['Text']}")


@fault.command("list")
@output_flags()
def fault_list(style: Style) -> None:
    """List the faults that are active or wait for their time."""
    try:
        found = connect().faults()["Faults"]
    except ApiError as exc:
        raise _as_ours(exc) from None
    emit_list(_COLUMNS, found, style)


@fault.command("clear")
@click.argument("number", metavar="[ID]", required=False, default="")
def fault_clear(number: str) -> None:
    """End one fault, or all of them: nodes come back, links heal."""
    try:
        cleared = connect().clear_faults(number)["Cleared"]
    except ApiError as exc:
        raise _as_ours(exc) from None
    click.echo(f"Cleared: {', '.join(map(str, cleared)) or 'there was none'}")


@fault.command("words", cls=Command, asks_a_server=False)
def fault_words() -> None:
    """List the words, what they mean and what they take."""
    from devstack.faults import WORDS

    for word in WORDS.values():
        click.echo(f"{word.name}: {word.about}")
        for parameter in word.parameters:
            click.echo(f"    {parameter.name:10} {parameter.about}")
        if word.end != "for":
            click.echo(f"    {word.end:10} how long it lasts")
    click.echo("\nEach takes after, for or until (durations from now), chance (0 to 1, or 50%) and times.")


def _as_ours(error: ApiError) -> DevstackError:
    """A real network has no such door."""
    if error.status in (404, 405) and "fault" not in error.message:
        return DevstackError("this server takes no faults", "only a stack of `up` does, no real network")
    return error


_COLUMNS: Final = (
    Column("id", lambda state: str(state["ID"])),
    Column("state", lambda state: str(state["State"])),
    Column("begins", lambda state: str(state["Begins"])),
    Column("strikes", lambda state: str(state["Strikes"])),
    Column("machines", lambda state: " ".join(state["Machines"]), 40, "soft"),
    Column("fault", lambda state: str(state["Text"])),
)
