"""The API's description in OpenAPI 3.1, made from the routes, the shapes of answers and the tables of bodies.

Nothing in it is written twice: what a route reads, takes, answers and refuses is what its Operation says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from devstack import __version__
from devstack.adapters.wire.schema import Schema, Schemas
from devstack.behaviour import Behaviour
from devstack.http_api.errors import ErrorJson, status_of
from devstack.http_api.middleware import OldClientJson
from devstack.http_api.operation import Operation, Routes
from devstack.http_api.parameters import Parameter
from devstack.http_api.query import Query

__all__ = ["describe_api"]

_ABOUT: Final = """\
Bacalhau's HTTP API as a devstack serves it. Keys of bodies match in any case, unknown keys and parameters are ignored,
an empty parameter counts as not given. A client that sends `X-Bacalhau-Git-Version` must be v1.4.0 or newer; bodies may
have 10,000,000 bytes. Not described: the dashboard at `/dashboard` and the server-sent events that it follows at
`/api/v1/devstack/events`, `OPTIONS` (204 everywhere), and the old routes below `/api/v1/requester` (410).
"""
_MEANINGS: Final = {
    101: "each message of the websocket",
    200: "done",
    400: "the request cannot be read or breaks a rule",
    401: "the login was refused",
    403: "the client is too old, or a web page that may not act",
    404: "there is nothing of that id or path",
    409: "several things have such an id, the state does not allow it, or a fault has taken the requester's power",
    413: "the body is too large",
    500: "the request was refused late, as v1.4.0 does",
    429: "the client asks too often",
    503: "the answer took too long",
}
_PARAMETER_SCHEMAS: Final[Mapping[Any, Schema]] = {
    Query.text: {"type": "string"},
    Query.texts: {"type": "array", "items": {"type": "string"}},
    Query.unsigned: {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    Query.signed: {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    Query.flag: {"type": "boolean"},
}
Group = tuple[str, Routes]


def describe_api(groups: Iterable[Group], behaviour: Behaviour) -> Schema:
    """The document of these routes (by the name of their group), as the server behaves."""
    writer = _Writer(behaviour)
    paths = {path: writer.path(tag, path, methods) for tag, routes in groups for path, methods in routes.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Bacalhau devstack", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": writer.schemas.components},
    }


class _Writer:
    def __init__(self, behaviour: Behaviour) -> None:
        self.schemas = Schemas()
        self._errors_as_500 = behaviour.on("errors-as-500")
        self._requests_limited = behaviour.on("requests-limited")
        self._names: set[str] = set()

    def path(self, tag: str, path: str, methods: Mapping[str, Operation]) -> Schema:
        return {method.lower(): self._operation(tag, path, method, operation) for method, operation in methods.items()}

    def _operation(self, tag: str, path: str, method: str, operation: Operation) -> Schema:
        summary, _, rest = operation.meaning.partition("\n")
        described: Schema = {
            "tags": [tag],
            "operationId": self._name(operation, path, method),
            "summary": summary,
            **({"description": " ".join(rest.split())} if rest.strip() else {}),
            "parameters": [*_path_parameters(path, operation), *map(_parameter, operation.reads)],
        }
        if operation.body is not None:
            content: Schema = {"schema": self.schemas.of_reader(operation.body), "example": operation.example}
            described["requestBody"] = {"content": {"application/json": content}}
        described["responses"] = self._answers(path, operation)
        return described

    def _name(self, operation: Operation, path: str, method: str) -> str:
        """The function's name; with method and path where it serves several."""
        words = [operation.name, method.lower(), *path.replace("{", "").replace("}", "").split("/")]
        name = operation.name if operation.name not in self._names else "_".join(filter(None, words))
        self._names.add(name)
        return name

    def _answers(self, path: str, operation: Operation) -> Schema:
        shapes: dict[int, list[Any]] = {status: [shape] for status, shape in operation.others.items()}
        if operation.answer is not None or self._errors_as_500:
            shapes[200] = [operation.answer]
        for status in self._error_statuses(path, operation):
            shapes.setdefault(status, []).append(ErrorJson)
        for status in (400, 403):
            shapes[status].append(OldClientJson)
        shapes[503] = [str]
        if self._requests_limited:
            shapes[429] = [ErrorJson]
        return {str(status): self._answer(status, shapes[status]) for status in sorted(shapes)}

    def _error_statuses(self, path: str, operation: Operation) -> set[int]:
        statuses = {status_of(kind, errors_as_500=self._errors_as_500) for kind in operation.refusals}
        # Any request may have a bad header or a body that is too large; any id may have a slash in it.
        return statuses | {400, 403, 413} | ({404} if "{" in path else set())

    def _answer(self, status: int, shapes: list[Any]) -> Schema:
        described: Schema = {"description": _MEANINGS[status]}
        if shapes == [None]:
            return described
        media_type = "text/plain" if shapes == [str] else "application/json"
        schemas = [self.schemas.of_shape(shape) for shape in shapes]
        described["content"] = {media_type: {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}}
        return described


def _path_parameters(path: str, operation: Operation) -> list[Schema]:
    if "{" not in path:
        return []
    schema = {"type": "string", "minLength": 1}
    return [{"name": "id", "in": "path", "required": True, "description": operation.path_id, "schema": schema}]


def _parameter(parameter: Parameter[Any]) -> Schema:
    schema = dict(_PARAMETER_SCHEMAS[parameter.read])
    if parameter.words:
        schema["enum"] = list(parameter.words)
    if parameter.least is not None:
        schema["minimum"] = parameter.least
    return {"name": parameter.name, "in": "query", "description": parameter.meaning, "schema": schema}
