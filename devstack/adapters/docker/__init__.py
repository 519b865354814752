"""The real Docker engine as an executor.

spec.py       what a docker task asks for, read and checked (pure)
container.py  the container made of it: settings in the engine API's form (pure)
engine.py     blocking calls to the engine, and what its errors mean
images.py     which platforms an image has, and fetching it
launch.py     one container from its making to its end, in a worker thread
leftovers.py  containers of this stack, and of stacks that are gone
executor.py   DockerExecutor: the trio side
"""

from __future__ import annotations

from devstack.adapters.docker.executor import DockerExecutor
from devstack.adapters.docker.leftovers import remove_leftovers, this_stack_id

__all__ = ["DockerExecutor", "remove_leftovers", "this_stack_id"]
