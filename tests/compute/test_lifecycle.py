"""The one table of what leads from which state to which."""

import pytest

from devstack.compute.lifecycle import (
    TERMINAL,
    TRANSITIONS,
    LocalExecution,
    LocalExecutionState,
    Stimulus,
)
from devstack.compute.store import ExecutionStore
from devstack.models.job import Job
from devstack.models.resources import Resources

State = LocalExecutionState


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_no_row_leads_out_of_a_final_state(state):
    """What is over stays as it is."""
    assert [] == [row for row in TRANSITIONS if row[0] is state]


def test_every_state_can_be_reached_and_left():
    """From Created on, each state has a way in, and each that is not final a way out by cancel."""
    assert set(State) - {State.UNDEFINED, State.CREATED} == set(TRANSITIONS.values())
    assert {state for state in State if state.is_active} == {
        state for state, stimulus in TRANSITIONS if stimulus is Stimulus.CANCEL
    }


def test_a_stimulus_without_a_row_changes_nothing():
    """What comes late is refused, and leaves version and times alone."""
    store = ExecutionStore()
    record = LocalExecution("e-1", Job("j-1"), Resources())
    store.create(record)
    assert not store.advance(record, Stimulus.PUBLISH, 5)
    assert (State.CREATED, 1, 0) == (record.state, record.version, record.update_time_ns)


def test_the_numbers_are_the_peers():
    """State numbers and names are part of the debug view."""
    assert ["Undefined", "Created", "BidAccepted", "Running", "Publishing", "Completed", "Failed", "Cancelled"] == [
        state.text for state in sorted(State)
    ]
