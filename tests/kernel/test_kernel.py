"""Order, time, timers and messages."""

from __future__ import annotations

import pickle
from collections.abc import Hashable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from devstack.kernel import Deliver, Drop, Keep, Kernel, Network, Packet, Seed, Trace


class Recorder:
    """A host that writes down what it is given, and when."""

    def __init__(self) -> None:
        self.kernel = Kernel(Seed(0), 1_000)
        self.heard: list[tuple[int, str, Any]] = []

    def deliver(self, target: str, source: str, message: Any) -> None:
        self.heard.append((self.kernel.now_ns, target, message))

    def fire(self, target: str, key: Hashable) -> None:
        self.heard.append((self.kernel.now_ns, target, key))

    def post(self, target: str, event: Any) -> None:
        self.heard.append((self.kernel.now_ns, target, event))


def test_a_message_arrives_after_its_links_latency():
    """Half a millisecond each way unless a link says otherwise."""
    host = Recorder()
    host.kernel.network.set_latency("a", "c", 70)
    host.kernel.send("a", "b", "slow")
    host.kernel.send("a", "c", "quick")
    host.kernel.run_until(10**9, host)
    assert [(1_070, "c", "quick"), (501_000, "b", "slow")] == host.heard


def test_what_is_due_at_one_instant_happens_in_the_order_it_was_asked_for():
    """Time first, then sequence."""
    host = Recorder()
    for word in ("one", "two", "three"):
        host.kernel.post("x", word, 2_000)
    host.kernel.post("x", "zero", 1_500)
    host.kernel.run_until(3_000, host)
    assert ["zero", "one", "two", "three"] == [event for _, _, event in host.heard]


def test_a_timer_of_the_same_key_replaces_the_earlier_one():
    """One timer a key and machine."""
    host = Recorder()
    host.kernel.set_timer("x", "tick", 5_000)
    host.kernel.set_timer("x", "tick", 2_000)
    host.kernel.set_timer("y", "tick", 3_000)
    host.kernel.run_until(10_000, host)
    assert [(2_000, "x", "tick"), (3_000, "y", "tick")] == host.heard


def test_a_cancelled_timer_and_a_cancelled_event_do_not_happen():
    """Cancelling is final."""
    host = Recorder()
    host.kernel.set_timer("x", "tick", 5_000)
    host.kernel.cancel_timer("x", "tick")
    host.kernel.cancel(host.kernel.post("x", "event", 4_000))
    assert host.kernel.next_time_ns() is None
    assert 0 == host.kernel.run_until(10_000, host)


def test_cancelling_what_has_happened_leaves_nothing_behind():
    """Nor does cancelling twice, or after a power cut: a number that nobody takes out again would stay for ever."""
    host = Recorder()
    happened, cancelled, cut = (host.kernel.post(name, name, 2_000) for name in ("x", "y", "z"))
    host.kernel.cancel(cancelled)
    host.kernel.cut_power("z")
    host.kernel.run_until(10_000, host)
    for sequence in (happened, cancelled, cut):
        host.kernel.cancel(sequence)
    assert 0 == len(host.kernel._queue)
    host.kernel.post("x", "later", 11_000)
    assert 1 == len(host.kernel._queue)
    assert [(2_000, "x", "x")] == host.heard


def test_a_machine_without_power_has_no_timers_and_hears_no_reports():
    """A power cut forgets what was to wake it; messages under way and other machines are untouched."""
    host = Recorder()
    host.kernel.post("x", "report", 2_000)
    host.kernel.send("y", "x", "message")
    host.kernel.set_timer("x", 1, 2_000)
    host.kernel.set_timer("x", 2, 2_000)
    host.kernel.set_timer("y", 1, 2_000)
    host.kernel.cut_power("x")
    host.kernel.run_until(10**9, host)
    assert [(2_000, "y", 1), (501_000, "x", "message")] == host.heard


