"""Embeds the modules of `wat/` in the job files beside this script: run it after a change there.

A job file names the source of an embedded module in the comment behind its URL:

    URL: data:application/wasm;base64,AGFz...  # wat/hello.wat
"""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Final

import wasmtime

__all__ = ["FOLDER", "embed_all", "embedded"]

FOLDER: Final = Path(__file__).parent
_EMBEDDED: Final = re.compile(r"data:application/wasm;base64,\S*\s+# (wat/\S+)")


def embedded(text: str, folder: Path = FOLDER) -> str:
    """The job file's text with every module built anew from its source."""
    return _EMBEDDED.sub(lambda match: f"{_data_url(folder / match[1])} # {match[1]}", text)


def embed_all(folder: Path = FOLDER) -> None:
    for path in sorted(folder.glob("*.yaml")):
        path.write_text(embedded(path.read_text(), folder))


def _data_url(source: Path) -> str:
    wasm = bytes(wasmtime.wat2wasm(source.read_text()))
    return f"data:application/wasm;base64,{base64.b64encode(wasm).decode()}"


if __name__ == "__main__":
    embed_all()
