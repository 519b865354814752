"""What nodes that come and go mean to the requester, and that nothing grows."""

from __future__ import annotations

import pytest

from devstack.behaviour import parse
from devstack.messages import (
    Heartbeat,
    ManagementReply,
    Register,
    Send,
    UpdateInfo,
)
from devstack.models.job import Timeouts
from devstack.models.node import NodeInfo
from tests.orchestrator.desk import SECOND, Desk

# ---- nodes -------------------------------------------------------------------------------------------------


def test_a_node_hears_whether_it_was_taken_in():
    """Registering and updating are answered; a rejected node is refused."""
    desk = Desk(1)
    info = NodeInfo("n1")
    desk.hear(Register(info))
    desk.change("n1", "reject")
    desk.hear(UpdateInfo(info))
    desk.hear(UpdateInfo(NodeInfo("n9")), "n9")
    assert [
        Send("n1", ManagementReply("Register", True, "node already registered")),
        Send("n1", ManagementReply("UpdateInfo", False, "node registration rejected")),
        Send("n9", ManagementReply("UpdateInfo", False, "node not yet registered")),
    ] == desk.sent()


def test_an_unknown_change_of_a_node_is_refused():
    """In Bacalhau's words."""
    assert "unsupported action" == Desk(1).change("n1", "paint")


@pytest.mark.parametrize(("switch", "nodes"), [("off", {"n1", "n2"}), ("on", {"n1"})])
def test_a_node_that_joins_gets_daemons_only_where_documented(switch, nodes):
    """`node-join-wakes-nobody`."""
    desk = Desk(1, parse([f"node-join-wakes-nobody={switch}"]))
    job_id = desk.submit("daemon")
    desk.join("n2")
    assert nodes == {execution.node_id for execution in desk.executions(job_id)}


@pytest.mark.parametrize("change", ["join", "approve", "reconnect"])
def test_a_job_that_waits_for_room_is_looked_at_when_a_node_comes(change):
    """Also when a rejected one is approved, or one that was silent is heard again."""
    desk = Desk(1)
    if change == "approve":
        desk.change("n1", "reject")
    elif change == "reconnect":
        desk.pass_time(90 * SECOND)
    else:
        desk.change("n1", "delete")
    job_id = desk.submit(timeouts=Timeouts(queue_s=3600))
    assert [] == desk.executions(job_id)
    if change == "approve":
        desk.change("n1", "approve")
    elif change == "reconnect":
        desk.hear(Heartbeat("n1", 9))
    else:
        desk.join("n2")
    assert 1 == len(desk.executions(job_id))


def test_a_job_that_needs_nothing_is_left_alone_when_a_node_comes():
    """All that it wants is there; an ops job is placed only once."""
    desk = Desk(1)
    job_id = desk.submit()
    desk.run(desk.executions(job_id)[0])
    ops = desk.submit("ops")
    desk.log.clear()
    desk.join("n2")
    assert ([], 1) == (desk.notes("plan"), len(desk.executions(ops)))


@pytest.mark.parametrize("change", ["disconnect", "reject", "delete"])
@pytest.mark.parametrize("switch", ["off", "on"])
def test_a_node_that_leaves_loses_its_executions_only_where_documented(change, switch):
    """`disconnected-node-keeps-executions`: in v1.4.0 nobody even looks."""
    desk = Desk(2, parse([f"disconnected-node-keeps-executions={switch}"]))
    job_id = desk.submit()
    (execution,) = desk.executions(job_id)
    desk.run(execution)
    (other,) = {"n1", "n2"} - {execution.node_id}
    if change == "disconnect":
        desk.pass_time(65 * SECOND, heartbeats=(other,))
    else:
        desk.change(execution.node_id, change)
    nodes = [one.node_id for one in desk.executions(job_id)]
    assert ([execution.node_id, other] if switch == "off" else [execution.node_id]) == nodes


def test_what_happens_to_nodes_is_noted():
    """Joining, leaving, coming back."""
    desk = Desk(1)
    desk.pass_time(90 * SECOND)
    desk.hear(Heartbeat("n1", 9))
    desk.change("n1", "reject")
    desk.change("n1", "approve")
    desk.change("n1", "delete")
    assert [f"n1 {what}" for what in ("disconnect", "reconnect", "reject", "approve", "delete")] == desk.notes("node")


# ---- what grows --------------------------------------------------------------------------------------------


def test_a_finished_job_leaves_nothing_but_its_record():
    """No call, evaluation or timer of it is left."""
    desk = Desk(3)
    for _ in range(20):
        job_id = desk.submit()
        (execution,) = desk.executions(job_id)
        desk.run(execution)
        desk.finish(execution)
    broker = desk.machine.broker
    assert 0 == len(desk.machine._calls)
    assert [{}] * 5 == [broker._attempts, broker._current, broker._pending, broker._in_flight, broker._dead]
    assert 0 == len(broker._waiting)
    assert [] == desk.machine.store.in_progress()
    desk.pass_time(60 * SECOND)
    assert {"housekeeping", "heartbeats"} == set(desk.timers)
