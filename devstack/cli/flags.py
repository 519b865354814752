"""Go's flag syntax on top of click.

Users of Bacalhau rely on forms that click reads otherwise: `--wait=false` (a flag with a value), `-p=s3://b/k` (the `=`
is no part of the value), and on Go's texts for what cannot be read. So the arguments are first rewritten to a form that
both read alike, `--name=value ... -- positional ...`, and only then handed to click.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["BOOL", "Choice", "Command", "FlagOption", "Group", "Uint32", "comma_list", "option", "switch"]

_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_HELP: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


class _GoBool(click.ParamType[bool]):
    name = ""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        if isinstance(value, bool):
            return value
        if value in _TRUE or value in _FALSE:
            return value in _TRUE
        raise click.BadParameter("it is true or false")


BOOL: Final = _GoBool()


class Uint32(click.ParamType[int]):
    """A whole number from zero to 2^32 - 1."""

    name = "uint32"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        if not (value.isascii() and value.isdigit() and int(value) < 2**32):
            raise click.BadParameter("it is a whole number, zero or more")
        return int(value)


class Choice(click.ParamType[str]):
    """One of some words, in the case given."""

    name = "word"

    def __init__(self, *words: str, any_case: bool = False) -> None:
        self.words = words
        self._any_case = any_case

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "|".join(self.words)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(word) for word in self.words if word.startswith(incomplete)]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).lower() if self._any_case else str(value)
        if text not in self.words:
            raise click.BadParameter(f"it is one of {', '.join(self.words)}")
        return text


class FlagOption(click.Option):
    """An option whose mistakes read as Go's, and which can say that its time is over."""

    def __init__(self, *args: Any, notice: str = "", **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self._notice = notice

    @property
    def is_switch(self) -> bool:
        return self.type is BOOL

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        return record and (record[0].strip(), record[1])

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        try:
            return super().process_value(ctx, value)
        except click.BadParameter as exc:
            given = ",".join(value) if isinstance(value, tuple | list) else value
            spelled = ", ".join(sorted(self.opts, key=len))
            raise click.UsageError(f'invalid argument "{given}" for "{spelled}" flag: {exc.message}', ctx) from None

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        result = super().handle_parse_result(ctx, opts, args)
        if self._notice and self.name and ctx.get_parameter_source(self.name) is ParameterSource.COMMANDLINE:
            click.echo(f"Flag {max(self.opts, key=len)} {self._notice}", err=True)
        return result


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def option(*names: str, **attributes: Any) -> Decorator:
    """An option that takes a value; its default is shown in the help unless it is empty."""
    attributes.setdefault("show_default", attributes.get("default") not in (None, ""))
    return click.option(*names, cls=FlagOption, **attributes)


def switch(*names: str, default: bool = False, **attributes: Any) -> Decorator:
    """An option that is on or off: `--x`, `--x=false`."""
    return click.option(*names, cls=FlagOption, type=BOOL, default=default, **attributes)


def comma_list(ctx: click.Context, param: click.Parameter, values: Iterable[str]) -> tuple[str, ...]:
    """A callback for repeatable options whose values are lists: `-l a,b -l c`, with CSV quoting."""
    return tuple(item for value in values for record in csv.reader([value]) for item in record)


def _global_flags(ctx: click.Context) -> Sequence[click.Parameter]:
    return getattr(ctx.find_root().command, "global_flags", ())


class _GoSyntax(click.Command):
    """What our commands and groups share: the global flags everywhere, and the rewriting of arguments."""

    asks_a_server = True

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        own = super().get_params(ctx)
        taken = {name for param in own for name in param.opts}
        return [*own, *(param for param in _global_flags(ctx) if taken.isdisjoint(param.opts))]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        shared = _global_flags(ctx)
        own = [param for param in options if param not in shared]
        # Every command takes them, as Bacalhau's does; where they have no effect the help is silent about them.
        named = [param for param in options if param in shared] if self.asks_a_server else []
        for title, params in (("Flags", own), ("Global flags", named)):
            records = [record for param in params if (record := param.get_help_record(ctx)) is not None]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


class Command(_GoSyntax):
    def __init__(self, *args: Any, asks_a_server: bool = True, **attributes: Any) -> None:
        self.asks_a_server = asks_a_server
        attributes["context_settings"] = _HELP | attributes.get("context_settings", {})
        attributes.setdefault("options_metavar", "[FLAGS]")
        super().__init__(*args, **attributes)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        options, positionals = _split(self.get_params(ctx), args, ctx, interspersed=True)
        if "--help" not in options:
            self._check_count(ctx, positionals)
        return super().parse_args(ctx, [*options, "--", *positionals])

    def _check_count(self, ctx: click.Context, positionals: Sequence[str]) -> None:
        arguments = [param for param in self.params if isinstance(param, click.Argument)]
        needed = sum(param.required for param in arguments)
        open_ended = any(param.nargs == -1 for param in arguments)
        names = " ".join(param.make_metavar(ctx) for param in arguments)
        given = len(positionals)
        if given < needed and (open_ended or needed < len(arguments)):
            raise click.UsageError(f"requires at least {needed} arg(s), only received {given}: {names}", ctx)
        if given < needed or (given > len(arguments) and not open_ended):
            wanted = f"accepts {len(arguments)} arg(s), received {given}"
            raise click.UsageError(f"{wanted}: {names}" if names else wanted, ctx)


class Group(_GoSyntax, click.Group):
    def __init__(self, *args: Any, **attributes: Any) -> None:
        attributes["context_settings"] = _HELP | attributes.get("context_settings", {})
        attributes.setdefault("options_metavar", "[FLAGS]")
        super().__init__(*args, **attributes)

    # Without a sub-command a group shows its help, and that is no mistake.
    no_args_is_help = False
    command_class = Command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        _GoSyntax.format_options(self, ctx, formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        options, rest = _split(self.get_params(ctx), args, ctx, interspersed=False)
        if not rest and "--help" not in options:
            options.append("--help")
        return super().parse_args(ctx, [*options, *rest])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        found = self.get_command(ctx, name)
        if found is None and not ctx.resilient_parsing:
            raise click.UsageError(f'unknown command "{name}" for "{ctx.command_path}"{self._nearest(ctx, name)}', ctx)
        return name if found else None, found, args[1:]

    def _nearest(self, ctx: click.Context, name: str) -> str:
        from difflib import get_close_matches

        near = get_close_matches(name, self.list_commands(ctx), n=1)
        return f'; did you mean "{near[0]}"?' if near else ""


Group.group_class = Group


def _split(
    params: Sequence[click.Parameter], args: Sequence[str], ctx: click.Context, *, interspersed: bool
) -> tuple[list[str], list[str]]:
    """The options as `--name=value`, and the positional arguments."""
    table = {name: param for param in params if isinstance(param, click.Option) for name in param.opts}
    options: list[str] = []
    positionals: list[str] = []
    waiting = list(reversed(args))
    while waiting:
        token = waiting.pop()
        if token == "--":
            return options, [*positionals, *reversed(waiting)]
        if token.startswith("--"):
            options.append(_long(table, token, waiting, ctx))
        elif token.startswith("-") and token != "-":
            options += _shorts(table, token, waiting, ctx)
        elif interspersed:
            positionals.append(token)
        else:
            return options, [token, *reversed(waiting)]
    return options, positionals


def _long(table: Mapping[str, click.Option], token: str, waiting: list[str], ctx: click.Context) -> str:
    name, equals, value = token.partition("=")
    param = table.get(name)
    if param is None:
        raise click.UsageError(f"unknown flag: {name}", ctx)
    return _spelled(param, value if equals else None, waiting, name, ctx)


def _shorts(table: Mapping[str, click.Option], token: str, waiting: list[str], ctx: click.Context) -> list[str]:
    """The options of `-ft`, `-n5`, `-n=5` or `-n 5`."""
    found: list[str] = []
    rest = token[1:]
    while rest:
        letter, rest = rest[0], rest[1:]
        param = table.get(f"-{letter}")
        if param is None:
            raise click.UsageError(f"unknown shorthand flag: '{letter}' in {token}", ctx)
        shown = f"'{letter}' in {token}"
        if rest.startswith("="):
            return [*found, _spelled(param, rest[1:], waiting, shown, ctx)]
        if rest and not _stands_alone(param):
            return [*found, _spelled(param, rest, waiting, shown, ctx)]
        found.append(_spelled(param, None, waiting, shown, ctx))
    return found


def _spelled(param: click.Option, value: str | None, waiting: list[str], shown: str, ctx: click.Context) -> str:
    name = max(param.opts, key=len)
    if param.is_flag:
        return name
    if value is None and _stands_alone(param):
        value = "true"
    if value is None:
        if not waiting:
            raise click.UsageError(f"flag needs an argument: {shown}", ctx)
        value = waiting.pop()
    return f"{name}={value}"


def _stands_alone(param: click.Option) -> bool:
    return param.is_flag or (isinstance(param, FlagOption) and param.is_switch)
