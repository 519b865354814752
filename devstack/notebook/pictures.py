"""Charts of a lab: its tables, handed to `devstack.charts`. Options are those of the chart."""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from typing import TYPE_CHECKING, Any

from devstack.models.gotext import SECOND_NS
from devstack.notebook import frames
from devstack.notebook.recorder import Recorder
from devstack.notebook.world import World

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Pictured", "compared"]


def _charts() -> Any:
    """Raises UsageError: what charts need is not installed."""
    charts = import_module("devstack.charts")
    charts.show_as_pictures()
    return charts


class Pictured:
    """What can be drawn of a world."""

    world: World

    def gantt(self, **options: Any) -> Any:
        """Who ran what when, coloured by outcome; faults as bands."""
        recorder = self.world.recorder
        # Every node has its row, also one that never ran anything.
        options = {"nodes": list(frames.nodes(recorder)["node"]), **self._until_now(options)}
        return _charts().gantt(_by_name(recorder), frames.faults(recorder), **options)

    def capacity(self, kind: str | None = None, **options: Any) -> Any:
        """How full the nodes were: of cpu, memory, disk or gpu."""
        recorder = self.world.recorder
        options = {"faults": frames.faults(recorder), **self._until_now(options)}
        return _charts().capacity(frames.capacity(recorder), kind, **options)

    def queue(self, **options: Any) -> Any:
        """How many executions waited and ran."""
        recorder = self.world.recorder
        options = {"faults": frames.faults(recorder), **self._until_now(options)}
        return _charts().queue(frames.queue(recorder), **options)

    def states(self, **options: Any) -> Any:
        """How executions went from state to state."""
        return _charts().states(frames.changes(self.world.recorder), **self._until_now(options))

    def messages(self, **options: Any) -> Any:
        """Who told whom what, with lost messages."""
        return _charts().sequence(frames.messages(self.world.recorder), **options)

    def graph(self, **options: Any) -> Any:
        """The requester and its nodes, with their health and what they run."""
        recorder = self.world.recorder
        return _charts().network(frames.nodes(recorder), frames.executions(recorder), **options)

    def waits(self, **options: Any) -> Any:
        """How long jobs waited for their start."""
        return _charts().waits(frames.executions(self.world.recorder), **options)

    def _until_now(self, options: dict[str, Any]) -> dict[str, Any]:
        """Charts over time end now, unless somebody says otherwise."""
        return {"until_s": self.world.now_ns / SECOND_NS, **options}


def _by_name(recorder: Recorder) -> DataFrame:
    """Executions with the names of their jobs instead of ids, where no two jobs have the same name."""
    jobs = frames.jobs(recorder)
    names = {job: name for job, name in zip(jobs["job"], jobs["name"], strict=True) if name}
    shared = {name for name, count in Counter(names.values()).items() if count > 1}
    executions = frames.executions(recorder)
    told = [name if (name := names.get(job, job)) not in shared else job for job in executions["job"]]
    return executions.assign(job=told)


def compared(left: World, right: World, names: tuple[str, str], **options: Any) -> Any:
    """Two worlds side by side, by their names."""
    return _charts().comparison(frames.executions(left.recorder), frames.executions(right.recorder), names, **options)
