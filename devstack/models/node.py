"""What a node says of itself, and what the requester makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

import attrs

from devstack.models.resources import NO_RESOURCES, Resources

__all__ = [
    "NO_VERSION",
    "V1_4_0",
    "BuildVersion",
    "ComputeNodeInfo",
    "Connection",
    "Membership",
    "NodeInfo",
    "NodeState",
    "NodeType",
]


class NodeType(Enum):
    REQUESTER = "Requester"
    COMPUTE = "Compute"


class Membership(Enum):
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class Connection(Enum):
    CONNECTED = "CONNECTED"
    DISCONNECTED = "DISCONNECTED"


@attrs.frozen
class BuildVersion:
    """A version; `build_date` is an RFC 3339 text."""

    major: str = ""
    minor: str = ""
    git_version: str = ""
    git_commit: str = ""
    build_date: str = "0001-01-01T00:00:00Z"
    goos: str = ""
    goarch: str = ""


NO_VERSION: Final = BuildVersion()
# What version checks of real clients ask for. The commit and date are our own marks, not the peer's.
V1_4_0: Final = BuildVersion(
    "1", "4", "v1.4.0", "0de75ac4000000000000000000000000000de75a", "2024-06-25T10:11:12Z", "linux", "amd64"
)


@attrs.frozen
class ComputeNodeInfo:
    """Engines, publishers and sources are provider keys in lower case, in the order they are listed."""

    engines: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    max_capacity: Resources = NO_RESOURCES
    queue_used: Resources = NO_RESOURCES
    available: Resources = NO_RESOURCES
    max_job: Resources = NO_RESOURCES
    running: int = 0
    enqueued: int = 0

    def with_room(self, available: Resources, queue_used: Resources) -> ComputeNodeInfo:
        """The same with another room. Spelled out: `attrs.evolve` takes several times as long, and this is often."""
        return ComputeNodeInfo(
            self.engines, self.publishers, self.sources, self.max_capacity, queue_used, available, self.max_job,
            self.running, self.enqueued,
        )  # fmt: skip


@attrs.frozen
class NodeInfo:
    node_id: str
    type: NodeType = NodeType.COMPUTE
    labels: Mapping[str, str] = attrs.field(factory=dict)
    compute: ComputeNodeInfo | None = None
    version: BuildVersion = NO_VERSION

    def with_compute(self, compute: ComputeNodeInfo) -> NodeInfo:
        return NodeInfo(self.node_id, self.type, self.labels, compute, self.version)


@attrs.frozen
class NodeState:
    info: NodeInfo
    membership: Membership = Membership.APPROVED
    connection: Connection = Connection.DISCONNECTED
