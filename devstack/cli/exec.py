"""`exec`: code as a job of a known kind. Source: command line reference 1.4 and 9."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from devstack.cli import selectors, sources
from devstack.cli.flags import BOOL, Command, Uint32, comma_list, option
from devstack.cli.inline import inline_source
from devstack.cli.options import Runtime, runtime_flags
from devstack.cli.run_flags import labels_of, variable, within
from devstack.cli.running import run
from devstack.errors import UsageError

__all__ = ["exec_"]

_KINDS: Final = {"python": "Python", "duckdb": "DuckDB"}
_CODE_FOLDER: Final = "/code"


@click.command("exec", cls=Command)
@click.argument("kind", metavar="JOBTYPE")
@click.argument("arguments", nargs=-1, metavar="[ARG...]")
@option("--code", default="", metavar="PATH", help="File or folder that travels with the job, to /code.")
@option("--version", default="3.11", help="The Python that is wanted.")
@option("-i", "--input", multiple=True, metavar="URI[:TARGET]", help="Input: s3://, http(s)://, ipfs:// or file://.")
@option("-o", "--output", multiple=True, metavar="NAME:PATH", help="Folder of results; needs a publisher.")
@option("-p", "--publisher", metavar="URI", help="Where results go: local, ipfs, s3://BUCKET/KEY.")
@option("-e", "--env", multiple=True, callback=comma_list, metavar="K=V", help="Environment variables.")
@option("-l", "--labels", multiple=True, callback=comma_list, metavar="K=V", help="Labels of the job.")
@option("-s", "--selector", default="", metavar="SELECTOR", help="Run only on nodes with such labels.")
@option("--timeout", type=Uint32(), default=0, metavar="SECONDS", help="How long it may take.")
@option("--do-not-track", type=BOOL, hidden=True, expose_value=False)
@runtime_flags
def exec_(kind: str, arguments: tuple[str, ...], runtime: Runtime, **flags: Any) -> None:
    """Run code as a job of JOBTYPE: python or duckdb.

    Flags for the code itself come after `--`. The network must have nodes with an engine of that name, or turn such
    jobs into containers; a stack of `up` does neither.
    """
    if kind not in _KINDS:
        raise UsageError(f"the job type '{kind}' is not supported (use {' or '.join(_KINDS)})")
    run(_job(kind, arguments, flags), runtime, attempt="failed request")


def _job(kind: str, arguments: tuple[str, ...], flags: Mapping[str, Any]) -> dict[str, Any]:
    # A shell takes the words apart again on the node.
    words = [shlex.quote(word) if " " in word else word for word in arguments]
    params = {"Version": flags["version"]} if kind == "python" else {}
    inputs = [within("--input", sources.parse_input, text) for text in flags["input"]]
    outputs = [within("--output", sources.parse_output, text) for text in flags["output"]]
    published = flags["publisher"] is not None
    return {
        "Name": _KINDS[kind],
        "Type": "batch",
        "Count": 1,
        "Labels": labels_of(flags["labels"]),
        "Constraints": [
            needed.as_constraint() for needed in within("--selector", selectors.parse_selector, flags["selector"])
        ],
        "Tasks": [
            {
                "Name": "execute",
                "Engine": {"Type": kind, "Params": params | {"Command": kind, "Arguments": words}},
                "Publisher": within("--publisher", sources.parse_publisher, flags["publisher"]) if published else {},
                "Env": dict(variable("--env", text) for text in flags["env"]),
                "InputSources": [*inputs, *_code(flags["code"])],
                "ResultPaths": outputs or ([{"Name": "outputs", "Path": "/outputs"}] if published else []),
                "Timeouts": {"ExecutionTimeout": flags["timeout"]},
            }
        ],
    }


def _code(path: str) -> list[dict[str, Any]]:
    if not path:
        return []
    given = Path(path).absolute()
    if not given.exists():
        raise UsageError(f"--code: there is no file or folder {path}")
    target = f"{_CODE_FOLDER}/{given.name}" if given.is_file() else _CODE_FOLDER
    source = {"Type": "inline", "Params": {"URL": inline_source(given)}}
    return [{"Source": source, "Alias": "code", "Target": target}]
