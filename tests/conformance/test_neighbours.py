"""Requests beside the recorded ones: the same rules, other ids, words, limits and mistakes, and their exact answers.

The recorded conversations show one request for each rule. Here are its neighbours, by the folder they stand beside,
against `--behaviour v1.4.0` and against what is documented.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.stacks import Stack, job, noop, running

pytestmark = pytest.mark.live

J, N, A = "/orchestrator/jobs", "/orchestrator/nodes", "/auth/clientkey"
UNKNOWN = "j-00000000-0000-4000-8000-000000000000"
CANNOT = "json: cannot unmarshal"
PAGES = "invalid paging token:"
LABEL = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)


@pytest.fixture(scope="module", params=["v1.4.0", "documented"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def stack(mode: str) -> Iterator[Stack]:
    with running("--nodes", "5", "--docker", "off", "--behaviour", mode) as started:
        yield started


def bound(inner: str, cause: str = "") -> str:
    """The text of a request that could not be read."""
    return f"code=400, message={inner}, internal={cause or inner}"


def wrong_type(expected: str, got: str, field: str, offset: int, struct: str) -> str:
    target = f"struct field {struct}.{field}" if field else "value"
    inner = f"Unmarshal type error: expected={expected}, got={got}, field={field}, offset={offset}"
    return bound(inner, f"{CANNOT} {got} into Go {target} of type {expected}")


def bad_number(text: str, why: str = "invalid syntax", parser: str = "ParseUint") -> str:
    return bound(f'strconv.{parser}: parsing "{text}": {why}')


def history_rule(field: str, rule: str) -> str:
    key = f"Key: 'ListJobHistoryRequest.{field}'"
    return f"{key} Error:Field validation for '{field}' failed on the '{rule}' tag"


def batch(**changes: Any) -> dict[str, Any]:
    """A submission of a job that is good but for the changes; those with `task_` are made to its task."""
    return {"Job": job(noop(), **changes)}


def task_problem(text: str) -> str:
    return f"task main validation failed: {text}"


def resource_problem(text: str) -> str:
    return task_problem(f"task resources validation failed: {text}")


def inputs(*sources: dict[str, Any]) -> dict[str, Any]:
    return batch(task_InputSources=list(sources))


def inline(**changes: Any) -> dict[str, Any]:
    return {"Source": {"Type": "inline", "Params": {"URL": "data:,x"}}, "Alias": "", "Target": "/x", **changes}


def constraint(key: str, operator: str, *values: str) -> dict[str, Any]:
    return batch(Constraints=[{"Key": key, "Operator": operator, "Values": list(values)}])


EARLY = 400, 400  # A mistake that v1.4.0 sees at once.
LATE = 500, 400  # One that it takes for its own.
MISSING = 500, 404
CLASH = 500, 409
VERB = 404, 405

# Folder, method, path, body (text is sent as it is), the two statuses, the text of the answer.
REFUSALS: list[tuple[str, str, str, Any, tuple[int, int], str]] = [
    ("validation", "PUT", J, "5", EARLY, wrong_type("apimodels.PutJobRequest", "number", "", 1, "")),
    ("validation", "PUT", J, '"x"', EARLY, wrong_type("apimodels.PutJobRequest", "string", "", 3, "")),
    ("validation", "PUT", J, "{}", EARLY, "empty/nil job"),
    ("validation", "POST", J, '{"Job":null}', EARLY, "empty/nil job"),
    ("validation", "PUT", J, '{"Job":{"Type":"ba', EARLY, bound("unexpected EOF")),
    ("validation", "PUT", J, '{"Job":[]}', EARLY, wrong_type("models.Job", "array", "Job", 8, "PutJobRequest")),
    ("validation", "PUT", J, '{"Job":{"Type":5}}', EARLY, wrong_type("string", "number", "Job.Type", 16, "Job")),
    ("validation", "PUT", J, '{"Job":{"Priority":0.5}}', EARLY,
     wrong_type("int", "number 0.5", "Job.Priority", 22, "Job")),
    ("validation", "PUT", J, '{"Job":{"Labels":{"a":1}}}', EARLY,
     wrong_type("string", "number", "Job.Labels", 23, "Job")),
    ("validation", "PUT", J, '{"Job":{"Tasks":["x"]}}', EARLY,
     wrong_type("models.Task", "string", "Job.Tasks", 20, "Job")),
    ("validation", "PUT", J, '{"Job":{"Tasks":[{"Resources":{"CPU":1}}]}}', EARLY,
     wrong_type("string", "number", "Job.Tasks.Resources.CPU", 38, "ResourcesConfig")),
    ("validation", "PUT", J, '{"Job":{"Tasks":[{"Timeouts":{"TotalTimeout":"5"}}]}}', EARLY,
     wrong_type("int64", "string", "Job.Tasks.Timeouts.TotalTimeout", 48, "TimeoutConfig")),
    ("validation", "PUT", J, batch(type="weekly"), EARLY, 'invalid job type: "weekly"'),
    ("validation", "PUT", J, batch(type=" batch "), EARLY, 'invalid job type: " batch "'),
    ("validation", "PUT", J, batch(type="ops", count=-3), EARLY, "job count must be >= 0"),
    ("validation", "PUT", J, {"Job": {"Type": "batch", "Count": 1, "Tasks": []}}, EARLY, "missing job tasks"),
    ("validation", "PUT", J, batch(task_Engine=None), EARLY, task_problem("engine validation failed: nil spec config")),
    ("validation", "PUT", J, batch(task_Engine={}), EARLY, task_problem("engine validation failed: missing spec type")),
    ("validation", "PUT", J, inputs({"Target": "/x"}), EARLY,
     task_problem("artifact validation failed: invalid artifact source: nil spec config")),
    ("validation", "PUT", J, inputs(inline(Target=" ")), EARLY,
     task_problem("artifact validation failed: missing artifact target")),
    ("validation", "PUT", J, batch(task_ResultPaths=[{"Name": "o", "Path": "/o"}]), EARLY,
     task_problem("publisher must be set if result paths are set")),
    ("validation", "PUT", J, batch(task_Publisher={"Type": "local"}, task_ResultPaths=[{}]), EARLY,
     task_problem("output validation failed: path is blank\nresultpath name is blank")),
    ("validation", "PUT", J, constraint("", "exists"), EARLY,
     "constraint 1 validation failed: selector key cannot be blank"),
    ("validation", "PUT", J, constraint("a", "notin"), EARLY,
     "constraint 1 validation failed: selector values cannot be empty for In or NotIn operators"),
    ("validation", "PUT", J, constraint("a", "!", "x"), EARLY,
     "constraint 1 validation failed: selector values must be empty for Exists or DoesNotExist operators"),
    ("validation", "PUT", J, constraint("a", "!=", "x", "y"), EARLY,
     "constraint 1 validation failed: selector values must have exactly one value for other operators"),
    ("resources", "PUT", J, batch(task_Resources={"CPU": "1.5.2"}), LATE, resource_problem("invalid CPU value: 1.5.2")),
    ("resources", "PUT", J, batch(task_Resources={"CPU": "1k"}), LATE, resource_problem("invalid CPU value: 1k")),
    ("resources", "PUT", J, batch(task_Resources={"Memory": "1e3"}), LATE,
     resource_problem("invalid memory value: 1e3")),
    ("resources", "PUT", J, batch(task_Resources={"Disk": "-1gb"}), LATE, resource_problem("invalid disk value: -1gb")),
    ("resources", "PUT", J, batch(task_Resources={"GPU": "1.5"}), LATE, resource_problem("invalid GPU value: 1.5")),
    ("lifecycle", "PUT", J, batch(task_Timeouts={"ExecutionTimeout": 10, "QueueTimeout": 10, "TotalTimeout": 15}), LATE,
     task_problem("task timeouts validation failed: execution timeout 10s and queue timeout 10s should be less than "
                  "total timeout 15s")),
    ("submit", "PUT", J, batch(type="daemon", ID="my daemon"), LATE, "job ID contains a space"),
    ("errors", "GET", f"{J}/{UNKNOWN}", None, MISSING, f"Job not found. ID: {UNKNOWN}"),
    ("errors", "GET", f"{J}/j-0000/executions", None, MISSING, "Job not found. ID: j-0000"),
    ("errors", "GET", f"{J}/zzz/history", None, MISSING, "Job not found. ID: zzz"),
    ("errors", "GET", f"{J}/e-12345678/results", None, MISSING, "Job not found. ID: e-12345678"),
    ("errors", "DELETE", f"{J}/j-0000", None, MISSING, "Job not found. ID: j-0000"),
    ("errors", "DELETE", f"{J}/{UNKNOWN}", '{"reason":5}', EARLY,
     wrong_type("string", "number", "reason", 11, "StopJobRequest")),
    ("errors", "GET", "/orchestrator/jobs/", None, (404, 404), "Not Found"),
    ("errors", "GET", "/agent/config", None, (404, 404), "Not Found"),
    ("errors", "POST", "/compute/debug", None, (404, 404), "Not Found"),
    ("errors", "PATCH", J, None, VERB, "Method Not Allowed: this path takes GET, POST, PUT"),
    ("errors", "PUT", f"{J}/x", None, VERB, "Method Not Allowed: this path takes DELETE, GET"),
    ("errors", "GET", "/version", None, VERB, "Method Not Allowed: this path takes POST"),
    ("errors", "GET", f"{J}?limit=4294967296", None, EARLY, bad_number("4294967296", "value out of range")),
    ("errors", "GET", f"{J}?limit=1.5", None, EARLY, bad_number("1.5")),
    ("errors", "GET", f"{N}?reverse=yes", None, EARLY, bad_number("yes", parser="ParseBool")),
    ("errors", "GET", f"{N}?order_by=ID", None, EARLY, "invalid order_by"),
    ("listing", "GET", f"{J}?next_token=YTpiOmM", None, EARLY, f"invalid number of parts: {PAGES} YTpiOmM"),
    ("listing", "GET", f"{J}?next_token=aWQ6WToyNTo1MA==", None, EARLY,
     f"failed to decode paging token: {PAGES} aWQ6WToyNTo1MA=="),
    ("listing", "GET", f"{J}?next_token=Olk6LTE6MQ", None, EARLY, f"malformed token: {PAGES} Olk6LTE6MQ"),
    ("listing", "GET", f"{J}?labels=a,,b", None, EARLY, "found ',', expected: identifier after ','"),
    ("listing", "GET", f"{J}?labels=a=b=c", None, EARLY, "found '=', expected: ',' or 'end of string'"),
    ("listing", "GET", f"{J}?labels=a%20in%20b", None, EARLY, "unable to parse requirement: found 'b', expected: '('"),
    ("listing", "GET", f"{J}?labels=a%20IN%20(b)", None, EARLY,
     "unable to parse requirement: found 'IN', expected: in, notin, =, ==, !=, gt, lt"),
    ("listing", "GET", f"{J}?labels=-a", None, EARLY,
     f'unable to parse requirement: key: Invalid value: "-a": name part {LABEL}'),
    ("nodes", "GET", f"{N}/node", None, CLASH,
     "multiple nodes found for nodeID prefix: node, matching nodeIDs: [node-0 node-1 node-2 ...]"),
    ("nodes", "GET", f"{N}/NODE-1", None, MISSING, "nodeInfo not found for nodeID: NODE-1"),
    ("nodes", "PUT", f"{N}/node-1", {"Action": 5}, EARLY,
     wrong_type("string", "number", "Action", 12, "PutNodeRequest")),
    ("agent", "GET", "/auth/ClientKey", None, (404, 404), "Not Found"),
    ("agent", "POST", "/auth/other", {"MethodData": "e30="}, (404, 404), "Not Found"),
    ("agent", "POST", A, {"MethodData": "e30"}, EARLY, bound("illegal base64 data at input byte 0")),
    ("agent", "POST", A, {"MethodData": "bm8="}, LATE,
     "invalid authentication data: an object with PhraseSignature and PublicKey is wanted"),
]  # fmt: skip


@pytest.mark.parametrize(("folder", "method", "path", "body", "statuses", "text"), REFUSALS)
def test_a_mistake_near_a_recorded_one_is_told_alike(
    stack: Stack, mode: str, folder: str, method: str, path: str, body: Any, statuses: tuple[int, int], text: str
):
    """The status of the mode, the two keys, and the text to the letter."""
    status = statuses[mode == "documented"]
    if statuses == VERB and mode == "v1.4.0":
        text = "Not Found"
    wanted = {"error": f"code={status}, message={text}", "message": text}
    if status == 500:
        wanted = {"error": text, "message": "Internal Server Error"}
    raw = None if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
    assert (status, wanted) == stack.call(method, path, raw=raw), folder


LABELS: dict[str, dict[str, str]] = {
    "a": {"x": "1", "env": "p"}, "b": {"x": "10"}, "c": {"x": "abc", "Env": "p"}, "d": {}, "e": {"x": "", "y": "2.0"},
}  # fmt: skip


@pytest.fixture(scope="module")
def namespace(stack: Stack) -> str:
    for name, labels in LABELS.items():
        stack.submit(job(noop(), Name=name, Labels=labels, Namespace="neighbours"))
    return "neighbours"


@pytest.mark.parametrize(
    ("query", "names", "token"),
    [
        ("", "abcde", ""), ("limit=5", "abcde", ""), ("limit=4", "abcd", ":N:4:4"),
        ("limit=2&reverse=T", "ed", ":Y:2:2"), ("limit=3&order_by=create_time", "abc", "create_time:N:3:3"),
        ("limit=1&limit=2", "a", ":N:1:1"), ("LIMIT=2&labels=x", "ab", ":N:2:2"), ("next_token=Ok46Mjo1MA", "", ""),
        ("next_token=Onk6Mjow", "ab", ":N:2:2"), ("next_token=Ok46Mjoy&labels=x", "ce", ""),
        ("labels=x", "abce", ""), ("labels=!x", "d", ""), ("labels=x%3E5", "b", ""), ("labels=x%3C5", "a", ""),
        ("labels=x=", "e", ""), ("labels=x%20in%20(1,)", "ae", ""), ("labels=x%20notin%20(1,10)", "cde", ""),
        ("labels=x!=1", "bcde", ""), ("labels=env", "a", ""), ("labels=x&labels=x!=10", "ace", ""),
        ("labels=y==2.0", "e", ""),
    ],
)  # fmt: skip
def test_a_list_near_a_recorded_one_has_the_same_order(
    stack: Stack, namespace: str, query: str, names: str, token: str
):
    """Filters, orders, limits and the token of what is left."""
    status, answer = stack.call("GET", f"{J}?namespace={namespace}&{query}")
    assert (200, names) == (status, "".join(item["Name"] for item in answer["Items"]))
    assert base64.urlsafe_b64encode(token.encode()).decode().rstrip("=") == answer["NextToken"]


@pytest.mark.parametrize(
    ("query", "nodes"),
    [
        ("order_by=approval&reverse=true", [5, 4, 3, 2, 1, 0]),
        ("filter-status=disconnected", [0]), ("Filter-Approval=pending", []),
        ("filter_status=disconnected", [0, 1, 2, 3, 4, 5]),
        ("labels=name=node-0&labels=env=devstack", [0]), ("labels=!env", []), ("limit=1&reverse=1", [5]),
        ("labels=name%20notin%20(node-1)&limit=3", [0, 2, 3]), ("namespace=none&limit=0", [0, 1, 2, 3, 4, 5]),
    ],
)  # fmt: skip
def test_nodes_near_the_recorded_ones_have_the_same_order(stack: Stack, query: str, nodes: list[int]):
    """Filters in any case, words that fit none, and parameters that count for nothing."""
    status, answer = stack.call("GET", f"/orchestrator/nodes?{query}")
    assert (200, "") == (status, answer["NextToken"])
    assert [f"node-{number}" for number in nodes] == [node["Info"]["NodeID"] for node in answer["Nodes"]]
