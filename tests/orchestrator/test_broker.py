"""The evaluation broker: reference 3 and its rows T069 to T093."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.behaviour import DOCUMENTED, parse
from devstack.kernel.seed import Seed
from devstack.models.evaluation import Evaluation, Trigger
from devstack.orchestrator.broker import DEAD_LETTERS, BrokerError, EvaluationBroker, nack_delay_ns
from devstack.orchestrator.config import RequesterConfig

MS = 1_000_000
SECOND = 1000 * MS


def make_broker(behaviour=DOCUMENTED, visibility_ns=5 * SECOND, first_ns=5 * MS, next_ns=50 * MS, most=3):
    config = RequesterConfig(
        behaviour=behaviour, broker_visibility_ns=visibility_ns, broker_initial_retry_ns=first_ns,
        broker_subsequent_retry_ns=next_ns, broker_max_receive=most,
    )  # fmt: skip
    return EvaluationBroker(config, Seed(1).stream("broker"))


def evaluation(name, job="", *, priority=50, kind="batch", namespace="default", wait_ns=0, created_ns=0, modified_ns=0):
    return Evaluation(
        name, job or f"job-of-{name}", kind, "exec-update", namespace, priority, wait_until_ns=wait_ns,
        create_time_ns=created_ns, modify_time_ns=modified_ns,
    )  # fmt: skip


def names(broker, now_ns=0, **more):
    """All that can be dequeued now."""
    found = []
    while (delivery := broker.dequeue(now_ns, **more)) is not None:
        found.append(delivery.evaluation.id)
    return found


# ---- order -----------------------------------------------------------------------------------------------------


def test_t073_an_empty_broker_has_nothing():
    """No error."""
    assert make_broker().dequeue(0) is None


def test_t075_higher_priority_comes_first():
    """Between jobs."""
    broker = make_broker()
    for priority in (10, 30, 20):
        broker.enqueue(evaluation(f"p{priority}", priority=priority), 0)
    assert ["p30", "p20", "p10"] == names(broker)


def test_t089_of_equal_priority_the_older_comes_first():
    """By the time of creation."""
    broker = make_broker()
    for name, priority, created_ns in (("a", 50, 1), ("b", 70, 3), ("c", 50, 2)):
        broker.enqueue(evaluation(name, priority=priority, created_ns=created_ns), 0)
    assert ["b", "a"] == [broker.dequeue(0).evaluation.id for _ in range(2)]
    broker.enqueue(evaluation("d", created_ns=4), 0)
    assert ["c", "d"] == names(broker)


def test_t077_all_types_are_served():
    """Equal types share the worker, by draw."""
    broker = make_broker()
    for number in range(1000):
        broker.enqueue(evaluation(f"v{number}", kind=("batch", "service")[number % 2]), 0)
    kinds = [broker.dequeue(0, ("batch", "service")).evaluation.type for _ in range(1000)]
    assert 500 == kinds.count("service")
    assert 150 < kinds[:500].count("service") < 350
    assert broker.dequeue(0) is None


def test_the_most_urgent_type_is_served_first():
    """Whatever the draw."""
    broker = make_broker()
    for number in range(20):
        broker.enqueue(evaluation(f"low{number}", kind="batch", priority=1), 0)
    broker.enqueue(evaluation("high", kind="daemon", priority=2), 0)
    assert "high" == broker.dequeue(0).evaluation.id


def test_museum_the_wrong_heap_slot_is_compared():
    """`priority-peek-wrong-slot`: the end of a heap hides how urgent its top is."""
    broker = make_broker(parse(["priority-peek-wrong-slot=on"]))
    for name, kind, priority in (("high", "batch", 90), ("low", "batch", 1), ("middle", "ops", 50)):
        broker.enqueue(evaluation(name, kind=kind, priority=priority), 0)
    assert ["middle", "high", "low"] == names(broker)


def test_only_the_asked_types_are_served():
    """Others stay."""
    broker = make_broker()
    broker.enqueue(evaluation("v", kind="ops"), 0)
    assert [] == names(broker, types=("batch",))
    assert 1 == broker.stats().ready


# ---- one at a time for each job --------------------------------------------------------------------------------


def test_the_second_evaluation_of_a_job_waits_for_the_first():
    """Until its ack."""
    broker = make_broker()
    for name in ("v1", "v2"):
        broker.enqueue(evaluation(name, "j"), 0)
    first = broker.dequeue(0)
    assert (None, 1) == (broker.dequeue(0), broker.stats().pending)
    broker.ack("v1", first.receipt, 0)
    assert ["v2"] == names(broker)


def test_housekeeping_is_serialised_with_the_others():
    """Whoever made an evaluation: there is one in flight for each job."""
    broker = make_broker()
    for name, namespace in (("v1", ""), ("v2", "default")):
        broker.enqueue(evaluation(name, "j", namespace=namespace), 0)
    assert ["v1"] == names(broker)


def test_t087_under_v140_the_namespace_of_the_evaluation_counts():
    """`housekeeping-not-serialised`: API and callbacks leave it empty, housekeeping does not."""
    broker = make_broker(parse(["housekeeping-not-serialised=on"]))
    for name, namespace in (("v1", "n1"), ("v2", "default"), ("v3", "default")):
        broker.enqueue(evaluation(name, "j", namespace=namespace), 0)
    assert ["v1", "v2"] == names(broker)
    assert 1 == broker.stats().pending


def test_t091_of_those_that_wait_behind_a_job_only_the_newest_is_kept():
    """The others say nothing that it does not say."""
    broker = make_broker()
    broker.enqueue(evaluation("first", "j"), 0)
    delivery = broker.dequeue(0)
    for time_ns in range(10, 101, 10):
        broker.enqueue(evaluation(f"v{time_ns}", "j", modified_ns=time_ns), 0)
    broker.ack("first", delivery.receipt, 0)
    assert (9, 1, 0) == (broker.stats().cancelled, broker.stats().ready, broker.stats().pending)
    assert ["v100"] == names(broker)


def test_among_the_kept_priority_comes_before_time_and_later_before_earlier():
    """Of equals the one enqueued last."""
    broker = make_broker()
    broker.enqueue(evaluation("first", "j"), 0)
    delivery = broker.dequeue(0)
    for name, priority, modified_ns in (("a", 9, 1), ("b", 9, 1), ("c", 1, 5)):
        broker.enqueue(evaluation(name, "j", priority=priority, modified_ns=modified_ns), 0)
    broker.ack("first", delivery.receipt, 0)
    assert ["b"] == names(broker)


def test_a_known_evaluation_is_not_taken_twice():
    """Its id counts."""
    broker = make_broker()
    for _ in range(3):
        broker.enqueue(evaluation("v"), 0)
    assert ["v"] == names(broker)


def test_t085_an_evaluation_in_flight_can_be_wished_for_again():
    """With its receipt; it comes again after the ack, with a new receipt."""
    broker = make_broker()
    broker.enqueue(evaluation("v"), 0)
    first = broker.dequeue(0)
    broker.enqueue(evaluation("v"), 0, first.receipt)
    assert (1, 0) == (broker.stats().in_flight, broker.stats().ready)
    broker.ack("v", first.receipt, 0)
    assert 1 == broker.stats().ready
    assert first.receipt != broker.dequeue(0).receipt


def test_a_nack_forgets_the_wish():
    """The evaluation comes again anyhow."""
    broker = make_broker()
    broker.enqueue(evaluation("v"), 0)
    first = broker.dequeue(0)
    broker.enqueue(evaluation("v"), 0, first.receipt)
    broker.nack("v", first.receipt, 0)
    second = broker.dequeue(5 * MS)
    broker.ack("v", second.receipt, 5 * MS)
    assert [] == names(broker, 10 * SECOND)


# ---- again and again -------------------------------------------------------------------------------------------


def test_t069_a_nacked_evaluation_comes_again_after_a_growing_delay():
    """First the initial delay, then the subsequent one; each delivery has its own receipt."""
    broker = make_broker()
    broker.enqueue(evaluation("v"), 0)
    receipts, now_ns = set(), 0
    for delay_ns in (5 * MS, 50 * MS):
        delivery = broker.dequeue(now_ns)
        receipts.add(delivery.receipt)
        broker.nack("v", delivery.receipt, now_ns)
        assert (1, 0) == (broker.stats().waiting, broker.stats().ready)
        assert now_ns + delay_ns == broker.next_due_ns()
        assert broker.dequeue(now_ns + delay_ns - 1) is None
        now_ns += delay_ns
    delivery = broker.dequeue(now_ns)
    receipts.add(delivery.receipt)
    broker.ack("v", delivery.receipt, now_ns)
    assert 3 == len(receipts)
    assert (0, 0, 0, 0) == (
        broker.stats().ready, broker.stats().in_flight, broker.stats().pending, broker.stats().waiting,
    )  # fmt: skip
    assert broker.next_due_ns() is None


def test_a_job_keeps_its_turn_while_its_evaluation_waits_to_come_again():
    """Later ones stand behind it."""
    broker = make_broker()
    broker.enqueue(evaluation("v1", "j"), 0)
    broker.nack("v1", broker.dequeue(0).receipt, 0)
    broker.enqueue(evaluation("v2", "j"), 1)
    assert [] == names(broker, 1)
    assert ["v1"] == names(broker, 5 * MS)


def test_t079_what_a_worker_keeps_too_long_comes_again():
    """After the visibility timeout and the delay of a nack."""
    broker = make_broker(visibility_ns=5 * MS)
    broker.enqueue(evaluation("v"), 0)
    late = broker.dequeue(0)
    assert 5 * MS == broker.next_due_ns()
    broker.expire(5 * MS - 1)
    assert 1 == broker.stats().in_flight
    broker.expire(5 * MS)
    assert 10 * MS == broker.next_due_ns()
    broker.expire(10 * MS)
    assert ["v"] == names(broker, 10 * MS)
    with pytest.raises(BrokerError, match="receiptHandle does not match"):
        broker.ack("v", late.receipt, 10 * MS)


def test_a_worker_can_ask_for_more_time():
    """It gets the whole time again; others whose time is over first are unharmed."""
    broker = make_broker(visibility_ns=10 * MS)
    for name in ("v1", "v2"):
        broker.enqueue(evaluation(name), 0)
    first, second = broker.dequeue(0), broker.dequeue(0)
    broker.extend("v1", first.receipt, 8 * MS)
    broker.expire(10 * MS)
    assert 1 == broker.stats().in_flight
    broker.ack("v1", first.receipt, 17 * MS)
    with pytest.raises(BrokerError, match="evaluation ID not found"):
        broker.ack("v2", second.receipt, 17 * MS)


@pytest.mark.parametrize("answer", ["ack", "nack", "extend"])
def test_answers_need_the_right_receipt(answer):
    """The last delivery's."""
    broker = make_broker()
    broker.enqueue(evaluation("v"), 0)
    receipt = broker.dequeue(0).receipt
    with pytest.raises(BrokerError, match="receiptHandle does not match for Evaluation ID"):
        getattr(broker, answer)("v", receipt + 1, 0)
    with pytest.raises(BrokerError, match="evaluation ID not found"):
        getattr(broker, answer)("other", receipt, 0)


