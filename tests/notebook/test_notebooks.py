"""The notebooks that people begin with: what is kept in them is what they show today."""
# ruff: noqa: E402  # Where the packages are missing, the whole file is skipped before it imports them.

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("nbclient", reason="notebooks are executed with the extra [test]")
pytest.importorskip("ipykernel", reason="notebooks are executed with the extra [test]")

from tests.notebook.execution import FILES, FOLDER, executed, pictures, read, told

MOST_BYTES = 600_000
FEWEST_PICTURES = 1
README = FOLDER.parent / "README.md"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_notebook_shows_what_is_kept_in_it(path: Path):
    """Every text is the same; `python -m tests.notebook` renews them."""
    kept, now = read(path), executed(path)
    assert told(kept) == told(now)
    assert len(pictures(kept)) == len(pictures(now)) >= FEWEST_PICTURES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_notebook_can_be_read_anywhere(path: Path):
    """Small, with pictures that need no script, and nothing of the machine that it was executed on."""
    text = path.read_text("utf-8")
    assert len(text.encode()) < MOST_BYTES
    assert "<script" not in text
    assert not [word for word in ("http://127.0.0.1:", str(FOLDER.parent), " object at 0x") if word in text]
    assert all(picture.startswith("<svg") for picture in pictures(read(path)))


def test_readme_names_every_notebook():
    """With the command that renews them."""
    text = README.read_text("utf-8")
    assert FILES
    assert [] == [path.name for path in FILES if f"notebooks/{path.name}" not in text]
    assert "python -m tests.notebook" in text
