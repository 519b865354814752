"""What a test asks of its live stack."""

from __future__ import annotations

from functools import partial

import attrs
import pytest

from devstack.live import StackOptions
from devstack.pytest_plugin.plan import plan_of
from devstack.scenario.settings import check_shapes, shaped

__all__ = ["options_of"]


def options_of(item: pytest.Item) -> StackOptions:
    """What the marker asks of the stack; several seeds are for `cluster` alone. Raises UsageError."""
    plan = plan_of(item)
    options = StackOptions(
        port=0, seed=plan.seeds[0], faults=tuple(plan.faults), requester_settings=dict(plan.requester)
    )
    if plan.nodes is not None:
        options = attrs.evolve(options, nodes=plan.nodes)
    if plan.behaviour is not None:
        options = attrs.evolve(options, behaviour=plan.behaviour)
    check_shapes(plan.shapes, options.nodes)
    return attrs.evolve(options, reshape=partial(shaped, shapes=plan.shapes)) if plan.shapes else options