def test_answers_that_come_too_late_are_refused():
    """At the end of the visibility timeout it is over."""
    broker = make_broker(visibility_ns=5 * MS)
    broker.enqueue(evaluation("v"), 0)
    receipt = broker.dequeue(0).receipt
    with pytest.raises(BrokerError, match="Ack'd after Nack timer expiration"):
        broker.ack("v", receipt, 5 * MS)
    with pytest.raises(BrokerError, match="visibility timeout already reached"):
        broker.extend("v", receipt, 5 * MS)


def test_t083_evaluations_wait_for_their_time():
    """The earliest comes first, and they hold no job's turn meanwhile."""
    broker = make_broker()
    for name, wait_ns in (("v1", SECOND), ("v2", 100 * MS), ("v3", 20 * MS)):
        broker.enqueue(evaluation(name, wait_ns=wait_ns), 0)
    assert (3, 20 * MS) == (broker.stats().waiting, broker.next_due_ns())
    assert ["v3", "v2"] == names(broker, 200 * MS)
    assert ["v1"] == names(broker, SECOND)
    assert 0 == broker.stats().waiting


def test_a_waiting_evaluation_does_not_block_its_job():
    """Another one of the job may run before its time."""
    broker = make_broker()
    broker.enqueue(evaluation("later", "j", wait_ns=SECOND), 0)
    broker.enqueue(evaluation("now", "j"), 0)
    assert ["now"] == names(broker)


