"""The notebooks of `notebooks/`: executed as Jupyter does, and what of their outputs has to stay the same."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
FILES = sorted(FOLDER.glob("*.ipynb"))
PICTURE = "image/svg+xml"
LIMIT_S = 600  # A kernel's start and a cell each: it ends what hangs, and measures nothing.


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def executed(path: Path) -> Any:
    """The notebook with the outputs of a new kernel. Raises CellExecutionError."""
    notebook = read(path)
    with TemporaryDirectory() as folder:
        # Sockets in a folder of its own: no port is taken, and none can be taken away.
        kernel = {"transport": "ipc", "connection_file": f"{folder}/kernel.json"}
        client = NotebookClient(
            notebook, config=Config(AsyncKernelManager=kernel), kernel_name="python3", record_timing=False,
            coalesce_streams=True,  # In how many pieces a text arrives is chance.
            timeout=LIMIT_S, startup_timeout=LIMIT_S, resources={"metadata": {"path": str(FOLDER)}},
        )  # fmt: skip
        client.execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _is_ended_bar(output)]
    # Which Python it was is of no interest to anybody.
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return notebook


def _is_ended_bar(output: Any) -> bool:
    """A progress bar is seen on a slow machine only, and leaves an empty text."""
    return output.output_type == "display_data" and output.data.get("text/html") == ""


def told(notebook: Any) -> list[tuple[str, list[str]]]:
    """Each cell of code with the texts that it shows. The text of a chart is its title."""
    return [
        (cell.source, [_text(output) for output in cell.outputs]) for cell in notebook.cells if cell.cell_type == "code"
    ]


def _text(output: Any) -> str:
    return str(output.text if output.output_type == "stream" else output.data["text/plain"])


def pictures(notebook: Any) -> list[str]:
    """The pictures in its outputs, as SVG."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return [output.data[PICTURE] for output in outputs if PICTURE in output.get("data", {})]
