"""Why an execution is where it is: the choices of nodes for a job, made again. Ours alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Final, TypedDict

import trio
from starlette.responses import Response

from devstack.errors import AmbiguousIdError, ConflictError, NotFoundError, UsageError
from devstack.explain import Choice
from devstack.explain.verdicts import Verdict, verdicts
from devstack.http_api.answers import json_answer
from devstack.http_api.call import Call
from devstack.http_api.operation import Routes, operation
from devstack.http_api.parameters import AT, CHOSEN_EXECUTION, VERDICT_NODE
from devstack.models.gotext import rfc3339

__all__ = ["ROUTES"]

# The latest of a job that was retried for ever.
MOST_CHOICES: Final = 20
# Nodes times counter-changes of one answer: about two seconds. Many nodes or choices get fewer changes each.
MOST_LOOKS: Final = 10_000
# One at a time: each takes as long as a few hundred placements, and the cluster goes on beside it.
_desk: Final = trio.CapacityLimiter(1)


class RuleJson(TypedDict):
    Rule: str
    Rank: Annotated[int, "below zero: it refused the node"]
    Reason: str


class VerdictJson(TypedDict):
    NodeID: str
    IsPlaced: bool
    Rank: Annotated[int, "of all rules together; -1: refused, or absent"]
    Reason: str
    Rules: Sequence[RuleJson]
    Changes: Annotated[Sequence[str], "with all of these the node would have been chosen; at few nodes only"]


class PlacementJson(TypedDict):
    ExecutionID: str
    NodeID: str


class ChoiceJson(TypedDict):
    Time: str
    Because: Annotated[Sequence[str], "which executions had ended; empty for a job's first choice"]
    Placed: Sequence[PlacementJson]
    Nodes: Sequence[VerdictJson]


class ExplanationJson(TypedDict):
    JobID: str
    Choices: Annotated[Sequence[ChoiceJson], "oldest first; the latest ones only"]


@operation(
    ExplanationJson,
    reads=(AT, CHOSEN_EXECUTION, VERDICT_NODE),
    path_id="a job's id, or its beginning",
    refusals=(NotFoundError, AmbiguousIdError, ConflictError, UsageError),
)
async def explain(call: Call) -> Response:
    """Why nodes were chosen for a job, or were not: each rule's rank, and what would have made the difference."""
    job_id, choices = call.backend.choices(call.id, call[AT], call[CHOSEN_EXECUTION])
    work = partial(_encoded, choices[-MOST_CHOICES:], call[VERDICT_NODE])
    answer: ExplanationJson = {"JobID": job_id, "Choices": await trio.to_thread.run_sync(work, limiter=_desk)}
    return json_answer(answer)


def _encoded(choices: Sequence[Choice], node_id: str) -> list[ChoiceJson]:
    nodes = max(1, *(len(choice.decision.states) for choice in choices))
    shown = choices[-max(1, MOST_LOOKS // nodes) :]
    counters = max(1, MOST_LOOKS // (nodes * len(shown)))
    return [_choice(choice, node_id, counters) for choice in shown]


def _choice(choice: Choice, node_id: str, counters: int) -> ChoiceJson:
    return {
        "Time": rfc3339(choice.time_ns),
        "Because": choice.because,
        "Placed": [{"ExecutionID": execution_id, "NodeID": at} for execution_id, at in choice.placed],
        "Nodes": [_verdict(verdict) for verdict in verdicts(choice, node_id, counters)],
    }


def _verdict(verdict: Verdict) -> VerdictJson:
    return {
        "NodeID": verdict.node_id,
        "IsPlaced": verdict.is_placed,
        "Rank": verdict.rank,
        "Reason": verdict.reason,
        "Rules": [{"Rule": rule.rule, "Rank": rule.rank, "Reason": rule.reason} for rule in verdict.rules],
        "Changes": verdict.changes,
    }


ROUTES: Routes = {"/api/v1/devstack/explain/{id}": {"GET": explain}}
