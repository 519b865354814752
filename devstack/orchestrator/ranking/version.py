"""Rule 7: a node must not be older than the oldest version that works with this requester."""

from __future__ import annotations

from typing import Final

from devstack.models.node import NO_VERSION, BuildVersion
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.ranking.column import POSSIBLE, PREFERRED, UNSUITABLE, Column, refusing
from devstack.orchestrator.ranking.nodes import Nodes
from devstack.orchestrator.ranking.wanted import Wanted

__all__ = ["rank_by_version"]

_DEVELOPMENT: Final = ("0", "0", "v0.0.0-xxxxxxx")
_UNKNOWN: Final = ("", "", "")


def rank_by_version(wanted: Wanted, nodes: Nodes, config: RequesterConfig) -> Column:
    """Compute nodes do not tell their version in Bacalhau v1.4.0; an unknown one is let through.

    The parts are compared as text, as in Bacalhau: `10` comes before `9`.
    """
    oldest = _parts(config.min_version)
    ranks = [POSSIBLE if version is NO_VERSION else _rank(_parts(version), oldest) for version in nodes.versions]
    return Column(ranks, dict.fromkeys(refusing(ranks), "Bacalhau version is incompatible"))


def _rank(version: tuple[str, str, str], oldest: tuple[str, str, str]) -> int:
    if version == _UNKNOWN:
        return POSSIBLE
    return PREFERRED if version == _DEVELOPMENT or version >= oldest else UNSUITABLE


def _parts(version: BuildVersion) -> tuple[str, str, str]:
    return version.major, version.minor, version.git_version
