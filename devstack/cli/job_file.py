"""Job files: found, filled in, read, and made ready to be sent. Source: command line reference 3.1 to 3.4."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from devstack.cli.spec import SYSTEM_FIELDS
from devstack.cli.text import is_text
from devstack.errors import InvalidJobError, UsageError

__all__ = ["parse", "read_text", "unwrap"]

_MOST_BYTES: Final = 10_485_760  # more than that no server takes
_MOST_DEPTH: Final = 100
_MOST_VALUES: Final = 500_000
_TOO_DEEP: Final = f"it is nested too deeply: {_MOST_DEPTH} levels are allowed"
_DESCRIBED: Final = frozenset({"Job", "Executions", "History"})


def read_text(path: str | None) -> str:
    """The file's text, or all of standard input.

    Raises:
        UsageError: the file cannot be read, or there is nothing in it.
    """
    try:
        if path is None:
            content = sys.stdin.buffer.read(_MOST_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                content = file.read(_MOST_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as exc:
        raise UsageError(f'opening job file ("{path}"): {(exc.strerror or str(exc)).lower()}') from None
    except ValueError:
        raise UsageError(f"{path or 'standard input'}: a job file is UTF-8 text") from None
    if len(content) > _MOST_BYTES:
        raise UsageError(f"{path or 'standard input'}: a job file has at most {_MOST_BYTES} bytes")
    if not text.strip():
        raise InvalidJobError("no content provided")
    return text


def parse(text: str) -> Mapping[str, Any]:
    """The JSON or YAML object in the text, whichever it is.

    Raises:
        InvalidJobError: it is neither, or no object.
    """
    if not is_text(text):
        raise InvalidJobError("a job file is UTF-8 text, and so are the values that are filled in")
    try:
        try:
            content = json.loads(text, object_pairs_hook=_object)
        except json.JSONDecodeError:
            content = _yaml(text)
    except RecursionError:
        raise InvalidJobError(_TOO_DEEP) from None
    except ValueError as exc:
        raise InvalidJobError(f"a number in it cannot be read: {exc}") from None
    if not isinstance(content, Mapping):
        raise InvalidJobError("a job is an object with Type and Tasks, this is something else")
    _check_size(content)
    return content


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InvalidJobError(f"the key {twice!r} is there twice")
    return found


def _check_size(content: Any) -> None:
    """YAML's aliases can make a few lines as large as the memory; JSON's escapes can write half a character."""
    waiting, count = [(content, 1)], 0
    while waiting:
        value, depth = waiting.pop()
        count += 1
        if depth > _MOST_DEPTH:
            raise InvalidJobError(_TOO_DEEP)
        if count > _MOST_VALUES:
            raise InvalidJobError(f"it holds more than {_MOST_VALUES} values: does one alias repeat another?")
        if isinstance(value, str) and not value.isascii() and not is_text(value):
            raise InvalidJobError(f"{value!r} is no text: it holds half a character")
        inner = (*value, *value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else ()
        waiting += [(each, depth + 1) for each in inner]


def unwrap(content: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """A job as `job describe` prints it, made fit to be submitted again; and what was dropped, in words."""
    job = content.get("Job")
    if not isinstance(job, Mapping) or not content.keys() <= _DESCRIBED:
        return content, []
    dropped = {name: value for name, value in job.items() if name in SYSTEM_FIELDS}
    kept = {name: value for name, value in job.items() if name not in SYSTEM_FIELDS}
    meta = {key: value for key, value in (kept.get("Meta") or {}).items() if not key.startswith("bacalhau.org/")}
    # The server names a nameless job after its id; the next run is another job.
    name = "" if kept.get("Name") == job.get("ID") else kept.get("Name", "")
    return {**kept, "Meta": meta, "Name": name}, [
        f"job {_WORDS[field]} is ignored when submitting a job" for field in SYSTEM_FIELDS if dropped.get(field)
    ]


_WORDS: Final = {
    "ID": "ID", "State": "state", "Version": "version",
    "Revision": "revision", "CreateTime": "create time", "ModifyTime": "modify time",
}  # fmt: skip


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.load(text, Loader=_loader())  # - a safe loader
    except yaml.YAMLError as exc:
        raise InvalidJobError(f"neither JSON nor YAML: {_where(exc)}") from None


def _where(exc: Exception) -> str:
    mark, problem = getattr(exc, "problem_mark", None), getattr(exc, "problem", None)
    place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
    return f"{problem or ' '.join(str(exc).split())}{place}"


def _loader() -> Any:
    """A safe loader that takes dates and `1:30` as text, as Bacalhau's does, and no key twice."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in pairs if tag not in (_TIMESTAMP, _INTEGER, _FLOAT)]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver(_INTEGER, _integers(), list("-+0123456789"))
    Loader.add_implicit_resolver(_FLOAT, _floats(), list("-+0123456789."))
    Loader.add_constructor("tag:yaml.org,2002:map", _unique)
    return Loader


_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"
_INTEGER: Final = "tag:yaml.org,2002:int"
_FLOAT: Final = "tag:yaml.org,2002:float"


def _integers() -> Any:
    import re

    return re.compile(r"[-+]?(0b[01_]+|0o?[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)\Z")


def _floats() -> Any:
    import re

    return re.compile(
        r"[-+]?([0-9][0-9_]*\.[0-9_]*([eE][-+]?[0-9]+)?|\.[0-9]+([eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)\Z"
    )


def _unique(loader: Any, node: Any) -> dict[str, Any]:
    import yaml

    keys = [loader.construct_object(key) for key, _ in node.value]
    for index, key in enumerate(keys):
        if key in keys[:index]:
            mark = node.value[index][0].start_mark
            raise yaml.constructor.ConstructorError(problem=f"the key {key!r} is there twice", problem_mark=mark)
    loader.flatten_mapping(node)
    return {
        key if isinstance(key := loader.construct_object(name, deep=True), str) else _key(key): loader.construct_object(
            content, deep=True
        )
        for name, content in node.value
    }


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) or key is None else str(key)
