"""Whether a node wants a job, and why not: pure functions from values to values.

answer      one strategy's answer, and how answers of a stage are joined
strategies  one function a rule about the job itself, in the order in which they are asked
probes      what the answer of a configured command or web page means
chain       both stages put together: `decide`
"""

from devstack.compute.bidding.answer import Answer
from devstack.compute.bidding.chain import Decision, decide
from devstack.compute.bidding.probes import exec_probe, http_probe

__all__ = ["Answer", "Decision", "decide", "exec_probe", "http_probe"]
