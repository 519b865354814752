"""A cluster in a notebook: run it, look at it, ask it why, fork it and compare two futures. Nothing needs `await`.

lab        what a notebook holds: the cluster         job        one of its jobs
world      the cluster with all that was asked of it  copying    copies it fast
settings   what it is made with                       policies   which suitable node is preferred
recorder   when programs ran, how full nodes were     trace_rows the trace as rows
frames     tables as data frames                      pictures   charts of these tables
why        a choice of nodes, explained               compare    two lives side by side
tournaments  policies against each other               match      one of their matches, here or in a `worker`
workload   jobs to do that with                       paired     differences of pairs, with an interval
stack      a live one, for what talks HTTP            network    the nodes as a table
html       how things show themselves                 progress   a bar for what takes long
extra      what only `[notebook]` installs
"""

from devstack.notebook.lab import Lab, simulate
from devstack.notebook.policies import POLICIES, policy
from devstack.notebook.stack import up
from devstack.notebook.tournaments import Tournament, tournament
from devstack.notebook.workload import Mixed

__all__ = ["POLICIES", "Lab", "Mixed", "Tournament", "policy", "simulate", "tournament", "up"]
