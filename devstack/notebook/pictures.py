"""Charts of a lab: its tables, handed to `devstack.charts`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from devstack.notebook import frames
from devstack.notebook.extra import needed

if TYPE_CHECKING:
    from devstack.notebook.lab import Lab

__all__ = ["capacity", "compare", "gantt", "graph", "messages", "queue", "states", "waits"]


def _charts() -> Any:
    needed("altair", "charts")
    return needed("devstack.charts", "charts")


def gantt(lab: Lab, **options: Any) -> Any:
    return _charts().gantt(lab.executions, lab.faults, **options)


def capacity(lab: Lab, **options: Any) -> Any:
    return _charts().capacity(frames.capacity(lab.world.recorder), **options)


def queue(lab: Lab, **options: Any) -> Any:
    return _charts().queue(frames.queue(lab.world.recorder), **options)


def states(lab: Lab, **options: Any) -> Any:
    return _charts().states(lab.events, **options)


def messages(lab: Lab, **options: Any) -> Any:
    return _charts().messages(frames.messages(lab.world.recorder), **options)


def graph(lab: Lab, **options: Any) -> Any:
    return _charts().graph(lab.nodes, frames.messages(lab.world.recorder), **options)


def waits(lab: Lab, **options: Any) -> Any:
    return _charts().waits(lab.executions, **options)


def compare(left: Lab, right: Lab, **options: Any) -> Any:
    """Both runs side by side, by their names."""
    return _charts().compare({lab.name: lab.executions for lab in (left, right)}, **options)
