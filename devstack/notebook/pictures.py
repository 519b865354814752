"""Charts of a lab: its tables, handed to `devstack.charts`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from devstack.notebook import frames

if TYPE_CHECKING:
    from devstack.notebook.lab import Lab

__all__ = ["capacity", "compare", "gantt", "graph", "messages", "queue", "states", "waits"]


def _charts() -> Any:
    """Raises UsageError: what charts need is not installed."""
    return import_module("devstack.charts")


def gantt(lab: Lab, **options: Any) -> Any:
    """Every node has its row, also one that never ran anything."""
    return _charts().gantt(lab.executions, lab.faults, **{"nodes": list(lab.nodes["node"]), **_until(lab, options)})


def capacity(lab: Lab, kind: str | None = None, **options: Any) -> Any:
    table = frames.capacity(lab.world.recorder)
    return _charts().capacity(table, kind, faults=lab.faults, **_until(lab, options))


def queue(lab: Lab, **options: Any) -> Any:
    return _charts().queue(frames.queue(lab.world.recorder), faults=lab.faults, **_until(lab, options))


def states(lab: Lab, **options: Any) -> Any:
    return _charts().states(lab.events, **_until(lab, options))


def messages(lab: Lab, **options: Any) -> Any:
    return _charts().sequence(frames.messages(lab.world.recorder), **options)


def graph(lab: Lab, **options: Any) -> Any:
    return _charts().network(lab.nodes, lab.executions, **options)


def waits(lab: Lab, **options: Any) -> Any:
    return _charts().waits(lab.executions, **options)


def compare(left: Lab, right: Lab, names: tuple[str, str], **options: Any) -> Any:
    """Both runs side by side, by their names."""
    return _charts().comparison(left.executions, right.executions, names, **options)


def _until(lab: Lab, options: dict[str, Any]) -> dict[str, Any]:
    """Charts over time end now, unless somebody says otherwise."""
    return {"until_s": lab.now_s, **options}
