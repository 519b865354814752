"""A live stack in the foreground: says when it is ready, waits for a signal, leaves nothing behind."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
import trio

from devstack.errors import DevstackError
from devstack.live import LiveStack, StackOptions, open_stack

__all__ = ["run_stack"]

# What a shutdown may take before the process ends all the same; what is left then goes at the next start.
SHUTDOWN_LIMIT_S: Final = 2.5


def run_stack(options: StackOptions, seed: int, program: str) -> None:
    """Run the stack until SIGINT or SIGTERM. Raises UsageError if it cannot start."""
    errors: list[DevstackError] = []

    async def run() -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_wait_for_signal, signals, nursery.cancel_scope)
                    await _serve(options, seed)
            except* DevstackError as group:
                errors.extend(_leaves(group))

    trio.run(run)
    if errors:
        raise errors[0]


def _leaves(group: BaseExceptionGroup[DevstackError]) -> Iterator[DevstackError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


async def _wait_for_signal(signals: object, scope: trio.CancelScope) -> None:
    async for _ in signals:  # type: ignore[attr-defined]
        click.echo("\nstopping: ending executions and removing containers", err=True)
        # Whatever a stuck engine does, a person who has said stop is obeyed.
        signal.signal(signal.SIGALRM, _end_now)
        signal.setitimer(signal.ITIMER_REAL, SHUTDOWN_LIMIT_S)
        scope.cancel()
        return


def _end_now(number: int, frame: object) -> None:
    click.echo("stopped; what a busy engine still holds is removed at the next start", err=True)
    os._exit(1)


async def _serve(options: StackOptions, seed: int) -> None:
    async with open_stack(options) as stack:
        with _environment_file(options.repo, stack):
            click.echo(_banner(options, stack, seed))
            sys.stdout.flush()
            await trio.sleep_forever()


def _banner(options: StackOptions, stack: LiveStack, seed: int) -> str:
    pace = (
        "real-time pace" if options.speed == 1 else f"{options.speed} times real-time pace (containers keep their own)"
    )
    nodes = "1 compute node" if options.nodes == 1 else f"{options.nodes} compute nodes"
    lines = [
        f"devstack: 1 requester, {nodes} · seed {seed} · {pace}",
        f"engines   {' · '.join(stack.engines)}",
    ]
    if stack.docker_problem:
        lines.append(f"no docker {stack.docker_problem}")
    lines.append(f"API       {stack.url}")
    if options.host not in ("127.0.0.1", "::1", "localhost"):
        lines.append(
            f"warning   {options.host} is open to other machines, and whoever reaches it can run programs here"
        )
    exports = " ".join(_exports(stack))
    lines += [
        "For the bacalhau CLI, in another shell:",
        f"  export {exports}",
        "Ctrl-C stops the stack and removes its containers.",
    ]
    return "\n".join(lines)


def _exports(stack: LiveStack) -> list[str]:
    host = "127.0.0.1" if stack.host == "0.0.0.0" else stack.host
    return [f"BACALHAU_API_HOST={host}", f"BACALHAU_API_PORT={stack.port}"]


@contextmanager
def _environment_file(repo: Path | None, stack: LiveStack) -> Iterator[None]:
    """The export lines in a file, for scripts; gone when the stack is."""
    named = os.environ.get("DEVSTACK_ENV_FILE", "")
    if named:
        path = Path(named)
    elif repo is not None:
        path = repo / "bacalhau.run"
    else:
        yield
        return
    path.write_text("".join(f"export {line}\n" for line in _exports(stack)))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
