"""Nothing that a client sends is answered with a 500."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

JOBS = "/api/v1/orchestrator/jobs"
JSON = {"content-type": "application/json"}

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
KEYS = st.text(max_size=3) | st.sampled_from(["Type", "Params", "Name", "Key", "Values", "Source", "Target", "CPU"])
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)
TASK = st.fixed_dictionaries(
    {"Name": st.just("m") | ANYTHING, "Engine": st.just({"Type": "docker"}) | ANYTHING},
    optional={
        key: ANYTHING
        for key in ("Publisher", "Env", "Meta", "InputSources", "ResultPaths", "Resources", "Network", "Timeouts")
    },
)
JOB = st.fixed_dictionaries(
    {"Type": st.sampled_from(["batch", "ops", "service", "daemon", 1]), "Tasks": st.lists(TASK, max_size=2) | ANYTHING},
    optional={
        key: ANYTHING
        for key in ("ID", "Name", "Namespace", "Priority", "Count", "Constraints", "Meta", "Labels", "State", "Version")
    },
)


@given(JOB)
def test_any_job_is_taken_or_refused(ask, job):
    """Whatever is in the fields of a job, the answer is 200 or 400, and what was taken can be read again."""
    answer = ask("PUT", JOBS, content=json.dumps({"Job": job}), headers=JSON)
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 200:
        job_id = answer.json()["JobID"]
        assert job_id == ask("GET", JOBS).json()["Items"][-1]["ID"]


@given(st.binary(max_size=50))
def test_any_bytes_are_refused(ask, body):
    """Bytes are no job."""
    assert 400 == ask("PUT", JOBS, content=body, headers=JSON).status_code


NAMES = ["limit", "next_token", "order_by", "reverse", "labels", "namespace", "since", "event_type", "include"]


@given(
    st.sampled_from(["", "/j", "/j/history", "/j/executions", "/j/results"]),
    st.dictionaries(st.sampled_from(NAMES), st.text(max_size=5) | st.integers().map(str)),
)
def test_any_parameters_are_taken_or_refused(ask, path, parameters):
    """Whatever is asked for, the client is never told that it is our mistake."""
    answer = ask("GET", JOBS + path, params=parameters)
    assert answer.status_code in (200, 400, 404, 409), answer.text


@given(st.text(min_size=1))
def test_any_id_is_found_or_not(ask, text):
    """Any text is an id that nothing has, or no path at all."""
    path = quoted(text)
    assert ask("GET", f"{JOBS}/{path}").status_code in (200, 307, 404, 409)
    assert ask("GET", f"/api/v1/orchestrator/nodes/{path}").status_code in (200, 404, 409)


def quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")
