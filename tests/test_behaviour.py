"""The switches between what Bacalhau documents and what v1.4.0 does."""

import re
from pathlib import Path

import pytest

import devstack
from devstack.assembly import Providers, StackOptions, make_cluster
from devstack.behaviour import DOCUMENTED, SWITCHES, Behaviour, Origin, parse
from devstack.cli.up import _options, up
from devstack.errors import UsageError
from devstack.runtime.simulated import SimulatedShell

CODE = {
    path: path.read_text()
    for path in sorted(Path(devstack.__file__).parent.rglob("*.py"))
    if path.name != "behaviour.py"
}


@pytest.mark.parametrize("name", SWITCHES)
def test_every_switch_is_asked_for_somewhere(name):
    """A switch that nothing hangs on would be a promise that is not kept."""
    assert [path for path, text in CODE.items() if re.search(rf'on\(\s*"{name}"', text)]


def test_every_switch_that_is_asked_for_is_in_the_table():
    """And the table is complete."""
    asked = {name for text in CODE.values() for name in re.findall(r'\bon\(\s*"([a-z0-9-]+)"', text)}
    assert set() == asked - set(SWITCHES)


def test_the_default_is_what_is_documented():
    """Only what is ours alone is on."""
    assert {"compat-keys", "no-effect-warnings"} == DOCUMENTED.switched_on
    assert DOCUMENTED == parse([]) == parse(["documented"])


def test_v1_4_0_turns_on_all_of_its_switches_and_nothing_else():
    """Neither what is ours, nor bugs of other versions."""
    expected = {name for name, switch in SWITCHES.items() if switch.origin is Origin.V1_4_0}
    assert expected == parse(["v1.4.0"]).switched_on


def test_words_are_read_from_left_to_right():
    """A mode sets everything, a name one switch; commas part as repeated options do."""
    assert parse(["documented"]).switched_on | {"queue-unstable"} == parse(["queue-unstable"]).switched_on
    assert not parse(["v1.4.0", "queue-unstable=off"]).on("queue-unstable")
    assert DOCUMENTED == parse(["queue-unstable=on,documented"])
    assert parse(["v1.4.0,queue-unstable=off"]) == parse(["v1.4.0", "queue-unstable=off"])


@pytest.mark.parametrize("word", ["v9", "queue-unstable=maybe", "", "=on"])
def test_words_that_mean_nothing_are_refused_with_what_could_be_said(word):
    """The hint names the forms."""
    with pytest.raises(UsageError, match="unknown behaviour") as caught:
        parse([word])
    assert "--behaviour help" in caught.value.hint


def test_asking_for_a_name_that_is_no_switch_is_a_mistake_of_ours():
    """Not of the user's."""
    with pytest.raises(AssertionError):
        Behaviour(frozenset()).on("no-such-switch")


@pytest.mark.parametrize("switch", ["off", "on"])
def test_the_memory_limit_of_a_job_sets_the_default_in_v1_4_0(switch):
    """`limit-job-memory-sets-default`: and then it limits nothing."""
    words = ["--limit-job-memory", "2gb", "--memory", "8gb", "--behaviour", f"limit-job-memory-sets-default={switch}"]
    options, _ = _options(up.make_context("up", words).params)
    default = options.default_job and options.default_job.memory_bytes
    assert ((8 * 10**9, 2 * 10**9) if switch == "on" else (2 * 10**9, None)) == (options.max_job.memory_bytes, default)


@pytest.mark.parametrize(("switch", "bad"), [("off", ["node-3"]), ("on", ["node-2", "node-3"])])
def test_one_bad_actor_makes_two_nodes_bad_in_v1_4_0(tmp_path, switch, bad):
    """`bad-actors-by-index`; by default exactly the last ones are bad."""
    options = StackOptions(nodes=3, bad_actors=1, behaviour=parse([f"bad-actors-by-index={switch}"]))
    cluster = make_cluster(options, Providers((), (), ()), lambda world: SimulatedShell(world.kernel), tmp_path)
    assert bad == [node_id for node_id, node in cluster.nodes.items() if node.config.is_bad_actor]
