"""The page's files, as they lie in the package."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Final

__all__ = ["PAGE", "page_files"]

PAGE: Final = "index.html"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@lru_cache(maxsize=1)
def page_files() -> Mapping[str, tuple[str, bytes]]:
    """By name: the media type and the content of each."""
    found = {}
    for file in files(__package__).joinpath("static").iterdir():
        suffix = file.name[file.name.rfind(".") :]
        if suffix in _TYPES:
            found[file.name] = _TYPES[suffix], file.read_bytes()
    return found
