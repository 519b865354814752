"""The trace that ui.perfetto.dev opens: every event is one of the format, and together they are true."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from devstack.exports import perfetto
from devstack.exports.perfetto import events, pieces
from devstack.exports.texts import LONGEST_TEXT

NUMBER = (int, float)
# What each phase has to have, and as what. Source: the Trace Event Format.
FIELDS = {
    "M": {"name": str, "pid": int, "args": dict},
    "b": {"cat": str, "id": str, "name": str, "pid": int, "tid": int, "ts": NUMBER, "args": dict},
    "e": {"cat": str, "id": str, "name": str, "pid": int, "tid": int, "ts": NUMBER},
    "X": {"name": str, "cat": str, "pid": int, "tid": int, "ts": NUMBER, "dur": NUMBER, "args": dict},
    "s": {"cat": str, "name": str, "id": int, "pid": int, "tid": int, "ts": NUMBER},
    "f": {"cat": str, "name": str, "id": int, "pid": int, "tid": int, "ts": NUMBER, "bp": str},
    "C": {"name": str, "pid": int, "tid": int, "ts": NUMBER, "args": dict},
    "i": {"name": str, "s": str, "pid": int, "tid": int, "ts": NUMBER, "args": dict},
}


@pytest.fixture(scope="module")
def trace(run):
    return json.loads("".join(pieces(run)))


def test_every_event_is_one_of_the_format(trace):
    """Known phases, with their fields and no others, at times that are not negative."""
    for event in trace["traceEvents"]:
        fields = FIELDS[event["ph"]]
        optional = {"tid"} if event["ph"] == "M" else set()
        assert set(fields) <= set(event) - {"ph"} <= set(fields) | optional
        assert all(isinstance(event[name], kind) for name, kind in fields.items())
        assert event.get("ts", 0) >= 0
    assert set(FIELDS) == {event["ph"] for event in trace["traceEvents"]}


def test_every_slice_that_begins_ends_and_lies_in_the_one_around_it(trace):
    """As brackets do, for each id: so the format nests them."""
    stacks: dict[tuple[str, str], list[tuple[str, float]]] = {}
    for event in trace["traceEvents"]:
        stack = stacks.setdefault((event.get("cat"), str(event.get("id"))), [])
        if event["ph"] == "b":
            assert not stack or stack[-1][1] <= event["ts"]
            stack.append((event["name"], event["ts"]))
        elif event["ph"] == "e":
            name, begin = stack.pop()
            assert (name, True) == (event["name"], begin <= event["ts"])
    assert not any(stacks.values())


def test_every_machine_is_a_process_and_every_execution_a_slice_on_its_node(run, trace):
    """With its job, its state and what became of it."""
    names = {event["args"]["name"]: event["pid"] for event in trace["traceEvents"] if event["name"] == "process_name"}
    assert {"jobs", "faults", "node-0", "node-1", "node-2", "node-3"} == set(names)
    slices = [event for event in trace["traceEvents"] if event["ph"] == "b" and "state" in event["args"]
              and event["cat"] == "execution"]  # fmt: skip
    store = run.recorder.cluster.requester.store
    made = [execution for record in store.jobs() for execution in record.executions.values()]
    assert {execution.id: names[execution.node_id] for execution in made} == {one["id"]: one["pid"] for one in slices}
    assert {"Completed", "Failed"} <= {one["args"]["state"] for one in slices}


def test_arrows_of_messages_begin_and_end_in_a_slice(trace):
    """A flow binds to the slice of its track that is there at its time."""
    slices = {(event["pid"], event["tid"], event["ts"]) for event in trace["traceEvents"] if event["ph"] == "X"}
    flows = [event for event in trace["traceEvents"] if event["ph"] in "sf"]
    assert all((event["pid"], event["tid"], event["ts"]) in slices for event in flows)
    ends = Counter(event["id"] for event in flows)
    assert {2} == set(ends.values())


def test_a_lost_message_is_told_and_has_no_arrow(trace):
    """It was sent to a node without power."""
    lost = [event for event in trace["traceEvents"] if event["name"].endswith("(lost)")]
    assert lost
    assert {"X"} == {event["ph"] for event in lost}


def test_faults_and_losses_of_power_have_their_place(trace):
    """A slice for the one, an instant on its machine for the other."""
    assert any(event["name"].startswith("crash") for event in trace["traceEvents"] if event.get("cat") == "fault")
    assert ["power off"] == [event["name"] for event in trace["traceEvents"] if event["ph"] == "i"]


def test_texts_are_bounded_and_the_file_is_ascii(run):
    """However much a job writes."""
    text = "".join(pieces(run))
    assert text.isascii()
    assert max(
        len(part) for event in events(run) for part in event.get("args", {}).values() if isinstance(part, str)
    ) <= (LONGEST_TEXT)


def test_of_too_many_messages_the_first_are_drawn_and_it_says_so(run, monkeypatch):
    """In the trace, where the rest would be."""
    monkeypatch.setattr(perfetto, "MOST_MESSAGES", 3)
    found = list(events(run))
    assert 3 == sum(event["ph"] == "s" for event in found)
    assert any("later messages are left out" in event["name"] for event in found)


def test_the_same_run_gives_the_same_file(run):
    """To the byte."""
    assert list(pieces(run)) == list(pieces(run))
