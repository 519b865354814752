"""Mappings, words and Python: every form says the same."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from devstack.errors import UsageError
from devstack.faults import Fault, builders, parse_mapping, parse_words, text_of, to_mapping, to_python, to_words
from devstack.faults.builders import clock_skew, crash, drop, partition, restart, slow
from tests.faults.fault_samples import ONE_OF_EACH, faults

SECOND_NS = 10**9


@given(st.lists(faults(), max_size=4))
def test_any_list_of_faults_is_read_back_from_its_mappings(some: list[Fault]):
    """What is written as YAML or JSON reads as the same faults."""
    written = [to_mapping(fault) for fault in some]
    assert some == [parse_mapping(entry) for entry in yaml.safe_load(yaml.safe_dump(written))]
    assert some == [parse_mapping(entry) for entry in json.loads(json.dumps(written))]


@given(faults())
def test_any_fault_is_read_back_from_its_words(fault: Fault):
    """What is written for the command line reads as the same fault."""
    assert fault == parse_words(to_words(fault))


@given(faults())
def test_any_fault_is_made_again_by_its_python(fault: Fault):
    """The call that is written makes the same fault."""
    assert fault == eval(to_python(fault), dict(vars(builders)))


@pytest.mark.parametrize(
    ("mapping", "fault"),
    [
        (
            {"at": "30s", "drop": {"message": "BidResult", "from": "node-1"}},
            drop("BidResult", from_="node-1", after=30),
        ),
        ({"crash": "node-2", "at": "30s", "restart_after": "1m"}, crash("node-2", after="30s", restart_after="1m")),
        ({"slow": {"node": "node-1", "factor": "x4"}}, slow("node-1", 4)),
        ({"partition": ["node-1", "node-2"], "for": 120}, partition("node-1,node-2", for_="2m")),
        ({"restart": {"node": "requester", "forget": True}, "after": 5}, restart("requester", forget=True, after=5)),
        ({"drop": None}, drop()),
        ({"crash": "node-1", "at": 10, "until": "1m"}, crash("node-1", after=10, restart_after=50)),
    ],
)
def test_mappings_as_people_write_them(mapping: dict[str, object], fault: Fault):
    """The word with its target, or with its parameters; what says when stands beside it or among them."""
    assert fault == parse_mapping(mapping)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("crash node-2 after=30s", crash("node-2", after="30s")),
        ("crash node-2 at=30s restart_after=1m", crash("node-2", after="30s", restart_after="1m")),
        ("drop message=BidResult from=node-1", drop("BidResult", from_="node-1")),
        ("drop heartbeat to=requester chance=50%", drop("Heartbeat", to="requester", chance=0.5)),
        ("crash region=eu", crash("region=eu")),
        ("crash node=region=eu", crash("region=eu")),
        ("partition node-1 node-2 for=2m", partition(["node-1", "node-2"], for_="2m")),
        ("clock_skew node-1 by=-5s", clock_skew("node-1", "-5s")),
    ],
)
def test_words_as_people_type_them(line: str, fault: Fault):
    """A target needs no name, a label selector is one, everything else is name=value."""
    assert fault == parse_words(line.split())


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"crsh": "node-1"}, ["unknown fault 'crsh'", "did you mean crash?", "partition", "zombie_result"]),
        ({"at": "30s"}, ["unknown fault", "known are crash"]),
        ({"crash": "node-1", "pause": "node-2"}, ["one word", "crash and pause"]),
        ({"crash": "node-1", "aftr": "3s"}, ["unknown parameter of crash 'aftr'", "after", "restart_after", "chance"]),
        ({"drop": {"message": "Bid"}}, ["unknown message 'Bid'", "BidResult", "Heartbeat"]),
        ({"drop": {"from": "node-1"}, "from": "node-2"}, ["from is given twice"]),
        ({"crash": None}, ["crash needs node", "label selector"]),
        ({"delay": {}}, ["delay needs by"]),
        ({"crash": "node-1", "at": "soon"}, ["at cannot be 'soon'", "duration"]),
        ({"crash": "node-1", "at": "-3s"}, ["'-3s'", "duration"]),
        ({"crash": "node-1", "chance": 1.5}, ["chance cannot be 1.5"]),
        ({"slow": {"node": "node-1", "factor": 0.5}}, ["factor cannot be 0.5", "one or more"]),
        ({"partition": "node-1", "for": "1m", "until": "2m"}, ["for and until"]),
        ({"partition": "node-1", "at": "3m", "until": "2m"}, ["until comes before"]),
        ({"isolate": {"node": "node-1", "direction": "up"}}, ["both, in, out"]),
        ({"duplicate": {"copies": -1}}, ["copies cannot be -1"]),
        ({"duplicate": {"copies": 100_000_000}}, ["copies cannot be 100000000", "up to 100"]),
        ({"clock_skew": {"node": "node-1", "by": "99999999h"}}, ["by cannot be '99999999h'", "up to 100 years"]),
        ({"clock_skew": {"node": "node-1", "by": -1e300}}, ["by cannot be -1e+300"]),
        ({"crash": "node-1", "after": "99999999h"}, ["after cannot be '99999999h'"]),
        ({"crash": "node-1", "times": "1e999999999"}, ["times cannot be '1e999999999'"]),
        ("crash node-1", ["a fault is a mapping"]),
        ([], ["a fault is a mapping"]),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_is_known(mapping: object, words: list[str]):
    """The error names what was wrong and what could be written instead."""
    with pytest.raises(UsageError) as caught:
        parse_mapping(mapping)
    said = f"{caught.value.message}; {caught.value.hint}"
    assert [] == [word for word in words if word not in said]


@pytest.mark.parametrize("line", ["", "crsh node-1", "crash node-1 after=1s after=2s", "crash node-1 x=1"])
def test_lines_that_cannot_be_read_are_refused(line: str):
    """No word, an unknown one, a parameter twice, an unknown parameter."""
    with pytest.raises(UsageError):
        parse_words(line.split())


@pytest.mark.parametrize("word", sorted(ONE_OF_EACH))
def test_every_word_has_a_builder_of_its_name(word: str):
    """The samples are made by the builders, and carry their words."""
    assert word == ONE_OF_EACH[word].word
    assert text_of(ONE_OF_EACH[word]).startswith(word)


def test_what_a_scenario_holds_in_its_hands_is_a_target():
    """An execution stands for its node, a job for wherever it runs."""

    class Execution:
        id, node = "e-1", "node-3"

    class Job:
        id = "j-1"

    assert ("node-3",) == crash(Execution())["node"]
    assert ("job:j-1",) == crash(Job())["node"]
    assert "j-1" == slow("all", job=Job())["job"]
