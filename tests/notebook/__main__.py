"""Executes the notebooks of `notebooks/` and keeps their new outputs in them.

python -m tests.notebook
"""

from __future__ import annotations

import nbformat

from devstack.notebook.progress import Progress
from tests.notebook.execution import FILES, executed

with Progress("notebooks") as progress:
    for done, path in enumerate(FILES):
        progress.tell(done / len(FILES), path.name)
        nbformat.write(executed(path), path)
