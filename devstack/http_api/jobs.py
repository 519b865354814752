"""Jobs: submit, look, list, stop. Source: http_api reference 1.3 to 1.5."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NotRequired, TypedDict

import orjson
from starlette.responses import Response

from devstack.adapters import wire
from devstack.adapters.wire.shapes import ExecutionJson, HistoryItemJson, JobJson, SpecJson
from devstack.errors import (
    AmbiguousIdError,
    ConflictError,
    DevstackError,
    InvalidJobError,
    InvalidQueryError,
    LateInvalidJobError,
    NotFoundError,
)
from devstack.http_api.answers import JSON_UTF8, json_answer, render
from devstack.http_api.call import Call
from devstack.http_api.errors import LateRefusalError
from devstack.http_api.operation import Routes, operation
from devstack.http_api.parameters import (
    EVENT_TYPE,
    EXECUTION_ID,
    EXECUTION_ORDER,
    INCLUDE,
    JOB_ORDER,
    LABELS,
    LIMIT,
    NAMESPACE,
    NEXT_TOKEN,
    NODE_ID,
    PRETTY,
    REASON,
    REVERSE,
    SINCE,
)

__all__ = ["ROUTES"]


_JOB_ID: Final = "a job's id, or its beginning"
_NO_SUCH_JOB: Final[tuple[type[DevstackError], ...]] = (NotFoundError, AmbiguousIdError, ConflictError)


def _items(encoded: Sequence[Any], token: str = "", alias: str = "") -> dict[str, Any]:
    """A list as answers carry it; a list with something in it also under its old name. Source: D1."""
    body: dict[str, Any] = {"NextToken": token, "Items": encoded}
    if alias and encoded:
        body[alias] = encoded
    return body


def _alias(call: Call, name: str) -> str:
    return name if _compat(call) else ""


def _compat(call: Call) -> bool:
    return call.backend.behaviour.on("compat-keys")


class SubmittedJson(TypedDict):
    JobID: str
    EvaluationID: str
    Warnings: Sequence[str] | None


@operation(
    SubmittedJson,
    body=wire.SUBMIT,
    example={"Job": {"Name": "hello", "Type": "batch", "Count": 1, "Tasks": [
        {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "busybox", "Parameters": ["echo", "hi"]}}}
    ]}},
    refusals=(InvalidJobError, LateInvalidJobError, ConflictError),
)  # fmt: skip
async def submit(call: Call) -> Response:
    """Take a job in, to be run."""
    job = await call.content()
    if job is None:
        raise InvalidJobError("empty/nil job")
    job_id, evaluation_id, warnings = call.backend.submit(job)
    return json_answer({"JobID": job_id, "EvaluationID": evaluation_id, "Warnings": list(warnings) or None})


class JobListJson(TypedDict):
    NextToken: str
    Items: Sequence[JobJson]
    Jobs: NotRequired[Sequence[JobJson]]


@operation(
    JobListJson,
    reads=(NAMESPACE, LABELS, LIMIT, NEXT_TOKEN, JOB_ORDER, REVERSE),
    refusals=(InvalidQueryError, ConflictError),
)
async def list_jobs(call: Call) -> Response:
    """Jobs, oldest first, page by page if the request says how long a page is."""
    records, token = call.backend.list_jobs(
        call[NAMESPACE], call[LABELS], call[LIMIT], call[NEXT_TOKEN], call[JOB_ORDER], call[REVERSE]
    )
    return json_answer(_items([wire.encode_job(record) for record in records], token, _alias(call, "Jobs")))


class HistoryBlockJson(TypedDict):
    NextToken: str
    Items: Sequence[HistoryItemJson]


class ExecutionBlockJson(TypedDict):
    NextToken: str
    Items: Sequence[ExecutionJson]


class OneJobJson(TypedDict):
    Job: JobJson
    History: NotRequired[HistoryBlockJson]
    Executions: NotRequired[ExecutionBlockJson]


@operation(OneJobJson, reads=(INCLUDE, LIMIT), path_id=_JOB_ID, refusals=_NO_SUCH_JOB)
async def get_job(call: Call) -> Response:
    """One job. A limit has no effect, but a bad one is refused."""
    included = {word.strip() for word in call[INCLUDE].split(",")}
    record = call.backend.find_job(call.id)
    body: dict[str, Any] = {"Job": wire.encode_job(record)}
    if "history" in included:
        body["History"] = _items([wire.encode_entry(entry) for entry in record.history])
    if "executions" in included:
        by_id = (record.executions[execution_id] for execution_id in sorted(record.executions))
        body["Executions"] = _items(_executions(call, by_id))
    return json_answer(body)


def _executions(call: Call, executions: Iterable[Any]) -> list[ExecutionJson]:
    compat = _compat(call)
    return [wire.encode_execution(execution, compat=compat) for execution in executions]


class StoppedJson(TypedDict):
    EvaluationID: str


@operation(
    StoppedJson,
    reads=(REASON,),
    body=wire.STOP,
    example={"reason": "not needed any more"},
    path_id=_JOB_ID,
    refusals=_NO_SUCH_JOB,
)
async def stop(call: Call) -> Response:
    """Stop a job. The id is empty if it was stopped already."""
    reason = await call.content() or ""
    if not reason and not call.backend.behaviour.on("stop-reason-in-body-only"):
        reason = call[REASON]
    # The Python package writes its None into the address.
    return json_answer({"EvaluationID": call.backend.stop(call.id, "" if reason == "None" else reason)})


class HistoryListJson(TypedDict):
    NextToken: str
    Items: Sequence[HistoryItemJson]
    History: NotRequired[Sequence[HistoryItemJson]]


@operation(
    HistoryListJson,
    reads=(SINCE, EVENT_TYPE, EXECUTION_ID, NODE_ID, LIMIT, NEXT_TOKEN, REVERSE),
    path_id=_JOB_ID,
    refusals=(InvalidQueryError, *_NO_SUCH_JOB),
)
async def history(call: Call) -> Response:
    """What happened to a job and its executions, oldest first; `reverse` has no effect."""
    since_s, event_type = call[SINCE], call[EVENT_TYPE]
    if since_s < 0:
        raise _breaks_rule("Since", "min")
    if event_type not in EVENT_TYPE.words:
        raise _breaks_rule("EventType", "oneof")
    entries, token = call.backend.history(
        call.id, since_s, event_type or "all", call[EXECUTION_ID], call[NODE_ID], call[LIMIT], call[NEXT_TOKEN]
    )
    items = [wire.encode_entry(entry) for entry in entries]
    return json_answer(_items(items, call.query.token_for_pagers(token), _alias(call, "History")))


def _breaks_rule(field: str, rule: str) -> InvalidQueryError:
    return InvalidQueryError(
        f"Key: 'ListJobHistoryRequest.{field}' Error:Field validation for '{field}' failed on the '{rule}' tag"
    )


class ExecutionListJson(TypedDict):
    NextToken: str
    Items: Sequence[ExecutionJson]
    Executions: NotRequired[Sequence[ExecutionJson]]


@operation(
    ExecutionListJson,
    reads=(LIMIT, NEXT_TOKEN, EXECUTION_ORDER, REVERSE),
    path_id=_JOB_ID,
    refusals=(InvalidQueryError, *_NO_SUCH_JOB),
)
async def executions(call: Call) -> Response:
    """A job's executions, the one that changed last at the end."""
    found, token = call.backend.executions(call.id, call[LIMIT], call[NEXT_TOKEN], call[EXECUTION_ORDER], call[REVERSE])
    items = _executions(call, found)
    return json_answer(_items(items, call.query.token_for_pagers(token), _alias(call, "Executions")))


