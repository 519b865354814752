"""Evaluations whose time has not come."""

from hypothesis import given
from hypothesis import strategies as st

from devstack.models.evaluation import Evaluation
from devstack.orchestrator.waiting import Waiting


def evaluation(name):
    return Evaluation(name, "j", "batch", "job-queue")


def take_all(waiting, now_ns):
    found = []
    while (due := waiting.take_due(now_ns)) is not None:
        found.append(due.id)
    return found


def test_each_is_taken_when_its_time_has_come():
    """Earlier ones first, and of one time the one that came first."""
    waiting = Waiting()
    for name, until_ns in (("late", 9), ("one", 5), ("two", 5)):
        waiting.add(evaluation(name), until_ns)
    assert (5, []) == (waiting.next_due_ns(), take_all(waiting, 4))
    assert (["one", "two"], ["late"], None) == (
        take_all(waiting, 5), take_all(waiting, 100), waiting.next_due_ns(),
    )  # fmt: skip


def test_a_failed_one_can_be_called_in_before_its_time():
    """It is taken once; what was only made for later stays."""
    waiting = Waiting()
    waiting.add(evaluation("later"), 5)
    waiting.add_failed(("j", ""), evaluation("failed"), 3)
    called = waiting.call_in(("j", ""))
    assert (called.id, None, 1) == ("failed", waiting.call_in(("j", "")), len(waiting))
    assert (5, ["later"]) == (waiting.next_due_ns(), take_all(waiting, 9))


steps = st.lists(st.tuples(st.sampled_from(["add", "fail", "call", "take"]), st.integers(0, 3), st.integers(0, 9)))


@given(steps)
def test_nothing_is_lost_taken_twice_or_kept(taken):
    """Whatever comes in goes out once, and then nothing of it is left."""
    waiting, inside, out = Waiting(), [], []
    for number, (what, job, time_ns) in enumerate(taken):
        key = (f"j{job}", "")
        if what == "add":
            waiting.add(evaluation(f"v{number}"), time_ns)
            inside.append(f"v{number}")
        elif what == "fail" and key not in waiting._failed:
            waiting.add_failed(key, evaluation(f"v{number}"), time_ns)
            inside.append(f"v{number}")
        elif what == "call" and (called := waiting.call_in(key)):
            out.append(called.id)
        elif what == "take":
            out += take_all(waiting, time_ns)
        assert len(waiting) == len(inside) - len(out)
    out += take_all(waiting, 100)
    assert sorted(inside) == sorted(out)
    assert ([], {}, {}, set()) == (waiting._heap, waiting._failed, waiting._keys, waiting._called_in)
