"""What clients may list."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from devstack.behaviour import DOCUMENTED, Behaviour, parse
from devstack.errors import InvalidQueryError
from devstack.models.event import NO_EVENT
from devstack.models.execution import ComputeState, Execution
from devstack.models.history import JobHistory
from devstack.models.job import Job, JobState, SpecConfig, Task
from devstack.models.node import ComputeNodeInfo, NodeInfo
from devstack.models.resources import Resources
from devstack.models.selectors import parse_selector
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.nodes import NodeTable
from devstack.orchestrator.queries import Queries, check_execution_order
from devstack.orchestrator.store import JobRecord, JobStore

SECOND = 1_000_000_000
V1_4_0 = parse(["v1.4.0"])


def queries(behaviour: Behaviour = DOCUMENTED) -> Queries:
    return Queries(JobStore(), NodeTable(RequesterConfig(behaviour=behaviour)), behaviour)


def add_job(lists: Queries, job_id: str, namespace: str = "default", at_s: int = 1, **labels: str) -> JobRecord:
    task = Task("main", SpecConfig("noop"), SpecConfig())
    job = Job(job_id, job_id, namespace, "batch", count=1, labels=labels, tasks=(task,))
    return lists._store.create_job(job, "", NO_EVENT, at_s * SECOND)


def with_jobs(ids: Iterable[str], behaviour: Behaviour = DOCUMENTED) -> Queries:
    lists = queries(behaviour)
    for at_s, job_id in enumerate(ids, 1):
        add_job(lists, job_id, at_s=at_s)
    return lists


def names(records: list[JobRecord]) -> str:
    return "".join(record.job.id for record in records)


# ---- jobs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order_by", "reverse", "documented", "v1_4_0"),
    [
        ("", False, "caeb", "caeb"),
        ("", True, "beac", "beac"),
        ("created_at", False, "caeb", "caeb"),
        ("create_time", True, "beac", "beac"),
        ("colour", False, "caeb", "caeb"),
        ("id", False, "abce", "caeb"),
        ("id", True, "ecba", "beac"),
        ("modified_at", False, "aebc", "aebc"),
        ("modified_at", True, "cbea", "cbea"),
        ("modify_time", False, "aebc", "caeb"),
    ],
)
def test_orders_of_jobs(order_by: str, reverse: bool, documented: str, v1_4_0: str) -> None:
    """By creation, id or last change (D3); v1.4.0 knows no order by id. `c` was stopped last."""
    found = []
    for behaviour in (DOCUMENTED, V1_4_0):
        lists = with_jobs("caeb", behaviour)
        lists._store.update_job(lists._store.job("c"), JobState.STOPPED, NO_EVENT, 9 * SECOND)
        found.append(names(lists.jobs(order_by=order_by, reverse=reverse)[0]))
    assert [documented, v1_4_0] == found


def test_jobs_by_namespace() -> None:
    """An exact match; nothing and a star stand for all."""
    lists = queries()
    for job_id, namespace in (("a", "one"), ("b", "two"), ("c", "one")):
        add_job(lists, job_id, namespace)
    found = [names(lists.jobs(namespace=namespace)[0]) for namespace in ("one", "On", "", "*")]
    assert ["ac", "", "abc", "abc"] == found


def test_jobs_by_labels_within_a_namespace() -> None:
    """All requirements must hold, and the namespace too."""
    lists = queries()
    add_job(lists, "a", "client1", gpu="true", fast="true")
    add_job(lists, "b", "client1", gpu="true", fast="false")
    add_job(lists, "c", "client2", gpu="true", fast="true")
    assert "a" == names(lists.jobs("client1", parse_selector("gpu=true,fast=true"))[0])


def test_pages_of_jobs() -> None:
    """The token leads from page to page and overrides the rest; filters come before limits."""
    lists = with_jobs("abcde")
    page, token = lists.jobs(limit=2)
    assert ("ab", "Ok46Mjoy") == (names(page), token)
    page, token = lists.jobs(next_token=token, limit=1, reverse=True)
    assert "cd" == names(page)
    assert ("e", "") == (names(lists.jobs(next_token=token)[0]), lists.jobs(next_token=token)[1])
    page, token = lists.jobs(next_token="Y3JlYXRlZF9hdDpZOjI6MQ")
    assert ("dc", "Y3JlYXRlZF9hdDpZOjI6Mw") == (names(page), token)
    assert ("de", "") == (names(lists.jobs(next_token="Ok46MDoz")[0]), lists.jobs(next_token="Ok46MDoz")[1])


def test_a_page_of_many_jobs_looks_at_few() -> None:
    """The order of creation is the store's own: a page ends the search."""
    lists = with_jobs(f"{number:05}" for number in range(10_000))
    looked_at = []

    class Counting:
        requirements = (None,)

        def matches(self, labels: object) -> bool:
            looked_at.append(labels)
            return True

    page, _ = lists.jobs(selector=Counting(), reverse=True, limit=10)
    assert (10, "09999", 11) == (len(page), page[0].job.id, len(looked_at))


