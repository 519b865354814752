"""Makes a plan of an evaluation: what has to change so that a job runs as it should.

schedulers     the one entry               batch_service  jobs that want a number of executions
executions     a job's executions, sorted  ops            once on every node
common         what all of them need       daemon         always on every node
"""

from devstack.orchestrator.scheduler.schedulers import Schedulers, scheduler_for
from devstack.orchestrator.selection import SchedulingError

__all__ = ["Schedulers", "SchedulingError", "scheduler_for"]
