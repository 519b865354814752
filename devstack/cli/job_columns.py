"""The columns of a job's lists. Source: command line reference 2.2."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from devstack.cli.output import Column
from devstack.cli.text import history_time, moment, short_id, short_node_id, state

__all__ = ["EXECUTIONS", "JOBS", "event_text", "history", "history_state"]

Item = Mapping[str, Any]


def _engine(job: Item) -> str:
    return str(next(((task.get("Engine") or {}).get("Type", "") for task in job.get("Tasks") or []), ""))


JOBS: Final = (
    Column("created", lambda job: moment(job.get("CreateTime") or 0), 8, "time"),
    Column("id", lambda job: str(job.get("ID", "")), 10, "id"),
    Column("job", _engine, 40),
    Column("type", lambda job: str(job.get("Type", "")), 8),
    Column("state", lambda job: str((job.get("State") or {}).get("StateType", "")), 20),
)

EXECUTIONS: Final = (
    Column("Created", lambda item: moment(item.get("CreateTime") or 0), 8, "time"),
    Column("Modified", lambda item: moment(item.get("ModifyTime") or 0), 8, "time"),
    Column("ID", lambda item: short_id(str(item.get("ID", ""))), 10),
    Column("Node ID", lambda item: short_node_id(str(item.get("NodeID", ""))), 10),
    Column("Rev.", lambda item: str(item.get("Revision", "")), 4),
    Column("State", lambda item: state((item.get("ComputeState") or {}).get("StateType")), 17),
    Column("Desired", lambda item: state((item.get("DesiredState") or {}).get("StateType"), desired=True), 10),
)


def history_state(item: Item) -> str:
    """The state that the event led to; empty where the event has none."""
    if item.get("Type") == "JobLevel":
        return str((item.get("JobState") or {}).get("New", ""))
    return state(item["ExecutionState"].get("New")) if item.get("ExecutionState") else ""


def event_text(item: Item, *, styled: bool) -> str:
    """The event's message, and its hint on a line of its own; with LOG_LEVEL=debug every other detail too."""
    event = item.get("Event") or {}
    details = event.get("Details") or {}
    lines = [str(event.get("Message", ""))]
    if details.get("Hint"):
        lines.append(f"* Hint: {details['Hint']}" if styled else f"Hint: {details['Hint']}")
    if os.environ.get("LOG_LEVEL", "").lower() == "debug":
        lines += [f"* {name}: {value}" for name, value in sorted(details.items()) if name != "Hint"]
    return "\n".join(lines)


def history(*, styled: bool) -> tuple[Column, ...]:
    return (
        Column("Time", lambda item: history_time(str(item.get("Time", ""))), 19, "time"),
        Column("Level", lambda item: str(item.get("Type", "")), 15),
        Column("Rev.", lambda item: str(item.get("NewRevision", "")), 4),
        Column("Exec. ID", lambda item: short_id(str(item.get("ExecutionID", ""))), 10),
        Column("Node ID", lambda item: short_node_id(str(item.get("NodeID", ""))), 10),
        Column("State", history_state, 20),
        Column("Topic", lambda item: str((item.get("Event") or {}).get("Topic", "")), 15, "soft"),
        Column("Event", lambda item: event_text(item, styled=styled), 60),
    )
