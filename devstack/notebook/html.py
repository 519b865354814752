"""How things show themselves in a notebook: small tables, in the page's own colours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Final

__all__ = ["card", "facts", "line", "table"]

MOST_ROWS: Final = 60


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, marked: Iterable[int] = ()) -> str:
    """A table; the marked rows are set in bold. Of very many rows the first are shown."""
    given = list(rows)
    bold = set(marked)
    lines = ["<table><thead><tr>", *(f"<th>{escape(text)}</th>" for text in head), "</tr></thead><tbody>"]
    for at, row in enumerate(given[:MOST_ROWS]):
        tag = "th" if at in bold else "td"
        lines.append("<tr>" + "".join(f'<{tag} style="text-align:left">{_cell(one)}</{tag}>' for one in row) + "</tr>")
    lines.append("</tbody></table>")
    if len(given) > MOST_ROWS:
        lines.append(f"<p>and {len(given) - MOST_ROWS} more</p>")
    return "".join(lines)


def line(text: str) -> str:
    """A sentence."""
    return f"<p>{escape(text)}</p>"


def facts(pairs: Mapping[str, object]) -> str:
    """What is to be said of a thing, a line each."""
    rows = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th><td style="text-align:left">{_cell(value)}</td></tr>'
        for name, value in pairs.items()
    )
    return f"<table><tbody>{rows}</tbody></table>"


def card(title: str, *parts: str) -> str:
    """A title, and what belongs to it."""
    return f"<div><p><b>{escape(title)}</b></p>{''.join(parts)}</div>"


def _cell(value: object) -> str:
    return "" if value is None else escape(str(value))
