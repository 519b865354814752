"""The nodes of a lab: members or not, connected or not, and what they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from devstack.notebook import html
from devstack.notebook.extra import pandas
from devstack.scenario.simulated import node_views

if TYPE_CHECKING:
    from pandas import DataFrame

    from devstack.notebook.lab import Lab

__all__ = ["Network"]

_NETWORK: Final = ("node", "membership", "connection", "power", "running", "waiting", "cpu used", "cpu")


class Network:
    """The nodes with their membership, their health and what they do. `table` is the data frame."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    @property
    def table(self) -> DataFrame:
        return pandas().DataFrame(self._rows(), columns=_NETWORK)

    def _rows(self) -> list[tuple[object, ...]]:
        cluster = self._lab.world.cluster
        return [
            (
                view.id,
                view.membership,
                "connected" if view.is_connected else "disconnected",
                "on" if cluster.has_power(view.id) else "off",
                *_work(cluster.nodes.get(view.id) if cluster.has_power(view.id) else None),
            )
            for view in node_views(cluster)
        ]

    def __repr__(self) -> str:
        return "\n".join(" ".join(f"{cell!s:12}" for cell in row) for row in [_NETWORK, *self._rows()])

    def _repr_html_(self) -> str:
        return html.card(f"the network at {self._lab.now}", html.table(_NETWORK, self._rows()))


def _work(node: Any) -> tuple[object, ...]:
    """What runs and waits on a node, and its use."""
    if node is None:
        return "", "", "", ""
    info = node.info().compute
    return info.running, info.enqueued, node.running.cpu_millis / 1000, node.config.total.cpu_millis / 1000
