"""Where two runs part."""

from __future__ import annotations

from devstack.scenario.load import load_one
from devstack.scenario.mismatch import Observed, find_mismatch, observe, observe_elsewhere, observe_run
from devstack.scenario.replay import replay
from devstack.scenario.run import RunOptions, run
from devstack.scenario.token import Token

UNREPEATABLE = """
from devstack.scenario import batch, noop, scenario

@scenario(nodes=3)
async def unrepeatable(cluster):
    job = await cluster.submit(batch(noop()))
    await job.wait("Completed", within="1m")
    seconds = hash("this text") % 1000 + 1
    await (await cluster.submit(batch(noop(runs_for=seconds)))).wait("Completed", within="1h")
"""


def test_the_same_run_has_no_mismatch(lost_node):
    """Here, and in a fresh process with another hash seed."""
    token = Token(str(lost_node), "lost_node", 0)
    assert find_mismatch(observe(token), observe_elsewhere(token, 7)) is None


def test_observing_changes_nothing(lost_node):
    """The digest is that of a plain run."""
    scenario = load_one(str(lost_node))
    assert run(scenario).digest == observe_run(scenario, RunOptions())[1].digest


DELAYED = """
from devstack.faults import delay
from devstack.scenario import batch, noop, scenario

@scenario(nodes=2, faults=[delay(by="1s", for_="1m")])
async def delayed(cluster):
    await (await cluster.submit(batch(noop()))).wait("Completed", within="1h")
"""


def test_observing_sees_what_faults_write(write):
    """What happens to messages is in the trace of an observed run too."""
    scenario = load_one(str(write("delayed.py", DELAYED)))
    assert run(scenario).digest == observe_run(scenario, RunOptions())[1].digest


def test_the_first_difference_is_shown_with_contexts_and_draws(write):
    """What both agree on, how each goes on, and the draws by stream."""
    token = Token(str(write("unrepeatable.py", UNREPEATABLE)), "unrepeatable", 0)
    mismatch = find_mismatch(observe_elsewhere(token, 1), observe_elsewhere(token, 2))
    assert mismatch is not None
    assert mismatch.first.records[: mismatch.index] == mismatch.second.records[: mismatch.index]
    text = str(mismatch)
    assert f"part at event {mismatch.index + 1}" in text
    assert 2 == text.count(">>>")
    assert "requester/ids: " in text


def test_a_run_that_ends_early_parts_at_its_end():
    """The shorter one has nothing more to show."""
    records = [(0, "kind", "node-1", str(number)) for number in range(3)]
    mismatch = find_mismatch(Observed("a", records, [(0, {"x": 1})]), Observed("b", records[:2], [(0, {"x": 2})]))
    assert mismatch is not None
    assert 2 == mismatch.index
    assert "(it ends here)" in str(mismatch)
    assert "x: 1 in one run, 2 in the other" in str(mismatch)


def test_draws_are_those_before_the_event():
    """The log is read at the event's place."""
    observed = Observed("a", [], [(0, {"x": 0}), (5, {"x": 3})])
    assert [{"x": 0}, {"x": 0}, {"x": 3}] == [observed.draws_at(index) for index in (0, 4, 5)]


def test_a_replay_is_the_same_to_the_byte(lost_node):
    """The token's digest is met."""
    token = Token(str(lost_node), "lost_node", 3, digest=run(load_one(str(lost_node)), RunOptions(seed=3)).digest)
    done = replay(Token.parse(str(token)))
    assert ("", True) == (done.difference, done.outcome.is_passed)


def test_a_replay_of_what_has_changed_since_says_so(lost_node):
    """Two runs agree with each other, but not with the token."""
    done = replay(Token(str(lost_node), "lost_node", 3, digest="000000000000"))
    assert "has changed since" in done.difference


def test_a_replay_of_what_cannot_be_repeated_shows_where(write):
    """Two runs do not agree with each other."""
    path = write("unrepeatable.py", UNREPEATABLE)
    done = replay(Token(str(path), "unrepeatable", 0, digest="000000000000"))
    assert "something is not repeatable" in done.difference
    assert ">>>" in done.difference