def test_a_node_that_joins_ends_the_wait_of_a_nacked_evaluation():
    """What it missed may be there now; others of the job stay behind it."""
    broker = make_broker(next_ns=3600 * SECOND)
    broker.enqueue(evaluation("v", "j"), 0)
    for now_ns in (0, 5 * MS):
        broker.nack("v", broker.dequeue(now_ns).receipt, now_ns)
    broker.enqueue(evaluation("update", "j"), SECOND)
    assert [] == names(broker, SECOND)
    broker.enqueue(attrs.evolve(evaluation("join", "j", modified_ns=1), triggered_by=Trigger.NODE_JOIN), SECOND)
    delivery = broker.dequeue(SECOND)
    assert ("v", 0) == (delivery.evaluation.id, broker.stats().waiting)
    broker.ack("v", delivery.receipt, SECOND)
    assert ["join"] == names(broker, SECOND)
    assert [] == names(broker, 7200 * SECOND)


# ---- what is still to come -------------------------------------------------------------------------------------


def test_a_job_is_looked_at_as_long_as_an_evaluation_of_it_is_anywhere():
    """Ready, in flight, behind another one, due later or to be tried again."""
    broker = make_broker()
    broker.enqueue(evaluation("later", "j", wait_ns=9 * SECOND), 0)
    assert (True, False) == (broker.will_look_at("j"), broker.will_look_at("other"))
    broker.enqueue(evaluation("now", "k"), 0)
    assert broker.will_look_at("k")
    delivery = broker.dequeue(0)
    assert broker.will_look_at("k")
    broker.nack("now", delivery.receipt, 0)
    assert broker.will_look_at("k")
    broker.expire(SECOND)
    broker.ack("now", broker.dequeue(SECOND).receipt, SECOND)
    assert not broker.will_look_at("k")


