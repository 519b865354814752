"""Time, order, chance and the wires between machines; it knows nothing of what runs on it.

seed     named random streams from one root        queue    events by (time_ns, sequence)
network  links, latency, rules on packets          trace    what happened, and its digest
kernel   puts them together and runs
"""

from devstack.kernel.kernel import Host, Kernel, LivelockError
from devstack.kernel.network import Deliver, Drop, Network, Packet, Rule, Verdict
from devstack.kernel.seed import Seed, Stream
from devstack.kernel.trace import Keep, Record, Trace

__all__ = [
    "Deliver",
    "Drop",
    "Host",
    "Keep",
    "Kernel",
    "LivelockError",
    "Network",
    "Packet",
    "Record",
    "Rule",
    "Seed",
    "Stream",
    "Trace",
    "Verdict",
]
