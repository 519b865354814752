"""The nodes as columns."""

from hypothesis import given
from hypothesis import strategies as st

from devstack.models.node import ComputeNodeInfo, NodeInfo, NodeState
from devstack.models.resources import Resources
from devstack.orchestrator.ranking.nodes import Nodes

amounts = st.builds(Resources, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
computes = st.none() | st.builds(
    lambda top, free, queued: ComputeNodeInfo(max_capacity=top, available=free, queue_used=queued),
    amounts, amounts, amounts,
)  # fmt: skip
tables = st.lists(computes, min_size=1, max_size=5).flatmap(
    lambda before: st.tuples(st.just(before), st.tuples(*(st.just(compute) | computes for compute in before)))
)


def states(infos):
    return tuple(NodeState(NodeInfo(f"n{number}", compute=compute)) for number, compute in enumerate(infos))


@given(tables, st.integers(0, 2), st.integers(1000, 3000))
def test_what_is_taken_over_from_earlier_columns_is_what_would_be_computed(table, gone, factor_millis):
    """Whichever nodes have changed, and when some are gone."""
    before, after = table
    earlier = Nodes(states(before))
    earlier.room(factor_millis)
    earlier.available_and_queued()
    later = states(after)[gone:]
    taken_over, fresh = earlier.after(later), Nodes(later)
    assert fresh.ids == taken_over.ids
    assert fresh.room(factor_millis) == taken_over.room(factor_millis)
    assert fresh.available_and_queued() == taken_over.available_and_queued()