@pytest.mark.parametrize("switch", ["off", "on"])
def test_a_job_with_a_dead_evaluation_is_looked_at_only_where_the_dead_are_revived(switch):
    """The next round of housekeeping does that."""
    broker = make_broker(parse([f"dead-letter-freezes-job={switch}"]))
    kill(broker)
    assert (switch == "off") == broker.will_look_at("j")


# ---- dead letters ----------------------------------------------------------------------------------------------


def kill(broker, name="v", job="j"):
    """Nack an evaluation until it is dead; returns the time."""
    now_ns = 0
    broker.enqueue(evaluation(name, job), 0)
    for _ in range(3):
        broker.nack(name, broker.dequeue(now_ns).receipt, now_ns)
        now_ns += SECOND
    return now_ns


def test_t081_after_the_last_try_an_evaluation_is_dead():
    """It is in the dead letter queue, from where it can be taken and acked."""
    broker = make_broker()
    now_ns = kill(broker)
    assert ({DEAD_LETTERS: 1}, 0, 0) == (broker.stats().ready_by_type, broker.stats().in_flight, broker.stats().ready)
    assert broker.dequeue(now_ns) is None
    delivery = broker.dequeue(now_ns, (DEAD_LETTERS,))
    broker.ack("v", delivery.receipt, now_ns)
    assert {} == broker.stats().ready_by_type


def test_the_next_event_of_a_job_revives_its_dead_evaluation():
    """It starts again from its first try, and the event's own follows."""
    broker = make_broker()
    now_ns = kill(broker)
    broker.enqueue(evaluation("event", "j"), now_ns)
    delivery = broker.dequeue(now_ns)
    assert "v" == delivery.evaluation.id
    broker.ack("v", delivery.receipt, now_ns)
    assert ["event"] == names(broker, now_ns)


def test_housekeeping_can_revive_a_job():
    """Only one that has a dead evaluation."""
    broker = make_broker()
    now_ns = kill(broker)
    assert not broker.revive("other")
    assert broker.revive("j")
    assert not broker.revive("j")
    assert ["v"] == names(broker, now_ns)


def test_under_v140_a_dead_evaluation_freezes_its_job():
    """`dead-letter-freezes-job`: whatever comes stands behind it for ever."""
    broker = make_broker(parse(["dead-letter-freezes-job=on"]))
    now_ns = kill(broker)
    broker.enqueue(evaluation("stop", "j"), now_ns)
    assert not broker.revive("j")
    assert [] == names(broker, now_ns + 3600 * SECOND)
    assert 1 == broker.stats().pending


# ---- the rest --------------------------------------------------------------------------------------------------


