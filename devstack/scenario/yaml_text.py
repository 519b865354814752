"""YAML that remembers its lines, so that an error can say where it is.

Read as Bacalhau reads job files: dates and `1:30` are texts, and no key may stand twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

from devstack.errors import DevstackError, UsageError

__all__ = ["MOST_NUMBER", "Items", "Page", "Table", "at_line", "empty", "is_number", "read_lines", "shown"]

MOST_NUMBER: Final = 2**63 - 1
_MOST_LETTERS: Final = 10_000_000
_MOST_VALUES: Final = 1_000_000
_MOST_DIGITS: Final = 50
_MERGE: Final = "tag:yaml.org,2002:merge"

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
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(_MOST_LETTERS + 1)
    except OSError as exc:
        raise UsageError(f"cannot read {path}: {(exc.strerror or str(exc)).lower()}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no UTF-8 text") from None
    if len(text) > _MOST_LETTERS:
        raise UsageError(f"{path} is too large", f"{_MOST_LETTERS} letters are the most that is read")
    try:
        return _yaml().load(text, Loader=_loader())  # - a safe loader
    except RecursionError:
        raise at_line(path, 1, "the lists and mappings are too deep in one another") from None
    except _yaml().YAMLError as exc:
        mark, problem = getattr(exc, "problem_mark", None), getattr(exc, "problem", None)
        line = mark.line + 1 if mark else 1
        raise at_line(path, line, problem or " ".join(str(exc).split())) from None


class Page:
    """A file's content as it is being looked at: its parts, or the error for the first line that is wrong."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content = read_lines(path)

    def error(self, table: Table, key: str, problem: str, hint: str = "") -> UsageError:
        """The error for something at that key."""
        return at_line(self.path, table.lines.get(key, table.line), problem, hint)

    def checked(self, table: Table, key: str, read: Callable[[Any], Any]) -> Any:
        """The value of the key as `read` has it. Raises UsageError."""
        try:
            return read(table[key])
        except DevstackError as exc:
            raise self.error(table, key, f"{key}: {exc.message}", exc.hint) from None

    def table(self, value: Any, line: int, what: str, known: Iterable[str]) -> Table:
        """The value, which is a mapping of no other keys. Raises UsageError."""
        if not isinstance(value, Table):
            raise at_line(self.path, line, f"{what} is a mapping", f"its keys are {', '.join(known)}")
        unknown = next((key for key in value if key not in known), None)
        if unknown is not None:
            raise self.error(value, unknown, f"unknown key {shown(unknown)} of {what}", f"known are {', '.join(known)}")
        return value

    def rows(self, top: Table, key: str, known: Iterable[str]) -> list[Table]:
        """The entries of a list of mappings; none if the key is not there. Raises UsageError."""
        items = top.get(key)
        if items is None:
            return []
        if not isinstance(items, Items):
            raise self.error(top, key, f"{key} is a list")
        return [
            self.table(item, line, f"an entry of {key}", known)
            for item, line in zip(items, items.lines, strict=True)
        ]  # fmt: skip

    def number(self, table: Table, key: str, default: int, most: int = MOST_NUMBER) -> int:
        """A whole number of the table. Raises UsageError."""
        value = table.get(key, default)
        if not is_number(value, most):
            raise self.error(
                table, key, f"{key} cannot be {shown(value)}", f"write a whole number, zero or more, up to {most}"
            )
        return int(value)


def is_number(value: Any, most: int = MOST_NUMBER) -> bool:
    """Whether it is a whole number, zero or more."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def shown(value: Any) -> str:
    """The value as a message has it: short, whatever it is."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def empty(line: int) -> Table:
    """A mapping without keys that would stand at that line."""
    table = Table()
    table.line, table.lines = line, {}
    return table


def at_line(path: Path, line: int, problem: str, hint: str = "") -> UsageError:
    """The error for something at that line."""
    return UsageError(f"{path}:{line}: {problem}", hint)


@cache
def _yaml() -> Any:
    """PyYAML, when it is first needed; always the same one, whose classes the loader has."""
    import yaml

    return yaml


@cache
def _loader() -> Any:
    class Loader(_yaml().SafeLoader):  # type: ignore[misc]
        def get_single_node(self) -> Any:
            node = super().get_single_node()
            if node is not None:
                _count_values(node)
            return node

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in pairs if tag not in _LOOSE_TAGS]
        for first, pairs in _yaml().SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver("tag:yaml.org,2002:int", _INTEGER, list("-+0123456789"))
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
    Loader.add_constructor("tag:yaml.org,2002:int", _whole_number)
    Loader.add_constructor("tag:yaml.org,2002:map", _table)
    Loader.add_constructor("tag:yaml.org,2002:seq", _items)
    return Loader


def _count_values(root: Any) -> None:
    """Refuse a text whose aliases stand for more than anybody means, before any of it is made."""
    counts: dict[int, int] = {}
    under_way: set[int] = set()

    def count(node: Any) -> int:
        key = id(node)
        if key in counts:
            return counts[key]
        if key in under_way:
            raise _yaml().constructor.ConstructorError(
                problem="this alias stands for what it is in", problem_mark=node.start_mark
            )
        under_way.add(key)
        is_scalar = node.id == "scalar"
        children = [part for pair in node.value for part in pair] if node.id == "mapping" else node.value
        found = 1 if is_scalar else 1 + sum(map(count, children))
        if is_scalar and any("\ud800" <= letter <= "\udfff" for letter in node.value):
            raise _yaml().constructor.ConstructorError(
                problem="half of a surrogate pair is no text", problem_mark=node.start_mark
            )
        if found > _MOST_VALUES:
            raise _yaml().constructor.ConstructorError(
                problem=f"this stands for more than {_MOST_VALUES} values", problem_mark=node.start_mark
            )
        under_way.discard(key)
        counts[key] = found
        return found

    count(root)


def _whole_number(loader: Any, node: Any) -> int:
    if len(node.value) > _MOST_DIGITS:
        raise _yaml().constructor.ConstructorError(
            problem=f"a number of more than {_MOST_DIGITS} digits", problem_mark=node.start_mark
        )
    return int(loader.construct_yaml_int(node))


def _table(loader: Any, node: Any) -> Table:
    seen: set[str] = set()
    for key_node, _ in node.value:  # Before `<<` brings in more, which the mapping's own keys may change.
        if key_node.tag == _MERGE:
            continue
        key = str(loader.construct_object(key_node, deep=True))
        if key in seen:
            raise _yaml().constructor.ConstructorError(
                problem=f"the key {shown(key)} is there twice", problem_mark=key_node.start_mark
            )
        seen.add(key)
    loader.flatten_mapping(node)
    table = empty(node.start_mark.line + 1)
    for key_node, value_node in node.value:
        key = str(loader.construct_object(key_node, deep=True))
        table[key] = loader.construct_object(value_node, deep=True)
        table.lines[key] = key_node.start_mark.line + 1
    return table


def _items(loader: Any, node: Any) -> Items:
    items = Items(loader.construct_object(child, deep=True) for child in node.value)
    items.line, items.lines = node.start_mark.line + 1, [child.start_mark.line + 1 for child in node.value]
    return items
