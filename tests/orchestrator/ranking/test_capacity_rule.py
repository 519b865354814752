"""Rule 9."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.models.job import ResourcesConfig
from devstack.models.node import ComputeNodeInfo, NodeInfo, NodeState
from devstack.models.resources import Resources, parse
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.ranking.capacity import rank_by_capacity
from devstack.orchestrator.ranking.nodes import Nodes
from devstack.orchestrator.ranking.wanted import Wanted

CONFIG = RequesterConfig()


@pytest.mark.parametrize(
    ("job", "available", "queue", "ranks"),
    [
        pytest.param(
            {}, [(4, 16000, 100000, 1), (6, 24000, 150000, 2), (2, 8000, 50000, 1)], [(0,)] * 3,
            [72, 100, 47], id="T131",
        ),
        pytest.param(
            {}, [(4, 16000, 100000, 1), (6, 24000, 150000, 2), (2, 8000, 50000, 1)],
            [(2, 8000, 40000, 1), (1, 4000, 20000, 0), (0,)], [52, 91, 47], id="T133",
        ),
        pytest.param({}, [(0,)] * 3, [(0,)] * 3, [20, 20, 20], id="T135"),
        pytest.param(
            {"cpu": "1"}, [(8, 16000, 100000, 1), (4, 24000, 150000, 2), (2, 32000, 200000, 4)],
            [(2, 4000, 50000, 0), (1, 2000, 30000, 1), (0, 1000, 10000, 2)], [80, 50, 40], id="T137",
        ),
        pytest.param(
            {"disk": "10mb"}, [(4, 16000, 200000, 1), (8, 32000, 100000, 2), (2, 16000, 150000, 4)],
            [(1, 4000, 100000, 0), (2, 8000, 50000, 1), (0, 4000, 20000, 2)], [80, 50, 76], id="T139",
        ),
    ],
)  # fmt: skip
def test_free_room_gives_up_to_eighty_and_a_short_queue_up_to_twenty(columns, node, job, available, queue, ranks):
    """Weighted by what the job asks for, in relation to the best node, cut to a whole number."""
    nodes = columns(
        *(
            node(f"n{i}", available=free, queue=waits)
            for i, (free, waits) in enumerate(zip(available, queue, strict=True))
        )
    )
    assert ranks == rank_by_capacity(Wanted(resources=parse(ResourcesConfig(**job))), nodes, CONFIG).ranks


amounts = st.builds(
    Resources, st.integers(0, 512_000), st.integers(0, 2**50), st.integers(0, 2**50), st.integers(0, 16)
)


@given(st.lists(st.tuples(amounts, amounts), min_size=1, max_size=8), amounts)
def test_ranks_stay_between_0_and_100_and_the_best_free_node_has_its_80(infos, job):
    """The node with the most free room gets the whole share for it, for its ratio is exactly one."""
    states = tuple(
        NodeState(NodeInfo(f"n{i}", compute=ComputeNodeInfo(available=free, queue_used=waits)))
        for i, (free, waits) in enumerate(infos)
    )
    ranks = rank_by_capacity(Wanted(resources=job), Nodes(states), CONFIG).ranks
    assert all(0 <= rank <= 100 for rank in ranks)


@given(amounts, amounts, st.integers(1, 20))
def test_equal_idle_nodes_all_get_one_hundred(free, job, count):
    """Between equals only the draw decides."""
    top = free + Resources(1000, 10**6, 10**9, 1)
    states = tuple(NodeState(NodeInfo(f"n{i}", compute=ComputeNodeInfo(available=top))) for i in range(count))
    assert [100] * count == rank_by_capacity(Wanted(resources=job), Nodes(states), CONFIG).ranks
