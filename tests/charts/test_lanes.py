"""What overlaps lies in different lanes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from devstack.charts.lanes import lanes

SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)).map(lambda pair: (float(pair[0]), float(sum(pair)))))


@given(SPANS)
def test_two_that_overlap_are_never_in_one_lane_and_no_lane_is_wasted(spans):
    """As many lanes as overlap at the fullest instant."""
    given_lanes, count = lanes(spans)
    for at, (begin, end) in enumerate(spans):
        for other in range(at):
            if given_lanes[at] == given_lanes[other]:
                assert end <= spans[other][0] or spans[other][1] <= begin
    fullest = max((sum(begin <= instant < end for begin, end in spans) for instant, _ in spans), default=1)
    assert fullest == count
