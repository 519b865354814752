"""A live stack in the foreground: says when it is ready, waits for a signal, leaves nothing behind."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import attrs
import click
import trio

from devstack.adapters.docker import DockerExecutor
from devstack.errors import DevstackError, UsageError
from devstack.folders import EXECUTIONS
from devstack.live import LiveStack, StackOptions, open_stack
from devstack.machine import remove_tree

__all__ = ["run_stack"]


def run_stack(options: StackOptions, seed: int, program: str, shutdown_limit_s: float) -> None:
    """Run the stack until SIGINT or SIGTERM.

    Args:
        shutdown_limit_s: How long the end may make no progress before the process ends all the same; what is left
            then goes at the next start.

    Raises:
        DevstackError: it cannot start.
    """
    errors: list[DevstackError | OSError] = []

    async def run() -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            try:
                async with trio.open_nursery() as nursery:
                    stopping, ending = trio.CancelScope(), _Ending(shutdown_limit_s)
                    nursery.start_soon(_obey, signals, stopping, ending)
                    with stopping:
                        await _serve(options, seed, ending)
                    nursery.cancel_scope.cancel()
            except* (DevstackError, OSError) as group:
                errors.extend(_leaves(group))

    _raise_file_limit()
    trio.run(run)
    # Nothing is left to stop; a person who says it once more shall not see the interpreter die of it.
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if errors:
        raise errors[0]


def _raise_file_limit() -> None:
    """As many open files as this process may have: each connection, container and module takes some."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _leaves(group: BaseExceptionGroup[DevstackError | OSError]) -> Iterator[DevstackError | OSError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


class _Ending:
    """The end that comes whatever hangs: files that would stay behind are removed, and the process is gone."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self.files: list[Path] = []
        self.docker: DockerExecutor | None = None
        self._seen_count = 0

    def begin(self) -> None:
        """From now on hurry, and end at the latest when nothing moves any more."""
        if self.docker is not None:
            self.docker.hurry()
        signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, self._limit_s)

    def _look(self, number: int, frame: object) -> None:
        """A hundred containers take longer; as long as they go one by one, wait for them."""
        count = 0 if self.docker is None else self.docker.ended_count
        if count == self._seen_count:
            self.now()
        self._seen_count = count
        signal.setitimer(signal.ITIMER_REAL, self._limit_s)

    def now(self) -> NoReturn:
        click.echo("stopped; what a busy engine still holds is removed at the next start", err=True)
        for path in self.files:
            remove_tree(path)
        os._exit(1)


async def _obey(signals: AsyncIterator[int], stopping: trio.CancelScope, ending: _Ending) -> None:
    """The first signal stops the stack, a second one ends the process."""
    await anext(signals)
    click.echo("\nstopping: ending executions and removing containers", err=True)
    # Whatever a stuck engine does, a person who has said stop is obeyed.
    ending.begin()
    stopping.cancel()
    await anext(signals)
    ending.now()


async def _serve(options: StackOptions, seed: int, ending: _Ending) -> None:
    async with open_stack(attrs.evolve(options, warn=_warn)) as stack:
        with _environment_file(options.repo, stack) as path:
            ending.docker = stack.docker
            ending.files += [path] if path is not None else []
            ending.files += [stack.folder if options.repo is None else stack.folder / EXECUTIONS]
            click.echo(_banner(options, stack, seed))
            sys.stdout.flush()
            await trio.sleep_forever()


def _warn(line: str) -> None:
    """A rule of the network does not hold: a mistake of ours, or one that was asked for with --behaviour."""
    click.secho(f"warning   {line}", fg="yellow", err=True)


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
    lines += [f"API       {stack.url}", f"dashboard {stack.url}/dashboard"]
    if stack.ipfs_port is not None:
        lines.append(f"IPFS API  http://127.0.0.1:{stack.ipfs_port}")
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
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(stack.host, stack.host)
    return [f"BACALHAU_API_HOST={host}", f"BACALHAU_API_PORT={stack.port}"]


@contextmanager
def _environment_file(repo: Path | None, stack: LiveStack) -> Iterator[Path | None]:
    """The export lines in a file, for scripts; gone when the stack is. Raises UsageError."""
    named = os.environ.get("DEVSTACK_ENV_FILE", "")
    path = Path(named) if named else repo / "bacalhau.run" if repo is not None else None
    if path is None:
        yield None
        return
    try:
        path.write_text("".join(f"export {line}\n" for line in _exports(stack)))
    except OSError as exc:
        raise UsageError(
            f"cannot write {path}: {exc.strerror}", "it is where DEVSTACK_ENV_FILE or --repo says"
        ) from None
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
