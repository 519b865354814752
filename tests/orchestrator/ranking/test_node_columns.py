"""The nodes as columns, and what of them differs from an earlier time."""

from hypothesis import assume, given
from hypothesis import strategies as st

from devstack.models.node import ComputeNodeInfo, NodeInfo, NodeState
from devstack.models.resources import Resources
from devstack.orchestrator.ranking.nodes import Change, Nodes

ids = st.sets(st.integers(0, 9), max_size=6)


def states(numbers):
    return [NodeState(NodeInfo(f"n{number}")) for number in sorted(numbers)]


def test_a_node_that_changed_is_fresh_and_the_others_stay_where_they_are():
    """As long as the same nodes are there."""
    before = states({1, 2, 3})
    after = [before[0], NodeState(NodeInfo("n2")), before[2]]
    assert Change([1], 3) == Nodes(after).since(Nodes(before))


@given(ids, ids, ids)
def test_a_column_is_carried_over_to_where_its_nodes_stand_now(gone, stay, new):
    """Whichever nodes came and went: what was said of a node that is no other is said of it still."""
    before = states(gone | stay)
    assume(before)
    kept = [state for state in before if int(state.info.node_id[1:]) in stay]
    after = sorted([*kept, *states(new - stay)], key=lambda state: state.info.node_id)
    change = Nodes(after).since(Nodes(before))
    names = [after[position].info.node_id for position in change.fresh]
    column = change.carry([state.info.node_id for state in before], names)
    notes = change.carry_notes(
        {position: state.info.node_id for position, state in enumerate(before)}, {0: "first"}, len(before)
    )
    for position, state in enumerate(after):
        assert column[position] == state.info.node_id
        if position not in change.fresh:
            assert notes[position] == state.info.node_id
        elif position == change.fresh[0]:
            assert notes[position] == "first"
        else:
            assert position not in notes
    assert {state.info.node_id for state in states(new - stay)} == set(names)


amounts = st.builds(Resources, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
computes = st.none() | st.builds(
    lambda top, free, queued: ComputeNodeInfo(max_capacity=top, available=free, queue_used=queued),
    amounts, amounts, amounts,
)  # fmt: skip


@given(
    st.dictionaries(st.integers(0, 20), computes, max_size=12),
    st.dictionaries(st.integers(0, 20), computes, max_size=3),
)
def test_columns_that_were_brought_up_to_date_are_those_that_would_be_made_anew(table, changed):
    """Whichever nodes have changed, or come."""

    def nodes_of(known):
        return [known[number] for number in sorted(known)]

    known = {number: NodeState(NodeInfo(f"n{number:02}", compute=compute)) for number, compute in table.items()}
    earlier = Nodes(nodes_of(known))
    columns = ("computes", "labels", "versions", "available", "queued")
    assert [len(known)] * 6 == [len(earlier.room(1500)), *(len(getattr(earlier, name)) for name in columns)]
    known |= {number: NodeState(NodeInfo(f"n{number:02}", compute=compute)) for number, compute in changed.items()}
    later, anew = Nodes.after(earlier, nodes_of(known)), Nodes(nodes_of(known))
    assert anew.room(1500) == later.room(1500)
    assert all(getattr(anew, name) == getattr(later, name) for name in columns)


@given(ids, st.integers(0, 9))
def test_a_node_is_found_by_its_id(numbers, wanted):
    """None if it is not there."""
    nodes = Nodes(states(numbers))
    position = nodes.position(f"n{wanted}")
    assert (wanted in numbers) == (position is not None)
    assert position is None or nodes.states[position].info.node_id == f"n{wanted}"


def test_room_is_below_zero_where_the_capacity_is_unknown():
    """So that not even a job that asks for nothing fits."""
    known = ComputeNodeInfo(max_capacity=Resources(1000, 10), available=Resources(400, 10), queue_used=Resources(100))
    nodes = Nodes([NodeState(NodeInfo("n1")), NodeState(NodeInfo("n2", compute=known))])
    assert [(-1, -1, -1, -1), (800, 15, 0, 0)] == nodes.room(1500)
