"""Jobs: submit, look, list, stop. Source: http_api reference 1.3 to 1.5."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import orjson
from starlette.responses import Response

from devstack.adapters import wire
from devstack.errors import InvalidJobError, InvalidQueryError
from devstack.http_api.answers import JSON_UTF8, json_answer, render
from devstack.http_api.call import Call, Handler
from devstack.http_api.errors import LateRefusalError

__all__ = ["ROUTES"]


def _items(encoded: list[dict[str, Any]], token: str = "", alias: str = "") -> dict[str, Any]:
    """A list as answers carry it; a list with something in it also under its old name. Source: D1."""
    body: dict[str, Any] = {"NextToken": token, "Items": encoded}
    if alias and encoded:
        body[alias] = encoded
    return body


def _alias(call: Call, name: str) -> str:
    return name if _compat(call) else ""


def _compat(call: Call) -> bool:
    return call.backend.behaviour.on("compat-keys")


async def submit(call: Call) -> Response:
    body = await call.json_body()
    job = None if body is None else wire.decode_submit(body)
    if job is None:
        raise InvalidJobError("empty/nil job")
    job_id, evaluation_id, warnings = call.backend.submit(job)
    return json_answer({"JobID": job_id, "EvaluationID": evaluation_id, "Warnings": list(warnings) or None})


async def list_jobs(call: Call) -> Response:
    query = call.query
    records, token = call.backend.list_jobs(
        query.text("namespace"), query.texts("labels"), query.unsigned("limit"),
        query.text("next_token"), query.text("order_by"), query.flag("reverse"),
    )  # fmt: skip
    return json_answer(_items([wire.encode_job(record) for record in records], token, _alias(call, "Jobs")))


async def get_job(call: Call) -> Response:
    included = {word.strip() for word in call.query.text("include").split(",")}
    call.query.unsigned("limit")  # It has no effect, but a bad one is refused.
    record = call.backend.find_job(call.id)
    body: dict[str, Any] = {"Job": wire.encode_job(record)}
    if "history" in included:
        body["History"] = _items([wire.encode_entry(entry) for entry in record.history])
    if "executions" in included:
        by_id = (record.executions[execution_id] for execution_id in sorted(record.executions))
        body["Executions"] = _items(_executions(call, by_id))
    return json_answer(body)


def _executions(call: Call, executions: Iterable[Any]) -> list[dict[str, Any]]:
    compat = _compat(call)
    return [wire.encode_execution(execution, compat=compat) for execution in executions]


async def stop(call: Call) -> Response:
    body = await call.json_body()
    reason = "" if body is None else wire.decode_stop(body)
    if not reason and not call.backend.behaviour.on("stop-reason-in-body-only"):
        reason = call.query.text("reason")
    # The Python package writes its None into the address.
    return json_answer({"EvaluationID": call.backend.stop(call.id, "" if reason == "None" else reason)})


_EVENT_TYPES: Final = ("", "all", "job", "execution")


async def history(call: Call) -> Response:
    query = call.query
    since_s, event_type = query.signed("since"), query.text("event_type")
    query.flag("reverse")  # As with limit above.
    if since_s < 0:
        raise _breaks_rule("Since", "min")
    if event_type not in _EVENT_TYPES:
        raise _breaks_rule("EventType", "oneof")
    entries, token = call.backend.history(
        call.id, since_s, event_type or "all", query.text("execution_id"), query.text("node_id"),
        query.unsigned("limit"), query.text("next_token"),
    )  # fmt: skip
    items = [wire.encode_entry(entry) for entry in entries]
    return json_answer(_items(items, query.token_for_pagers(token), _alias(call, "History")))


def _breaks_rule(field: str, rule: str) -> InvalidQueryError:
    return InvalidQueryError(
        f"Key: 'ListJobHistoryRequest.{field}' Error:Field validation for '{field}' failed on the '{rule}' tag"
    )


async def executions(call: Call) -> Response:
    query = call.query
    found, token = call.backend.executions(
        call.id, query.unsigned("limit"), query.text("next_token"), query.text("order_by"), query.flag("reverse")
    )
    items = _executions(call, found)
    return json_answer(_items(items, query.token_for_pagers(token), _alias(call, "Executions")))


async def results(call: Call) -> Response:
    """Compact and unescaped unless the address says `pretty`, as no other answer is."""
    call.query.unsigned("limit")
    try:
        specs = call.backend.results(call.id)
    except InvalidQueryError as exc:
        raise LateRefusalError(exc.message) from exc
    body = _items([wire.encode_spec(spec) for spec in specs], alias=_alias(call, "Results"))
    text = render(body) if call.query.texts("pretty") else orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE)
    return Response(text, headers={"content-type": JSON_UTF8})


_JOBS: Final = "/api/v1/orchestrator/jobs"
# The most called first: the router tries them in this order.
ROUTES: Final[dict[str, dict[str, Handler]]] = {
    f"{_JOBS}/{{id}}": {"GET": get_job, "DELETE": stop},
    _JOBS: {"GET": list_jobs, "PUT": submit, "POST": submit},
    f"{_JOBS}/{{id}}/executions": {"GET": executions},
    f"{_JOBS}/{{id}}/history": {"GET": history},
    f"{_JOBS}/{{id}}/results": {"GET": results},
}
