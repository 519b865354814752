"""How much of a node is in use."""

from hypothesis import given
from hypothesis import strategies as st

from devstack.compute.capacity import RunningTracker, UsageTracker, usage_of
from devstack.models.resources import Gpu, Resources

LANCER = Gpu(0, "Lancer 2X", "NVIDIA", 100)
BERDLY = Gpu(1, "Berdly 1.0", "AMD/ATI", 100)


def test_a_device_is_given_to_one_at_a_time():
    """T041: one of two devices is granted, the other is still available."""
    room = RunningTracker(Resources(gpu=2, gpus=(LANCER, BERDLY)))
    granted = room.take(Resources(gpu=1))
    assert Resources(gpu=1, gpus=(LANCER,)) == granted
    assert Resources(gpu=1, gpus=(BERDLY,)) == room.available
    assert Resources(gpu=1, gpus=(LANCER,)) == room.used


def test_devices_come_back_in_their_order():
    """The first free device is that of the lowest place in the node's list."""
    room = RunningTracker(Resources(gpu=2, gpus=(LANCER, BERDLY)))
    first, second = room.take(Resources(gpu=1)), room.take(Resources(gpu=1))
    room.give_back(second)
    room.give_back(first)
    assert first == room.take(Resources(gpu=1))


def test_gpus_without_devices_are_never_granted():
    """A node that counts devices but lists none never starts what wants one."""
    assert RunningTracker(Resources(gpu=2)).take(Resources(gpu=1)) is None


def test_usage_comes_back_to_zero():
    """T043: what is added and removed again leaves nothing."""
    tracker, usage = UsageTracker(), Resources(2000, 1024, 10000, 1)
    tracker.add(usage)
    assert usage == tracker.used
    tracker.remove(usage)
    assert Resources() == tracker.used


def test_no_dimension_goes_below_zero():
    """Each dimension is clamped by itself."""
    tracker = UsageTracker()
    tracker.add(Resources(1000, 10))
    tracker.remove(Resources(2000, 5))
    assert Resources(0, 5) == tracker.used


def test_limits_are_inclusive():
    """A job that fills a node exactly fits."""
    room = RunningTracker(Resources(1000, 10, 10))
    assert room.take(Resources(1000, 10, 10)) is not None
    assert room.take(Resources(1)) is None


def test_defaults_fill_what_a_job_does_not_ask_for():
    """The defaults stand in for zeros; inputs need room on disk."""
    usage = usage_of(Resources(cpu_millis=250), Resources(500, 10**9), input_bytes=77)
    assert Resources(250, 10**9, 77) == usage


def test_a_wanted_disk_may_be_greater_than_the_inputs():
    """Per dimension the greater counts."""
    assert 100 == usage_of(Resources(disk_bytes=100), Resources(), input_bytes=77).disk_bytes


amounts = st.builds(Resources, st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(0, 2))


@given(st.lists(st.tuples(st.booleans(), amounts)))
def test_what_is_granted_never_exceeds_the_total(steps):
    """Whatever is taken and given back: used fits total, used and available add up, no device is held twice."""
    total = Resources(8, 8, 8, 2, (LANCER, BERDLY))
    room, held = RunningTracker(total), []
    for gives_back, usage in steps:
        if gives_back and held:
            room.give_back(held.pop(0))
        elif (granted := room.take(usage)) is not None:
            held.append(granted)
        assert room.used.fits(total)
        assert sum((one.cpu_millis for one in held), 0) == room.used.cpu_millis
        devices = [gpu for one in held for gpu in one.gpus]
        assert sorted({gpu.index for gpu in devices}) == sorted(gpu.index for gpu in devices)
        assert len(devices) == room.used.gpu == 2 - room.available.gpu