# ---- history ---------------------------------------------------------------------------------------------------


def a_history(lists: Queries) -> JobRecord:
    """A job with three updates and an execution with three, a second apart."""
    store = lists._store
    record = add_job(lists, "j", at_s=1)
    execution = Execution("e-1", "j", "node-1", "default", "v")
    store.create_execution(execution, NO_EVENT, 2 * SECOND)
    for at_s, state in ((3, JobState.QUEUED), (5, JobState.RUNNING), (7, JobState.COMPLETED)):
        store.update_job(record, state, NO_EVENT, at_s * SECOND)
        compute = {3: ComputeState.ASK_FOR_BID, 5: ComputeState.BID_ACCEPTED, 7: ComputeState.COMPLETED}[at_s]
        store.update_execution(execution, (at_s + 1) * SECOND + 500, compute=compute)
    return record


def seconds(entries) -> list[int]:
    return [entry.time_ns // SECOND for entry in entries]


def test_a_history_is_ordered_by_time() -> None:
    """Entries of the job and its executions come as they happened."""
    lists = queries()
    assert list(range(1, 9)) == seconds(lists.history(a_history(lists))[0])


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"event_type": "all"}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"event_type": "job"}, [1, 3, 5, 7]),
        ({"event_type": "execution"}, [2, 4, 6, 8]),
        ({"execution_id": "e-"}, [2, 4, 6, 8]),
        ({"execution_id": "e-2"}, []),
        ({"node_id": "node-1"}, [2, 4, 6, 8]),
        ({"node_id": "node-2"}, []),
        ({"execution_id": "e-1", "event_type": "job"}, []),
        ({"since_s": 6}, [6, 7, 8]),
        ({"since_s": 4, "event_type": "execution"}, [4, 6, 8]),
    ],
)
def test_filters_of_a_history(filters: dict[str, object], expected: list[int]) -> None:
    """Ids are prefixes and leave out the job's own entries; `since` counts whole seconds."""
    lists = queries()
    assert expected == seconds(lists.history(a_history(lists), **filters)[0])


@pytest.mark.parametrize(
    ("filters", "field", "tag"), [({"since_s": -1}, "Since", "min"), ({"event_type": "rocket"}, "EventType", "oneof")]
)
def test_bad_questions_about_a_history(filters: dict[str, object], field: str, tag: str) -> None:
    """The refusal names the field and the rule."""
    lists = queries()
    with pytest.raises(InvalidQueryError) as caught:
        lists.history(a_history(lists), **filters)
    expected = f"Key: 'ListJobHistoryRequest.{field}' Error:Field validation for '{field}' failed on the '{tag}' tag"
    assert expected == caught.value.message


def test_a_history_has_pages_too() -> None:
    """A limit gives a token (D10); v1.4.0 ignores both."""
    lists = queries()
    record = a_history(lists)
    page, token = lists.history(record, limit=5)
    assert ([1, 2, 3, 4, 5], [6, 7, 8]) == (seconds(page), seconds(lists.history(record, next_token=token)[0]))
    old = queries(V1_4_0)
    entries, token = old.history(a_history(old), limit=5, next_token="nonsense!")
    assert (8, "") == (len(entries), token)


def test_the_golden_sequence_of_a_batch_job_keeps_its_order_in_one_instant() -> None:
    """What is written at the same virtual time is listed as it was written: the approval before the job's start."""
    lists = queries()
    store, record = lists._store, add_job(lists, "j")
    execution = Execution("e", "j", "node-1", "default", "v")
    store.create_execution(execution, NO_EVENT, SECOND)
    for compute in (ComputeState.ASK_FOR_BID, ComputeState.ASK_FOR_BID_ACCEPTED, None):
        store.update_execution(execution, SECOND, compute=compute)
    store.update_job(record, JobState.RUNNING, NO_EVENT, SECOND)
    for compute in (ComputeState.BID_ACCEPTED, ComputeState.COMPLETED):
        store.update_execution(execution, SECOND, compute=compute)
    store.update_job(record, JobState.COMPLETED, NO_EVENT, SECOND)
    steps = [
        f"{'J' if isinstance(entry, JobHistory) else 'E'}{entry.new_revision} {int(entry.previous)}→{int(entry.new)}"
        for entry in lists.history(record)[0]
    ]
    expected = ["J1 1→1", "E1 1→1", "E2 1→2", "E3 2→3", "E4 3→3", "J2 1→3", "E5 3→5", "E6 5→7", "J3 3→4"]
    assert expected == steps


# ---- executions ------------------------------------------------------------------------------------------------


def with_executions(behaviour: Behaviour = DOCUMENTED) -> tuple[Queries, JobRecord]:
    lists = queries(behaviour)
    record = add_job(lists, "j")
    for at_s, execution_id in enumerate("bca", 1):
        execution = Execution(execution_id, "j", "node-1", "default", "v")
        lists._store.create_execution(execution, NO_EVENT, at_s * SECOND)
    lists._store.update_execution(record.executions["b"], 9 * SECOND, compute=ComputeState.FAILED)
    return lists, record