class ResultListJson(TypedDict):
    NextToken: str
    Items: Sequence[SpecJson]
    Results: NotRequired[Sequence[SpecJson]]


@operation(
    ResultListJson,
    reads=(PRETTY, LIMIT, REVERSE),
    path_id=_JOB_ID,
    refusals=(LateRefusalError, *_NO_SUCH_JOB),
)
async def results(call: Call) -> Response:
    """Where the results of a job's completed executions are.

    Compact and unescaped unless the address says `pretty`, as no other answer is.
    """
    try:
        specs = await call.backend.results(call.id)
    except InvalidQueryError as exc:
        raise LateRefusalError(exc.message) from exc
    body = _items([wire.encode_spec(spec) for spec in specs], alias=_alias(call, "Results"))
    text = render(body) if call[PRETTY] else orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE)
    return Response(text, headers={"content-type": JSON_UTF8})


_JOBS: Final = "/api/v1/orchestrator/jobs"
# The most called first: the router tries them in this order.
ROUTES: Routes = {
    f"{_JOBS}/{{id}}": {"GET": get_job, "DELETE": stop},
    _JOBS: {"GET": list_jobs, "PUT": submit, "POST": submit},
    f"{_JOBS}/{{id}}/executions": {"GET": executions},
    f"{_JOBS}/{{id}}/history": {"GET": history},
    f"{_JOBS}/{{id}}/results": {"GET": results},
}
