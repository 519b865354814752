"""A job as a notebook holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from devstack.errors import ConflictError
from devstack.notebook import frames, html
from devstack.scenario.simulated import execution_view, job_view
from devstack.scenario.world import JobView

if TYPE_CHECKING:
    from pandas import DataFrame

    from devstack.notebook.lab import Lab
    from devstack.notebook.why import Why
    from devstack.scenario.builders import Duration

__all__ = ["LabJob"]

PLANNED = "Planned"


class LabJob:
    """One submitted job in one lab; what it shows is as it stands now. `number` is the same in all of a lab's forks."""

    def __init__(self, lab: Lab, number: int) -> None:
        self._lab, self.number = lab, number

    @property
    def is_planned(self) -> bool:
        """Whether the instant of its submission has not come yet."""
        return self.number not in self._lab.world.jobs

    @property
    def id(self) -> str:
        """Raises ConflictError: it has not been submitted yet."""
        try:
            return self._lab.world.jobs[self.number]
        except KeyError:
            raise ConflictError(
                f"job {self.number} has not been submitted yet", "let time pass first: lab.run(...)"
            ) from None

    @property
    def _view(self) -> JobView:
        return job_view(self._lab.world.cluster, self.id)

    @property
    def state(self) -> str:
        """`Pending`, `Queued`, `Running`, `Completed`, `Failed` or `Stopped`; `Planned` before it is submitted."""
        return PLANNED if self.is_planned else self._view.state.text

    @property
    def message(self) -> str:
        """Why it is in that state, where there is something to say."""
        return "" if self.is_planned else self._view.message

    @property
    def executions(self) -> DataFrame:
        """Its attempts: one row each."""
        table = frames.executions(self._lab.world.recorder)
        found: DataFrame = table[table["job"] == self.id].reset_index(drop=True)
        return found

    @property
    def nodes_used(self) -> list[str]:
        """The nodes that it has been tried on, in that order."""
        return list(dict.fromkeys(one.node for one in self._attempts()))

    @property
    def stdout(self) -> str:
        """What its completed executions have written, one after the other."""
        return "".join(one.stdout for one in self._attempts())

    def _attempts(self) -> list[Any]:
        record = self._lab.world.cluster.requester.store.job(self.id)
        return [execution_view(one) for one in record.executions.values()]

    def why(self, at: Duration | None = None) -> Why:
        """Why its executions went where they did. Raises ConflictError: no nodes were looked at by then."""
        return self._lab.why(self, at)

    def stop(self, reason: str = "") -> None:
        """Ask for its end."""
        self._lab.stop(self, reason)

    @property
    def label(self) -> str:
        """Its name, or the beginning of its id."""
        if self.is_planned:
            return f"job {self.number}"
        job = self._lab.world.cluster.requester.store.job(self.id).job
        return self.id[:10] if job.name in ("", self.id) else job.name

    def __repr__(self) -> str:
        return f"<job {self.label}: {self.state}>"

    def _repr_html_(self) -> str:
        if self.is_planned:
            return html.card(f"{self.label} is still to be submitted")
        view = self._view
        head = html.facts({"id": view.id, "type": view.type, "state": view.state.text, "message": view.message})
        rows = [(one.node, one.state.text, one.exit_code, one.message, one.id[:10]) for one in self._attempts()]
        return html.card(f"job {self.label}", head, html.table(["node", "state", "exit", "message", "execution"], rows))