def ids(executions: list[Execution]) -> str:
    return "".join(execution.id for execution in executions)


@pytest.mark.parametrize(
    ("order_by", "forwards"),
    [("", "cab"), ("modify_time", "cab"), ("create_time", "bca"), ("id", "abc"), ("state", "acb")],
)
def test_orders_of_executions(order_by: str, forwards: str) -> None:
    """By last change unless said otherwise; among equals the id decides."""
    lists, record = with_executions()
    found = [ids(lists.executions(record, order_by, reverse)[0]) for reverse in (False, True)]
    assert [forwards, forwards[::-1]] == found


def test_an_unknown_order_of_executions() -> None:
    """It is refused, even before the job is looked up."""
    with pytest.raises(InvalidQueryError, match="invalid order_by"):
        check_execution_order("colour")
    lists, record = with_executions()
    with pytest.raises(InvalidQueryError, match="invalid order_by"):
        lists.executions(record, "colour")


def test_pages_of_executions() -> None:
    """A limit gives a token (D10); v1.4.0 cuts the list and ignores tokens."""
    lists, record = with_executions()
    page, token = lists.executions(record, "id", limit=2)
    assert ("ab", "c") == (ids(page), ids(lists.executions(record, next_token=token)[0]))
    lists, record = with_executions(V1_4_0)
    page, token = lists.executions(record, "id", limit=2, next_token="nonsense!")
    assert ("ab", "") == (ids(page), token)


# ---- nodes -----------------------------------------------------------------------------------------------------


def with_nodes(behaviour: Behaviour = DOCUMENTED) -> Queries:
    lists = queries(behaviour)
    rows = [("node-1", 2, 30, "prod"), ("node-2", 3, 20, "prod"), ("node-3", 1, 10, "test")]
    for node_id, cpu, memory, env in rows:
        available = Resources(cpu * 1000, memory, memory * 2, cpu)
        labels = {"env": env, "name": node_id}
        lists._nodes.register(NodeInfo(node_id, labels=labels, compute=ComputeNodeInfo(available=available)), 0)
        lists._nodes.heartbeat(node_id, 0)
    lists._nodes.reject("node-3")
    return lists


def numbers(states) -> str:
    return "".join(state.info.node_id[-1] for state in states)


@pytest.mark.parametrize(
    ("order_by", "forwards"),
    [
        ("", "0123"),
        ("id", "0123"),
        ("type", "0123"),
        ("available_cpu", "2130"),
        ("available_memory", "1230"),
        ("available_disk", "1230"),
        ("available_gpu", "2130"),
        ("approval", "0123"),
        ("status", "0123"),
    ],
)
def test_orders_of_nodes(order_by: str, forwards: str) -> None:
    """Room is ordered most first; a requester has none; `status` compares membership."""
    lists = with_nodes()
    found = [numbers(lists.nodes(order_by=order_by, reverse=reverse)[0]) for reverse in (False, True)]
    assert [forwards, forwards[::-1]] == found


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, "0123"),
        ({"filter_approval": "approved"}, "012"),
        ({"filter_approval": "REJECTED"}, "3"),
        ({"filter_approval": "whatever"}, ""),
        ({"filter_status": "Connected"}, "123"),
        ({"filter_status": "disconnected"}, "0"),
        ({"filter_status": "connected", "filter_approval": "approved"}, "12"),
        ({"selector": parse_selector("name=node-1")}, "1"),
        ({"selector": parse_selector("env=prod")}, "12"),
        ({"selector": parse_selector("name=node-1,env=prod")}, "1"),
        ({"selector": parse_selector("env!=prod")}, "03"),
        ({"selector": parse_selector("env in (prod,test)")}, "123"),
        ({"selector": parse_selector("env notin (prod,test)")}, "0"),
        ({"selector": parse_selector("!absent")}, "0123"),
    ],
)
def test_filters_of_nodes(filters: dict[str, object], expected: str) -> None:
    """Words in any case, unknown words fit no node, and labels are selected as of jobs."""
    assert expected == numbers(with_nodes().nodes(**filters)[0])


def test_an_unknown_order_of_nodes() -> None:
    """It is refused."""
    with pytest.raises(InvalidQueryError, match="invalid order_by"):
        with_nodes().nodes(order_by="colour")


def test_pages_of_nodes() -> None:
    """A limit gives a token (D10); v1.4.0 only cuts the list."""
    page, token = with_nodes().nodes(limit=3)
    assert ("012", "3") == (numbers(page), numbers(with_nodes().nodes(next_token=token)[0]))
    page, token = with_nodes(V1_4_0).nodes(limit=3, next_token="nonsense!")
    assert ("012", "") == (numbers(page), token)
