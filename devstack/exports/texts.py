"""What jobs and people write, on its way into files: bounded, and text in any encoding."""

from __future__ import annotations

import json
from typing import Any, Final

__all__ = ["LONGEST_TEXT", "bounded", "json_line"]

LONGEST_TEXT: Final = 4_000


def bounded(text: str) -> str:
    """Not longer than `LONGEST_TEXT`, and without halves of surrogate pairs, which no encoding has."""
    cut = text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
    return cut.encode("utf-8", "replace").decode("utf-8")


def json_line(value: Any) -> str:
    """JSON in one line of ASCII."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
