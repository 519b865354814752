"""The requester's own events: reference 12.2."""

import pytest

from devstack.models.event import Event
from devstack.orchestrator import events

HINT = "Increase the task timeout or allocate more resources"
LATE = {"IsError": "true", "Hint": HINT, "FailsExecution": "true"}
STOP = "Execution stop requested because "


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (events.job_submitted(5), Event("Job submitted", "Submission", 5)),
        (
            events.job_translated("python", "docker", 5),
            Event(
                "Job tasks translated to new type", "Submission", 5,
                {"PreviousTaskType": "python", "NewTaskType": "docker"},
            ),
        ),
        (events.job_queued("", 5), Event("Job queued", "Queueing", 5)),
        (events.job_queued("no room", 5), Event("Job queued. no room", "Queueing", 5)),
        (
            events.stop_requested("", 5),
            Event("Job requested to stop before completion", "Scheduling", 5, {"Reason": ""}),
        ),
        (
            events.retries_exhausted(5),
            Event("Job failed because it has been retried too many times", "Scheduling", 5),
        ),
        (
            events.job_timeout(90 * 10**9, 5),
            Event("Job timed out. Job took longer than 1m30s", "Job Timeout", 5, LATE),
        ),
        (
            events.execution_timeout(10**9, 5),
            Event("Execution timed out. Execution took longer than 1s", "Exec Timeout", 5, LATE),
        ),
        (events.job_stopped(5), Event(STOP + "job has been stopped", "Scheduling", 5)),
        (events.node_gone(5), Event(STOP + "node has disappeared", "Scheduling", 5)),
        (events.node_rejected(5), Event(STOP + "node has been rejected", "Scheduling", 5)),
        (events.oversubscribed(5), Event(STOP + "there are more executions than needed", "Scheduling", 5)),
        (events.scheduling_failed("no nodes", 5), Event("no nodes", "Scheduling", 5, {"IsError": "true"})),
    ],
)  # fmt: skip
def test_events_have_bacalhaus_words(event, expected):
    """Message, topic and details are what clients see."""
    assert expected == event


def test_a_shortage_groups_the_nodes_by_reason():
    """One line a reason: the node's name when it is alone, else how many; suitable nodes have no reason."""
    reasons = [
        ("node-1", "busy"),
        ("node-2", ""),
        ("node-3", "busy"),
        ("n-01234567-89ab-4cde-8f01-23456789abcd", "old"),
    ]
    assert (
        "not enough nodes to run job. requested: 3, available: 4, suitable: 1.\n"
        "• 2 of 4 nodes: busy\n• Node node-2: \n• Node n-01234567: old"
    ) == events.not_enough_nodes_text(3, 4, 1, reasons)


@pytest.mark.parametrize(
    ("node_id", "short"),
    [
        ("node-0", "node-0"),
        ("n-01234567-89ab-4cde-8f01-23456789abcd", "n-01234567"),
        ("01234567-89ab-4cde-8f01-23456789abcd", "01234567"),
        ("n-01234567-89ab-4cde-8f01-23456789abcz", "n-01234567-89ab-4cde-8f01-23456789abcz"),
        ("Qm" + "a" * 44, "Qmaaaaaa"),
    ],
)
def test_only_uuids_and_peer_ids_are_shortened(node_id, short):
    """Names that people gave stay whole."""
    assert short == events.short_node_id(node_id)
