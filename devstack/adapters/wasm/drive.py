"""From a guest's thread to trio: waits for its steps, lets its sleeps pass, and sees to it that the thread ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import trio

from devstack.adapters.wasm.guest import Endless, Finished, Guest, Sleeping, Step
from devstack.adapters.wasm.pace import Pace, aside

__all__ = ["run_guest"]

_KILL_PATIENCE_S: Final = 1.0


async def run_guest(guest: Guest, pace: Pace, on_endless: Callable[[], None]) -> Finished:
    """The guest's end, at the instant at which its own time ends; cancelling this kills the guest."""
    next_step = _in_line(guest) if pace.is_virtual else _from_thread(guest)
    try:
        while isinstance(step := await next_step(), Sleeping):
            await pace.sleep_until(step.until_ns)
        if isinstance(step, Endless):
            on_endless()
            await trio.sleep_forever()
        assert isinstance(step, Finished)
        await pace.sleep_until(guest.start_ns + step.used_ns)
        return step
    finally:
        await _end(guest, pace)


def _in_line(guest: Guest) -> Callable[[], Awaitable[Step]]:
    """Virtual time: the whole loop waits, for no other event may come before the guest's next step."""

    async def next_step() -> Step:
        return guest.run_to_next()

    return next_step


def _from_thread(guest: Guest) -> Callable[[], Awaitable[Step]]:
    """Real time: the guest posts its steps into the loop, and only its own task waits for them."""
    token = trio.lowlevel.current_trio_token()

    async def next_step() -> Step:
        steps: list[Step] = []
        has_come = trio.Event()

        def take(step: Step) -> None:
            steps.append(step)
            has_come.set()

        guest.post_to(lambda step: token.run_sync_soon(take, step))
        guest.wake()
        await has_come.wait()
        return steps[0]

    return next_step


async def _end(guest: Guest, pace: Pace) -> None:
    """Only a compilation cannot be interrupted: its thread goes when it is through."""
    if guest.is_over:
        return
    guest.kill()
    with trio.CancelScope(shield=True):
        await aside(pace, lambda: guest.join(_KILL_PATIENCE_S))
