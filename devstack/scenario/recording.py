"""A live session, kept as a scenario in YAML that plays it again: jobs, faults and node actions with their times.

The file is whole at any time: it is written anew, in one step, within half a second of whatever happened. A stack that
is killed loses no more than that.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from devstack.adapters.wire import encode_job
from devstack.cluster import Cluster
from devstack.errors import UsageError
from devstack.faults.fault import Fault
from devstack.models.gotext import duration_text
from devstack.models.job import LONG_RUNNING, RESERVED_META_PREFIX, Job, JobState
from devstack.scenario.cluster_text import cluster_row

__all__ = ["Recording", "spec_of"]

WRITE_EVERY_S: Final = 0.5
MILLISECOND_NS: Final = 1_000_000
MINUTE_NS: Final = 60_000_000_000
LINE_WIDTH: Final = 110
HEAD: Final = "# Recorded by `devstack up --record`; the next recording to this file replaces it.\n"
_SERVERS_OWN: Final = ("State", "Version", "Revision", "CreateTime", "ModifyTime")
_DEFAULTS: Final = {"Namespace": "default", "Priority": 0, "Constraints": [], "Meta": {}, "Labels": {}}


@attrs.define
class _Job:
    """A job that was handed in, and the row that says so."""

    name: str
    id: str
    at_ns: int
    row: Mapping[str, Any]


class Recording:
    """What happens on one stack, on its way into a file.

    Args:
        path: The scenario's file; the cassettes go to `cassettes/` beside it.

    Raises:
        UsageError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._cluster: Cluster | None = None
        self._start_ns = 0
        self._head: Mapping[str, Any] = {}
        self._jobs: dict[str, _Job] = {}
        self._actions: list[Mapping[str, Any]] = []
        self._faults: dict[int, tuple[int, Fault]] = {}  # When it began, and the fault as it was.
        self._written = ""
        _check_free(path)

    @property
    def cassettes(self) -> Path:
        return self.path.parent / "cassettes"

    # ---- what the stack tells ------------------------------------------------------------------------------

    def begin(self, cluster: Cluster) -> None:
        """The stack is ready: from here on instants count."""
        self._cluster, self._start_ns = cluster, cluster.now_ns
        self._head = cluster_row(cluster)
        self.write()

    def saw_job(self, now_ns: int, job: Job) -> None:
        """A job was taken; as it is kept, with its defaults."""
        name = self._free_name(job.name if job.name != job.id else "")
        row = {"name": name, "at": self._text(now_ns), "spec": spec_of(job)}
        self._jobs[job.id] = _Job(name, job.id, now_ns, row)

    def saw_stop(self, now_ns: int, job_id: str, reason: str) -> None:
        """Somebody asked for a job's end."""
        if (job := self._jobs.get(job_id)) is not None:
            why = {"reason": reason} if reason else {}
            self._actions.append({"at": self._text(now_ns), "stop": job.name, **why})

    def saw_node_action(self, now_ns: int, node_id: str, action: str) -> None:
        """A node was approved, rejected or deleted."""
        self._actions.append({"at": self._text(now_ns), action: node_id})

    def saw_fault(self, now_ns: int, number: int, fault: Fault) -> None:
        """A fault was injected."""
        self._faults[number] = (self._offset_ns(now_ns + fault.after_ns), attrs.evolve(fault, after_ns=0))

    def saw_fault_cleared(self, now_ns: int, number: int) -> None:
        """Somebody ended a fault before its time, or before it began."""
        if number not in self._faults:
            return
        begins_ns, fault = self._faults.pop(number)
        lasted_ns = self._offset_ns(now_ns) - begins_ns
        if lasted_ns > 0:
            self._faults[number] = (begins_ns, attrs.evolve(fault, for_ns=lasted_ns))

    # ---- the file ------------------------------------------------------------------------------------------

    async def keep_written(self) -> None:
        """Write whatever has happened, for ever."""
        while True:
            await trio.sleep(WRITE_EVERY_S)
            self.write()

    def write(self) -> None:
        """Bring the file up to date; a full disk must not end the stack."""
        text = self.text()
        if text == self._written:
            return
        unfinished = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with suppress(OSError):
            unfinished.write_text(text, "utf-8")
            unfinished.replace(self.path)
            self._written = text

    def text(self) -> str:
        """The scenario so far."""
        import yaml

        content: dict[str, Any] = {
            "about": "A recorded session.",
            "cluster": self._head,
            "jobs": [job.row for job in self._jobs.values()],
            "faults": [_fault_row(*self._faults[number]) for number in sorted(self._faults)],
            "actions": self._actions,
            "expect": self._expectations(),
        }
        kept = {key: value for key, value in content.items() if value}
        dumper: Any = type("Dumper", (yaml.SafeDumper,), {"ignore_aliases": lambda self, data: True})
        body: str = yaml.dump(kept, Dumper=dumper, sort_keys=False, width=LINE_WIDTH, allow_unicode=True)
        return HEAD + body

    def _expectations(self) -> list[dict[str, Any]]:
        """What came of the jobs that are over, and that services still run."""
        assert self._cluster is not None
        store, rows = self._cluster.requester.store, []
        for job in self._jobs.values():
            record = store.job(job.id)
            if record.state.is_terminal:
                limit_ns = 2 * max(0, record.modify_time_ns - job.at_ns) + MINUTE_NS
                within = duration_text(-(-limit_ns // MINUTE_NS) * MINUTE_NS)
                rows.append({"job": job.name, "state": record.state.text, "within": within})
            elif record.state is JobState.RUNNING and record.job.type in LONG_RUNNING:
                rows.append({"job": job.name, "state": record.state.text, "within": "1m"})
        return rows

    def _free_name(self, wanted: str) -> str:
        taken = {job.name for job in self._jobs.values()}
        if wanted and wanted not in taken:
            return wanted
        number = len(taken) + 1
        while (name := f"{wanted or 'job'}-{number}") in taken:
            number += 1
        return name

    def _offset_ns(self, now_ns: int) -> int:
        """Since the stack was ready, in whole milliseconds: a person's hand is no more exact."""
        return max(0, now_ns - self._start_ns) // MILLISECOND_NS * MILLISECOND_NS

    def _text(self, now_ns: int) -> str:
        return duration_text(self._offset_ns(now_ns))


def _check_free(path: Path) -> None:
    """Whether the file may be written: a new one, or an earlier recording.

    Raises:
        UsageError: it cannot be written, or is somebody's work.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+") as file:
            file.seek(0)
            before = file.read(len(HEAD))
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"cannot record to {path}: {exc}", "name a file in a folder of yours") from None
    if before not in ("", HEAD):
        raise UsageError(f"{path} is there already, and is no recording", "name another file, or remove it")


def _fault_row(begins_ns: int, fault: Fault) -> dict[str, Any]:
    from devstack.faults.forms import to_mapping

    return to_mapping(attrs.evolve(fault, after_ns=begins_ns))


# ---- jobs --------------------------------------------------------------------------------------------------


@attrs.define
class _Unstored:
    """A job as `encode_job` wants it, of which only the specification is of use."""

    job: Job
    state: JobState = JobState.PENDING
    message: str = ""
    revision: int = 0
    create_time_ns: int = 0
    modify_time_ns: int = 0


def spec_of(job: Job) -> dict[str, Any]:
    """The job in Bacalhau's spelling, without what the server adds and what it would fill in anyway."""
    encoded: dict[str, Any] = {**encode_job(_Unstored(job))}
    encoded["Meta"] = {key: value for key, value in encoded["Meta"].items() if not key.startswith(RESERVED_META_PREFIX)}
    encoded["Tasks"] = [_without_empty(task) for task in encoded["Tasks"]]
    unwanted = {"ID", *_SERVERS_OWN}
    if job.name == job.id:
        unwanted.add("Name")
    spec: dict[str, Any] = _plain(
        {k: v for k, v in encoded.items() if k not in unwanted and _DEFAULTS.get(k, ...) != v}
    )
    return spec


def _without_empty(task: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in task.items() if value and value not in ({"Type": ""}, {"Type": "None"})}


def _plain(value: Any) -> Any:
    """Lists and dictionaries of the plainest kind, which is what YAML is written of."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
