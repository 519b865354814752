"""A compute node: what it takes, what it runs, what it tells; pure, without clock, chance, file or socket.

node       the whole machine              actions    its seam to the shell that does the work
config     what a node is told            store      what survives a crash
bidding/   whether to take a job          bidder     answers the requester's questions
lifecycle  states and their one table     runner     from an accepted bid to the end
capacity   what is in use                 buffer     who may run, who waits
queueing   the order of waiting           reporter   registration, heartbeats, node info
outbox     the actions, until they are fetched
"""

from devstack.compute.config import ComputeConfig, Locality
from devstack.compute.lifecycle import LocalExecutionState
from devstack.compute.node import ComputeNode
from devstack.compute.store import ExecutionStore

__all__ = ["ComputeConfig", "ComputeNode", "ExecutionStore", "LocalExecutionState", "Locality"]
