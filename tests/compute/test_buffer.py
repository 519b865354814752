"""Who may run, who waits, and who is next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.compute.buffer import ExecutorBuffer
from devstack.compute.lifecycle import LocalExecution
from devstack.models.job import Job
from devstack.models.resources import Resources

SLOT = Resources(1000)


def record(execution_id: str, priority: int = 0, usage: Resources = SLOT) -> LocalExecution:
    return LocalExecution(execution_id, Job(f"j-{execution_id}", priority=priority), usage)


def enqueue(buffer: ExecutorBuffer, *records: LocalExecution) -> None:
    """As the node does it: after each arrival, whatever fits is started."""
    for one in records:
        buffer.enqueue(one)
        while buffer.next_granted() is not None:
            pass


def drain(buffer: ExecutorBuffer) -> str:
    """The order in which a buffer with one slot lets its executions run."""
    order = ""
    while buffer.running:
        (current,) = buffer.running
        order += current.id
        buffer.release(current)
        while buffer.next_granted() is not None:
            pass
    return order


@pytest.mark.parametrize(("unstable", "order"), [(False, "ABCDEF"), (True, "ABEFCD")])
def test_the_order_of_equals(unstable, order):
    """Equals run in the order they came; in v1.4.0 (switch `queue-unstable`) as its heap happens to have them."""
    buffer = ExecutorBuffer(SLOT, unstable=unstable)
    enqueue(buffer, *(record(letter) for letter in "ABCDEF"))
    assert order == drain(buffer)


@pytest.mark.parametrize("unstable", [False, True])
@pytest.mark.parametrize("priorities", [{"A": 3, "B": 2, "C": 1}, {"A": -1, "B": -2, "C": -3}])
def test_higher_priority_first(unstable, priorities):
    """T241: whatever the order of arrival, a higher priority runs first; negative ones count."""
    buffer = ExecutorBuffer(SLOT, unstable=unstable)
    enqueue(buffer, record("-", 99))
    enqueue(buffer, *(record(f"{name}{place}", priorities[name]) for place, name in enumerate("BACACB")))
    order = drain(buffer)
    assert "AABBCC" == "".join(letter for letter in order if letter.isalpha())


def test_what_does_not_fit_is_passed_over():
    """A small execution overtakes a big one, even one of higher priority."""
    buffer = ExecutorBuffer(Resources(2000))
    enqueue(buffer, record("A"), record("big", 9, Resources(2000)), record("small"))
    assert ["A", "small"] == [one.id for one in buffer.running]
    assert ["big"] == [one.id for one in buffer.queued]


def test_refusals():
    """What exceeds the node, waits already or runs already is refused."""
    buffer = ExecutorBuffer(SLOT)
    enqueue(buffer, record("A"), record("B"))
    assert "not enough capacity to run job" == buffer.refusal(record("C", usage=Resources(2000)))
    assert "execution A already running" == buffer.refusal(record("A"))
    assert "execution B already enqueued" == buffer.refusal(record("B"))
    assert "" == buffer.refusal(record("C"))


@pytest.mark.parametrize("unstable", [False, True])
def test_one_may_leave_the_queue(unstable):
    """A withdrawn execution is neither load nor next; withdrawing it again changes nothing."""
    buffer = ExecutorBuffer(SLOT, unstable=unstable)
    leaver = record("B")
    enqueue(buffer, record("A"), leaver, record("C"))
    assert buffer.withdraw(leaver)
    assert not buffer.withdraw(leaver)
    assert SLOT == buffer.waiting.used
    assert "AC" == drain(buffer)


def test_capacity_is_given_back_once():
    """A second release of the same execution changes nothing."""
    buffer = ExecutorBuffer(SLOT)
    first = record("A")
    assert buffer.grant(first)
    assert (True, False) == (buffer.release(first), buffer.release(first))
    assert Resources() == buffer.room.used


def test_nobody_overtakes_by_arriving_later():
    """Room is granted without queueing only if nobody waits."""
    buffer = ExecutorBuffer(SLOT)
    enqueue(buffer, record("A"), record("B"))
    buffer.release(next(iter(buffer.running)))
    assert not buffer.grant(record("C"))


arrivals = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.booleans()), max_size=30)


@given(arrivals, st.booleans())
def test_a_buffer_conserves_work(steps, unstable):
    """Whatever comes and goes, nothing waits that would fit, and nothing runs that does not."""
    total = Resources(4000)
    buffer = ExecutorBuffer(total, unstable=unstable)
    for number, (priority, size, ends_one) in enumerate(steps):
        if ends_one and buffer.running:
            buffer.release(next(iter(buffer.running)))
        enqueue(buffer, record(str(number), priority, Resources(size * 1000)))
        assert buffer.room.used.fits(total)
        assert not any(buffer.room.fits(one.usage) for one in buffer.queued)


@given(arrivals)
def test_the_first_of_those_that_fit_is_next(steps):
    """Of what fits, the highest priority goes first, and of these the one that came first, whatever its size."""
    buffer = ExecutorBuffer(Resources(4000))
    for number, (priority, size, ends_one) in enumerate(steps):
        if ends_one and buffer.running:
            buffer.release(next(iter(buffer.running)))
        buffer.enqueue(record(str(number), priority, Resources(size * 1000)))
        while True:
            fitting = [one for one in buffer.queued if buffer.room.fits(one.usage)]
            expected = max(fitting, key=lambda one: (one.job.priority, -int(one.id)), default=None)
            assert expected is buffer.next_granted()
            if expected is None:
                break