def test_t071_a_disabled_broker_forgets_everything():
    """It takes nothing and gives nothing until it is enabled again."""
    broker = make_broker()
    for number in range(3):
        broker.enqueue(evaluation(f"v{number}", wait_ns=number), 0)
    broker.disable()
    broker.enqueue(evaluation("v9"), 0)
    stats = broker.stats()
    assert (0, 0, 0, 0, {}) == (stats.ready, stats.in_flight, stats.pending, stats.waiting, stats.ready_by_type)
    with pytest.raises(BrokerError, match="eval broker disabled"):
        broker.dequeue(0)
    broker.enable()
    broker.enqueue(evaluation("v9"), 0)
    assert ["v9"] == names(broker)


def test_museum_the_65th_waiting_evaluation_is_dropped():
    """`evaluation-watch-overflow`: without a word."""
    broker = make_broker(parse(["evaluation-watch-overflow=on"]))
    for number in range(70):
        broker.enqueue(evaluation(f"v{number}"), 0)
    assert 64 == len(names(broker))


def test_nothing_is_dropped_otherwise():
    """However many wait."""
    broker = make_broker()
    for number in range(1000):
        broker.enqueue(evaluation(f"v{number}"), 0)
    assert 1000 == len(names(broker))


def test_the_default_retries_take_eighteen_minutes():
    """1 s, then 30, 60, ... 240 s."""
    config = RequesterConfig()
    delays = [nack_delay_ns(attempts, config) // SECOND for attempts in range(1, 10)]
    assert [1, 30, 60, 90, 120, 150, 180, 210, 240] == delays


# ---- properties ------------------------------------------------------------------------------------------------


@given(st.integers(1, 50))
def test_delays_never_shrink(attempts):
    """Each further failure makes the wait longer."""
    config = RequesterConfig()
    assert nack_delay_ns(attempts, config) < nack_delay_ns(attempts + 1, config)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_what_is_ready_comes_by_priority(priorities):
    """Of one type, higher first."""
    broker = make_broker()
    for number, priority in enumerate(priorities):
        broker.enqueue(evaluation(f"v{number}", priority=priority), 0)
    got = [broker.dequeue(0).evaluation.priority for _ in priorities]
    assert sorted(priorities, reverse=True) == got


steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["enqueue", "join"]), st.integers(0, 2), st.integers(0, 3)),
        st.tuples(st.sampled_from(["dequeue", "ack", "nack", "extend"]), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("pass"), st.integers(1, 200), st.just(0)),
    ),
    max_size=60,
)


@given(steps)
def test_a_job_never_has_two_evaluations_in_flight_and_none_gets_stuck(script):
    """Whatever is answered, late or never; and in the end all of them have been worked off."""
    broker = make_broker(visibility_ns=100 * MS, most=1000)
    now_ns, serial, held = 0, 0, {}
    for word, number, delay in script:
        if word in ("enqueue", "join"):
            serial += 1
            wait_ns = now_ns + delay * 20 * MS if delay else 0
            new = evaluation(f"v{serial}", f"j{number}", wait_ns=wait_ns, modified_ns=now_ns)
            trigger = Trigger.NODE_JOIN if word == "join" else Trigger.EXEC_UPDATE
            broker.enqueue(attrs.evolve(new, triggered_by=trigger), now_ns)
        elif word == "pass":
            now_ns += number * MS
            broker.expire(now_ns)
            held = {k: d for k, d in held.items() if now_ns < d[1]}
        elif word == "dequeue":
            delivery = broker.dequeue(now_ns)
            if delivery is not None:
                assert delivery.evaluation.job_id not in {d.evaluation.job_id for d, _ in held.values()}
                held[delivery.evaluation.id] = (delivery, now_ns + 100 * MS)
        elif held:
            name = sorted(held)[number % len(held)]
            delivery, _ = held.pop(name)
            getattr(broker, word)(name, delivery.receipt, now_ns)
            if word == "extend":
                held[name] = (delivery, now_ns + 100 * MS)
    for delivery, _ in held.values():
        broker.ack(delivery.evaluation.id, delivery.receipt, now_ns)
    while (due_ns := broker.next_due_ns()) is not None or broker.stats().ready:
        now_ns = max(now_ns, due_ns or 0)
        broker.expire(now_ns)
        while (delivery := broker.dequeue(now_ns)) is not None:
            broker.ack(delivery.evaluation.id, delivery.receipt, now_ns)
    stats = broker.stats()
    assert (0, 0, 0, 0) == (stats.ready, stats.in_flight, stats.pending, stats.waiting)
