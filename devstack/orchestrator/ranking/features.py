"""Rules 1 to 3: a node must have the task's engine, its publisher and all of its sources."""

from __future__ import annotations

from collections.abc import Sequence

from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.ranking.column import POSSIBLE, PREFERRED, UNSUITABLE, Column, refusing
from devstack.orchestrator.ranking.nodes import Nodes
from devstack.orchestrator.ranking.wanted import Wanted

__all__ = ["rank_by_engine", "rank_by_publisher", "rank_by_sources"]

_Listed = Sequence[tuple[str, ...] | None]


def rank_by_engine(wanted: Wanted, nodes: Nodes, config: RequesterConfig) -> Column:
    return _rank((wanted.engine,), nodes.engines, config)


def rank_by_publisher(wanted: Wanted, nodes: Nodes, config: RequesterConfig) -> Column:
    """A task without a publisher suits every node, and as well as a listed one."""
    return _rank((wanted.publisher,), nodes.publishers, config)


def rank_by_sources(wanted: Wanted, nodes: Nodes, config: RequesterConfig) -> Column:
    return _rank(wanted.sources, nodes.sources, config)


def _rank(keys: Sequence[str], listed: _Listed, config: RequesterConfig) -> Column:
    needed = [key for key in keys if key and key not in config.unlisted_providers]
    if not needed:
        return Column([PREFERRED] * len(listed))
    if len(needed) == 1:
        key = needed[0]
        ranks = [POSSIBLE if own is None else PREFERRED if key in own else UNSUITABLE for own in listed]
    else:
        wanted = set(needed)
        ranks = [POSSIBLE if own is None else PREFERRED if wanted.issubset(own) else UNSUITABLE for own in listed]
    return Column(ranks, {position: _reason(needed, listed[position] or ()) for position in refusing(ranks)})


def _reason(needed: Sequence[str], own: tuple[str, ...]) -> str:
    missing = next(key for key in needed if key not in own)
    return f"does not support {missing}, only {', '.join(own)}"
