"""Tables, csv, json and yaml on standard output. Source: command line reference 2.1 and 2.2.

rich's tables are no help here: they fit themselves to the terminal and shorten cells, while these columns have fixed
limits of their own and a pipe must see the same text as a person.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import attrs
import click

__all__ = [
    "Column",
    "Format",
    "Style",
    "emit",
    "emit_list",
    "in_colour",
    "json_text",
    "render_csv",
    "render_table",
    "yaml_text",
]

Rule = Literal["cut", "soft", "hard", "time", "id"]
Format = Literal["table", "csv", "json", "yaml"]

_HEADER: Final = {"fg": "bright_green", "bold": True}


@attrs.frozen
class Column:
    """One column: its name, what it shows of an item, how wide it may be and what happens to longer cells."""

    name: str
    value: Callable[[Mapping[str, Any]], str]
    limit: int = 0
    rule: Rule = "cut"


@attrs.frozen
class Style:
    """How a list is to be shown."""

    output: Format = "table"
    pretty: bool = False
    hide_header: bool = False
    no_style: bool = False
    wide: bool = False


def emit(value: Any, output: str, *, pretty: bool = False) -> None:
    """One value on standard output."""
    click.echo(yaml_text(value) if output == "yaml" else json_text(value, pretty=pretty), nl=output != "yaml")


def emit_list(columns: Sequence[Column], items: Sequence[Mapping[str, Any]], style: Style) -> None:
    """A list on standard output, in the wanted form."""
    if style.output in ("json", "yaml"):
        emit(items, style.output, pretty=style.pretty)
    elif style.output == "csv":
        click.echo(render_csv(columns, items, hide_header=style.hide_header), nl=False)
    else:
        click.echo(render_table(columns, items, style), nl=False)


def json_text(value: Any, *, pretty: bool = False) -> str:
    separators = None if pretty else (",", ":")
    return json.dumps(value, ensure_ascii=False, indent=2 if pretty else None, separators=separators)


def yaml_text(value: Any) -> str:
    """Block style, keys sorted, nothing wrapped."""
    import yaml

    dumper = yaml.CSafeDumper if hasattr(yaml, "CSafeDumper") else yaml.SafeDumper

    class Plain(dumper):  # type: ignore[misc, valid-type]
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: Any, value: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Plain.add_representer(str, text)
    return str(
        yaml.dump(value, Dumper=Plain, sort_keys=True, default_flow_style=False, allow_unicode=True, width=2**31 - 1)
    )


def render_csv(columns: Sequence[Column], items: Iterable[Mapping[str, Any]], *, hide_header: bool = False) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if not hide_header:
        writer.writerow([column.name for column in columns])
    writer.writerows([column.value(item) for column in columns] for item in items)
    return text.getvalue()


def render_table(columns: Sequence[Column], items: Iterable[Mapping[str, Any]], style: Style) -> str:
    """Borderless columns, each as wide as its longest line."""
    rows = [[_fit(column.value(item), column, style.wide) for column in columns] for item in items]
    header = [_fit(column.name.upper(), column, style.wide) for column in columns]
    shown = rows if style.hide_header else [header, *rows]
    widths = [max((len(line) for row in shown for line in row[index]), default=0) for index in range(len(columns))]
    coloured = not style.no_style and in_colour()
    lines = []
    for number, row in enumerate(shown):
        for text in _lines(row, widths):
            is_header = coloured and not style.hide_header and number == 0
            lines.append(click.style(text, **_HEADER) if is_header else text)  # type: ignore[arg-type]
    return "".join(line + "\n" for line in lines)


def in_colour() -> bool:
    """Whether standard output is a terminal that wants colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _lines(row: Sequence[Sequence[str]], widths: Sequence[int]) -> list[str]:
    height = max((len(cell) for cell in row), default=1)
    cells = [[*cell, *[""] * (height - len(cell))] for cell in row]
    return ["".join(f" {cell[n]:<{width}} " for cell, width in zip(cells, widths, strict=True)) for n in range(height)]


def _fit(text: str, column: Column, wide: bool) -> list[str]:
    """The cell's lines, none longer than the column's limit."""
    from devstack.cli.text import harmless, short_id

    text = harmless(text.replace("\t", " "))
    limit = 0 if wide else column.limit
    if limit and column.rule == "id":
        text = short_id(text)
    if limit and column.rule == "time" and len(text) > limit:
        text = re.sub(r"^\d{4}-\d\d-\d\d ", "", text)
    if limit and column.rule == "hard":
        text = re.sub(" +", " ", text)
    return [part for line in text.split("\n") for part in _broken(line, limit, column.rule)]


def _broken(line: str, limit: int, rule: Rule) -> list[str]:
    if not limit or len(line) <= limit:
        return [line]
    if rule == "soft":
        return textwrap.wrap(line, limit, break_on_hyphens=False) or [""]
    return [line[at : at + limit] for at in range(0, len(line), limit)]
