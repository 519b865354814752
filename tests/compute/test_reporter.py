"""What a node tells the requester of itself."""

from devstack.messages import Heartbeat, ManagementReply, Register, UpdateInfo, UpdateResources
from devstack.models.resources import Resources

SECOND = 1_000_000_000


def test_a_node_registers_and_sends_a_heartbeat_when_it_starts(make_node):
    """Registration comes first, then heartbeat 1."""
    bench = make_node()
    bench.start()
    assert [Register(bench.node.info()), Heartbeat("node-1", 1)] == bench.sent()


def test_the_rounds(make_node):
    """Heartbeats every 15 s, resources every 30 s, info every 60 s."""
    bench = make_node()
    bench.start()
    bench.handle(ManagementReply("Register", True))
    bench.pass_time(60 * SECOND)
    assert [1, 2, 3, 4, 5] == [beat.sequence for beat in bench.sent(Heartbeat)]
    assert (2, 1, 1) == tuple(len(bench.sent(kind)) for kind in (UpdateResources, UpdateInfo, Register))


def test_a_clock_that_is_set_back_does_not_silence_a_node(make_node):
    """The rounds go on by what has passed, not by what the clock shows."""
    bench = make_node()
    bench.now_ns = 100 * SECOND
    bench.start()
    bench.now_ns = 0
    bench.timers = {key: at_ns - 100 * SECOND for key, at_ns in bench.timers.items()}
    bench.log.clear()
    bench.pass_time(31 * SECOND)
    assert 2 == len(bench.sent(Heartbeat))


def test_an_unanswered_registration_is_repeated(make_node):
    """A lost message must not keep a node out."""
    bench = make_node()
    bench.start()
    bench.pass_time(5 * SECOND)
    assert 3 == len(bench.sent(Register))
    bench.handle(ManagementReply("Register", True))
    bench.pass_time(60 * SECOND)
    assert 3 == len(bench.sent(Register))


def test_a_rejected_node_falls_silent(make_node):
    """A node that is not let in says why and sends nothing more."""
    bench = make_node()
    bench.start()
    bench.handle(ManagementReply("Register", False, "node has been rejected"))
    bench.pass_time(120 * SECOND)
    expected = "failed to register node with requester: registration rejected: node has been rejected"
    assert (expected, 1) == (bench.node.registration_error, len(bench.sent(Heartbeat)))


def test_a_node_registers_once_in_its_life(make_node):
    """After a restart there is no second registration."""
    bench = make_node()
    bench.start()
    bench.handle(ManagementReply("Register", True))
    assert [] == bench.restart().sent(Register)


def test_node_info_follows_the_load(make_node, make_job):
    """Available is total less running; what waits is reported beside it. Hidden engines are not listed."""
    bench = make_node(total=Resources(2000, 8 * 10**9))
    bench.run("e-1", make_job(cpu="1500m", memory="2gb"))
    bench.run("e-2", make_job("j-2", cpu="1", memory="1gb"))
    info = bench.node.info()
    assert (Resources(500, 6 * 10**9), Resources(1000, 10**9)) == (info.compute.available, info.compute.queue_used)
    assert (1, 1) == (info.compute.running, info.compute.enqueued)
    assert ("docker", "wasm") == info.compute.engines
    assert "linux" == info.labels["Operating-System"]
