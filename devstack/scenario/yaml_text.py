"""YAML that remembers its lines, so that an error can say where it is.

Read as Bacalhau reads job files: dates and `1:30` are texts, and no key may stand twice.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, Final

from devstack.errors import UsageError

__all__ = ["Items", "Table", "at_line", "read_lines"]

_LOOSE_TAGS: Final = tuple(f"tag:yaml.org,2002:{name}" for name in ("timestamp", "int", "float"))
_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)\Z")
_FLOAT: Final = re.compile(r"[-+]?([0-9][0-9_]*\.[0-9_]*([eE][-+]?[0-9]+)?|\.[0-9]+|[0-9]+[eE][-+]?[0-9]+)\Z")


class Table(dict[str, Any]):
    """A mapping; `lines` tells where each key stands, `line` where the mapping begins."""

    line: int
    lines: dict[str, int]


class Items(list[Any]):
    """A list; `lines` tells where each item begins."""

    line: int
    lines: list[int]


def read_lines(path: Path) -> Any:
    """The file's content in Tables and Items.

    Raises:
        UsageError: it cannot be read, or is no YAML.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise UsageError(f"cannot read {path}: {(exc.strerror or str(exc)).lower()}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no UTF-8 text") from None
    try:
        return yaml.load(text, Loader=_loader())  # - a safe loader
    except yaml.YAMLError as exc:
        mark, problem = getattr(exc, "problem_mark", None), getattr(exc, "problem", None)
        line = mark.line + 1 if mark else 1
        raise at_line(path, line, problem or " ".join(str(exc).split())) from None


def at_line(path: Path, line: int, problem: str, hint: str = "") -> UsageError:
    """The error for something at that line."""
    return UsageError(f"{path}:{line}: {problem}", hint)


@cache
def _loader() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in pairs if tag not in _LOOSE_TAGS]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver("tag:yaml.org,2002:int", _INTEGER, list("-+0123456789"))
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
    Loader.add_constructor("tag:yaml.org,2002:map", _table)
    Loader.add_constructor("tag:yaml.org,2002:seq", _items)
    return Loader


def _table(loader: Any, node: Any) -> Table:
    import yaml

    loader.flatten_mapping(node)
    table = Table()
    table.line, table.lines = node.start_mark.line + 1, {}
    for key_node, value_node in node.value:
        key = str(loader.construct_object(key_node))
        if key in table:
            raise yaml.constructor.ConstructorError(
                problem=f"the key {key!r} is there twice", problem_mark=key_node.start_mark
            )
        table[key] = loader.construct_object(value_node, deep=True)
        table.lines[key] = key_node.start_mark.line + 1
    return table


def _items(loader: Any, node: Any) -> Items:
    items = Items(loader.construct_object(child, deep=True) for child in node.value)
    items.line, items.lines = node.start_mark.line + 1, [child.start_mark.line + 1 for child in node.value]
    return items
