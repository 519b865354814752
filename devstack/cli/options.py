"""Flags that several commands share, as decorators. Source: command line reference 1.5."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

import attrs
import click

from devstack.cli.flags import Choice, Uint32, option, switch
from devstack.cli.output import Style
from devstack.errors import UsageError

__all__ = [
    "Runtime",
    "chain",
    "file_argument",
    "job_argument",
    "list_flags",
    "node_argument",
    "object_flags",
    "output_flags",
    "runtime_flags",
]

Function = Callable[..., Any]


def chain(*decorators: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """The decorators as one, in the order in which they would stand above a function."""

    def decorate(function: Function) -> Function:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def job_argument(metavar: str = "JOB_ID", *, or_input: bool = False) -> Callable[[Function], Function]:
    """A job's id, or what begins it; the shell completes it. An empty one may stand for a line of standard input."""
    callback = _given_or_read if or_input else _given
    return click.argument("job_id", metavar=metavar, callback=callback, shell_complete=_completed("job_ids"))


def node_argument(function: Function) -> Function:
    """A node's id, or what begins it; the shell completes it."""
    return click.argument("node_id", metavar="NODE_ID", callback=_given, shell_complete=_completed("node_ids"))(
        function
    )


def file_argument(name: str, **attributes: Any) -> Callable[[Function], Function]:
    """The path of a file; the shell completes it."""
    return click.argument(name, shell_complete=_completed("files"), **attributes)


def _given_or_read(ctx: click.Context, param: click.Parameter, value: str) -> str:
    return _given(ctx, param, value or ("" if ctx.resilient_parsing else sys.stdin.readline().strip()))


def _given(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if not (value or "").strip() and not ctx.resilient_parsing:
        raise UsageError(f"{param.make_metavar(ctx)} is empty: name one; the `list` command shows them")
    return value


def _completed(by: str) -> Callable[..., Any]:
    """The function of `completion`, which is not imported before somebody presses Tab."""
    return lambda *args: getattr(import_module("devstack.cli.completion"), by)(*args)


def list_flags(limit: int, order_fields: str) -> Callable[[Function], Function]:
    """`--limit`, `--next-token`, `--order-by`, `--order-reversed`: handed on as `paging`, a query."""

    def gather(function: Function) -> Function:
        @wraps(function)
        def call(*args: Any, limit: int, next_token: str, order_by: str, order_reversed: bool, **rest: Any) -> Any:
            query = {"limit": limit, "next_token": next_token, "order_by": order_by, "reverse": order_reversed}
            return function(*args, paging=query, **rest)

        return call

    return chain(
        option("--limit", type=Uint32(), default=limit, help="Show at most so many; 0: no limit."),
        option("--next-token", default="", help="Go on where the previous page ended."),
        option("--order-by", default="", help=f"Sort by: {order_fields}."),
        switch("--order-reversed", help="Reverse the order."),
        gather,
    )


def output_flags(*, pretty: bool = False) -> Callable[[Function], Function]:
    """`--output`, `--pretty`, `--hide-header`, `--no-style`, `--wide`: handed on as `style`."""

    def gather(function: Function) -> Function:
        names = [field.name for field in attrs.fields(Style)]

        @wraps(function)
        def call(*args: Any, **values: Any) -> Any:
            style = Style(**{name: values.pop(name) for name in names})
            return function(*args, style=style, **values)

        return call

    return chain(
        option("--output", type=Choice("table", "csv", "json", "yaml"), default="table", help="The form of the list."),
        switch("--pretty", default=pretty, help="Indent json."),
        switch("--hide-header", help="Leave the column names out."),
        switch("--no-style", help="No colours."),
        switch("--wide", help="Show whole values, however long."),
        gather,
    )


def object_flags(default: str | None = "yaml", *more: str) -> Callable[[Function], Function]:
    """`--output` json or yaml, and `--pretty`, for commands that show one thing."""
    return chain(
        option("--output", type=Choice("json", "yaml", *more), default=default, help="The form of the answer."),
        switch("--pretty", help="Indent json."),
    )


@attrs.frozen
class Runtime:
    """What happens around a submission."""

    wait: bool = True
    wait_timeout_secs: int = 600
    id_only: bool = False
    node_details: bool = False
    follow: bool = False
    dry_run: bool = False


def runtime_flags(function: Function) -> Function:
    """`--wait` to `--dry-run`: handed on as `runtime`."""
    names = [field.name for field in attrs.fields(Runtime)]

    @wraps(function)
    def call(*args: Any, **values: Any) -> Any:
        runtime = Runtime(**{name: values.pop(name) for name in names})
        return function(*args, runtime=runtime, **values)

    return chain(
        switch("--wait", default=True, help="Wait for the job to finish; --wait=false does not."),
        option(
            "--wait-timeout-secs", type=Uint32(), default=600, metavar="SECONDS", help="Wait at most so many seconds."
        ),
        switch("--id-only", help="Print the job's id and nothing else."),
        switch("--node-details", help="Show what each node has to say, also after success."),
        switch("-f", "--follow", help="Print the job's output while it runs."),
        switch("--dry-run", help="Print the job instead of submitting it."),
    )(call)
