"""Files and folders that are made from their description alone, to be added to any IPFS node."""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

CHUNK = 256 * 1024
# A number: a file of so many bytes. A text: a link. Else a folder.
Tree = int | str | Mapping[str, Any]

SIZES = (0, 1, 2, 1000, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7)
WIDTHS = (174, 175, 349)  # Pieces of a file, where a node of its tree is just full, and one more.
SHARDED_AT = 1024  # Entries of 222 letters: 256 bytes each, 256 KiB together.


def _numbered(count: int, letters: int = 222, size: int = 0) -> Tree:
    return {str(number).zfill(letters): size for number in range(count)}


def _nested(depth: int) -> Tree:
    tree: Tree = {"end": 1}
    for level in range(depth):
        tree = {f"level {level}": tree}
    return tree


TREES: dict[str, Tree] = {
    **{f"file of {size}": size for size in SIZES},
    **{f"file of {width} pieces": width * CHUNK for width in WIDTHS},
    "file of 174 pieces and a byte": 174 * CHUNK + 1,
    "empty folder": {},
    "folders in folders": {"a": {"b": {}, "c": {"d": {}}}, "e": {}},
    "results": {"stdout": 12, "stderr": 0, "exitCode": 1, "outputs": {"data.csv": 2 * CHUNK + 5}},
    "order of names": {
        name: len(name) for name in ("b", "a", "B", "aa", "a.b", "a-b", "10", "9", "Z", "ä", "日本", "_")
    },
    "odd names": {" ": 1, "a b": 2, "-": 3, "%41": 4, "a\nb": 5, "\\": 6, ".hidden": 7, "..a": 8, "x" * 255: 9},
    "no UTF-8": {os.fsdecode(b"\xff\xfe"): 3, os.fsdecode(b"caf\xe9"): 4},
    "links": {"here": 5, "to here": "here", "to nowhere": "nothing/at/all", "out": "/etc", "up": "../.."},
    "deep": _nested(100),
    "three hundred": _numbered(300, 4, 3),
    "last folder of one block": _numbered(SHARDED_AT - 1),
    "first folder of shards": _numbered(SHARDED_AT),
    "one more": _numbered(SHARDED_AT + 1),
    "shards of shards": {"big": _numbered(2_000, 150, 2), "small": {"f": 1}},
}


def random_tree(seed: int) -> Tree:
    """Another tree for each seed."""
    random = Random(seed)

    def tree(depth: int) -> Tree:
        if depth == 0 or random.random() < 0.4:
            return random.choice([*SIZES, random.randrange(5 * CHUNK)])
        letters = "abcXYZ019-_. äß日🙂"
        names = ("".join(random.choices(letters, k=random.randint(1, 12))) for _ in range(random.randrange(8)))
        return {name: tree(depth - 1) for name in names if name not in (".", "..")}

    return {"root": tree(4)}


def build(tree: Tree, path: Path) -> Path:
    """Make it there; no two pieces of a large file are alike."""
    if isinstance(tree, int):
        with path.open("wb") as file:
            for start in range(0, tree, CHUNK):
                file.seek(start)
                file.write(sha256(f"{tree} {start}".encode()).digest()[: tree - start])
            file.truncate(tree)
    elif isinstance(tree, str):
        path.symlink_to(tree)
    else:
        path.mkdir()
        for name, content in tree.items():
            build(content, path / name)
    return path