def test_a_rule_may_drop_delay_or_repeat_a_packet():
    """The first rule that answers decides."""

    def rule(packet: Packet) -> Deliver | Drop | None:
        return {"lost": Drop("fault"), "late": Deliver(delay_ns=1_000), "twice": Deliver(copies=2)}.get(packet.message)

    host = Recorder()
    host.kernel.network.rules.append(rule)
    for message in ("lost", "late", "twice", "plain"):
        host.kernel.send("a", "b", message)
    host.kernel.run_until(10**9, host)
    assert ["twice", "twice", "plain", "late"] == [message for _, _, message in host.heard]
    assert ("drop", "1 fault") in [(kind, detail) for _, kind, _, detail in host.kernel.trace.records()]


def test_running_to_an_instant_stands_there_and_a_limit_stops_before():
    """`at_most` leaves the rest for later, at its own time."""
    host = Recorder()
    for at_ns in (2_000, 3_000, 4_000):
        host.kernel.post("x", at_ns, at_ns)
    assert 2 == host.kernel.run_until(9_000, host, at_most=2)
    assert 3_000 == host.kernel.now_ns
    assert 1 == host.kernel.run_until(9_000, host)
    assert 9_000 == host.kernel.now_ns


@given(times=st.lists(st.integers(1_000, 50_000), max_size=60), cancelled=st.sets(st.integers(0, 59)))
def test_time_never_goes_back_and_only_what_was_cancelled_is_missing(times: list[int], cancelled: set[int]):
    """For any schedule."""
    host = Recorder()
    tokens = [host.kernel.post("x", number, at_ns) for number, at_ns in enumerate(times)]
    for number in cancelled:
        if number < len(tokens):
            host.kernel.cancel(tokens[number])
    host.kernel.run_until(100_000, host)
    happened = [at_ns for at_ns, _, _ in host.heard]
    assert sorted(happened) == happened
    assert {number for number in range(len(times)) if number not in cancelled} == {event for _, _, event in host.heard}


def test_the_digest_covers_every_word_of_every_record():
    """Another time, kind, subject or detail is another digest."""
    records = [(1, "a", "b", "c"), (2, "a", "b", "c"), (1, "x", "b", "c"), (1, "a", "x", "c"), (1, "a", "b", "x")]
    digests = set()
    for record in records:
        trace = Trace()
        trace.add(*record)
        digests.add(trace.digest())
    assert len(records) == len(digests)


@given(details=st.lists(st.text("ab 1\n\t", max_size=8), min_size=1, max_size=4))
def test_records_with_line_breaks_are_told_from_several_records(details: list[str]):
    """The digest is one of the list of records, and not of the text that they make in a row."""
    several, joined = Trace(), Trace()
    for detail in details:
        several.add(1, "k", "s", detail)
    joined.add(1, "k", "s", "\n1 k s ".join(details))
    assert (several.digest() == joined.digest()) == (len(details) == 1)


@given(count=st.integers(0, 1500))
def test_the_digest_is_the_same_however_much_is_kept(count: int):
    """Keeping all, a tail or nothing changes memory, not the digest."""
    traces = [Trace(keep) for keep in Keep]
    for trace in traces:
        for number in range(count):
            trace.add(number, "kind", "subject", "detail")
    assert 1 == len({trace.digest() for trace in traces})
    assert [count, count, 0] == [len(list(trace.records())) for trace in traces]


def test_asking_for_the_digest_changes_nothing():
    """It may be looked at in the middle of a run."""
    looked, plain = Trace(), Trace()
    for number in range(700):
        looked.add(number, "a", "b", "c")
        looked.digest()
        plain.add(number, "a", "b", "c")
    assert plain.digest() == looked.digest()


def test_a_kernel_can_be_pickled_and_goes_on_the_same():
    """A fork of a world has the same future."""
    host = Recorder()
    host.kernel.set_timer("x", "tick", 5_000)
    host.kernel.send("a", "b", "hello")
    twin = pickle.loads(pickle.dumps(host))
    for one in (host, twin):
        one.kernel.run_until(10**9, one)
    assert host.heard == twin.heard
    assert host.kernel.trace.digest() == twin.kernel.trace.digest()


def test_a_network_without_rules_and_links_uses_its_latency():
    """The default link."""
    assert 500_000 == Network().travel_ns("a", "b")
    assert 9 == Network(latency_ns=9).travel_ns("a", "b")
