"""The figures of this machine, each measured in a run of its own and shown beside its goal.

measures   what is measured, and the goals     clients    HTTP clients that know nothing of our code
simulated  cluster in process, virtual pace    report     the table
live       a stack as a user starts it         logs       logs that are followed
scenarios  seeds, quiet times, many nodes      mixed      the universe that is drawn
proof      every seed of it twice, replayed     commands   the command line as a shell starts it
notebook   how long a fork takes                data       a gibibyte in, through a container, and out
"""

from devstack.bench.measures import MEASURES
from devstack.bench.report import run

__all__ = ["MEASURES", "run"]
