"""Job files as plain values: reading, normalising, checking."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from devstack.cli.job_file import parse, unwrap
from devstack.cli.output import yaml_text
from devstack.cli.spec import normalise, sanitise, unknown_fields, validate
from devstack.errors import InvalidJobError

TASK = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "x"}}}


def problems(**job):
    with pytest.raises(InvalidJobError) as caught:
        validate(normalise({"Type": "batch", "Tasks": [TASK]} | job))
    return caught.value.message.splitlines()


def test_yaml_dates_and_times_stay_text():
    """A date is no object and `1:30` no number, unlike in plain YAML 1.1; `0777` is octal and `yes` a boolean."""
    text = "{a: 2024-01-01, b: 1:30, c: 0777, d: yes, e: 1.5, f: 12e3, 7: x, g: -3, h: 0x1F}"
    assert {
        "a": "2024-01-01", "b": "1:30", "c": 511, "d": True, "e": 1.5, "f": 12000.0, "7": "x", "g": -3, "h": 31,
    } == parse(text)  # fmt: skip


def test_fields_that_nobody_knows_are_named_with_their_place():
    """Below the root, for there they are errors; parameters, labels and the like are the user's own."""
    engine = {"Type": "docker", "Params": {"anything": 1}, "weight": 3}
    tasks = [{"name": "main", "engine": engine, "Colour": "red", "Env": {"x": "y"}}, {"Resources": {"CPUs": 3}}, "odd"]
    content = {"Tasks": tasks, "Labels": {"x": "y"}, "Meta": {"x": "y"}, "Unknown": 1}
    assert [
        f"unknown field: 'Tasks[{name}' is ignored" for name in ("0].Engine.weight", "0].Colour", "1].Resources.CPUs")
    ] == unknown_fields(content)


def test_field_names_are_read_in_any_case_outside_parameters():
    """Params, Labels, Meta and Env are the user's own."""
    task = {"name": "main", "ENGINE": {"type": " docker ", "params": {"image": "x"}}, "env": {"path": "/"}}
    job = normalise({"type": "batch", "tasks": [task], "labels": {"Team": "ops"}})
    assert ("docker", {"image": "x"}, {"path": "/"}) == (
        job["Tasks"][0]["Engine"]["Type"], job["Tasks"][0]["Engine"]["Params"], job["Tasks"][0]["Env"],
    )  # fmt: skip
    assert {"Team": "ops"} == job["Labels"]


@pytest.mark.parametrize(
    ("kind", "given_count", "count"),
    [("batch", None, 1), ("batch", 0, 0), ("ops", 0, 1), ("daemon", None, 1), ("service", 3, 3)],
)
def test_count_defaults(kind, given_count, count):
    """ops and daemon run once on each node; batch and service keep an explicit zero."""
    assert count == normalise({"Type": kind, "Count": given_count, "Tasks": [TASK]})["Count"]


def test_texts_are_trimmed_and_lowered_as_the_server_does():
    """Resources without blanks, domains in lower case, network type in its exact case."""
    task = TASK | {"Resources": {"CPU": " 0.5 ", "Memory": "1 GB"}, "Network": {"Type": "full", "Domains": [" A.org "]}}
    normal = normalise({"Type": "batch", "Tasks": [task]})["Tasks"][0]
    assert {"CPU": "0.5", "Memory": "1gb"} == normal["Resources"]
    assert {"Type": "Full", "Domains": ["a.org"]} == normal["Network"]


def test_null_in_a_list_of_texts_is_an_empty_text():
    """An empty template result in a YAML list is a null."""
    constraint = {"Key": "a", "Operator": "in", "Values": [None, "b"]}
    assert ["", "b"] == normalise({"Type": "batch", "Constraints": [constraint]})["Constraints"][0]["Values"]


def test_all_unknown_fields_are_told_at_once():
    """One line each."""
    with pytest.raises(InvalidJobError) as caught:
        normalise({"Selector": 1, "State": 2})
    assert "unknown field: 'Selector' in 'Job'\nfield: 'State' in 'Job' is not allowed" == caught.value.message


def test_every_broken_rule_is_told():
    """Each with the place where it was broken."""
    assert ['invalid job type: "Batch" (it is one of batch, ops, service, daemon)'] == problems(Type="Batch")
    assert ["missing job type", "job count must be >= 0"] == problems(Type="", Count=-1)
    assert ["constraint 1 validation failed: selector key cannot be blank"] == problems(Constraints=[{"Operator": "!"}])
    inputs = [{"Source": {"Type": "ipfs"}, "Alias": "a", "Target": "/a"}, {"Alias": "a"}]
    assert [
        "task main validation failed: artifact validation failed: invalid artifact source: missing spec type",
        "task main validation failed: artifact validation failed: missing artifact target",
        "task main validation failed: input source with alias a already exist",
    ] == problems(Tasks=[TASK | {"InputSources": inputs}])
    assert [
        "task  validation failed: missing task name",
        "task  validation failed: engine validation failed: missing spec type",
    ] == problems(Tasks=[{}])


def test_only_the_first_task_and_free_meta_keys_are_sent():
    """The rest draws warnings."""
    job = normalise({"Type": "batch", "Tasks": [TASK, TASK], "Meta": {"bacalhau.org/x": "1", "mine": "2"}})
    assert 2 == len(sanitise(job))
    assert (1, {"mine": "2"}) == (len(job["Tasks"]), job["Meta"])


def test_only_a_described_job_is_unwrapped():
    """A key `Job` beside others is no description."""
    described = {"Job": {"ID": "j-1", "Name": "j-1", "Type": "batch", "Revision": 3}, "History": {}}
    assert ({"Name": "", "Type": "batch", "Meta": {}}, 2) == (unwrap(described)[0], len(unwrap(described)[1]))
    other = {"Job": {}, "More": 1}
    assert (other, []) == unwrap(other)


names = st.text("abc-", min_size=1, max_size=5)
tasks = st.fixed_dictionaries(
    {
        "Name": names,
        "Engine": st.fixed_dictionaries({"Type": names, "Params": st.dictionaries(names, names, max_size=2)}),
    },
    optional={
        "Env": st.dictionaries(names, names),
        "Timeouts": st.fixed_dictionaries({"TotalTimeout": st.integers(0, 9)}),
    },
)
jobs = st.fixed_dictionaries(
    {"Type": st.sampled_from(["batch", "ops", "service", "daemon"]), "Tasks": st.lists(tasks, min_size=1, max_size=1)},
    optional={
        "Count": st.integers(0, 5),
        "Labels": st.dictionaries(names, names),
        "Name": names,
        "Priority": st.integers(),
    },
)


@given(jobs)
def test_a_normal_job_stays_as_it_is(job):
    """Normalising twice is normalising once, also by way of the YAML that a dry run prints."""
    normal = normalise(job)
    validate(normal)
    assert (
        normal
        == normalise(normal)
        == normalise(parse(yaml_text(normal)))
        == normalise(yaml.safe_load(yaml_text(normal)))
    )


# What somebody may put into a file to break its reader


def alias_bomb():
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    return "\n".join([*lines, "Type: batch"])


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"Tasks":' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ("Tasks: " + "[" * 3_000 + "]" * 3_000, "nested too deeply"),
        ("Tasks: " + "{a: " * 200 + "1" + "}" * 200, "nested too deeply"),
        ("Meta: &a\n  b: *a\n", "recursive"),
        (alias_bomb(), "does one alias repeat another?"),
        ('{"Name":"\\ud800"}', "it holds half a character"),
        ('{"\\ud800":1}', "it holds half a character"),
        ('{"Count":' + "9" * 5_000 + "}", "a number in it cannot be read"),
        ("Count: 0b_", "a number in it cannot be read"),
        ('{"Type":"batch","Type":"ops"}', "the key 'Type' is there twice"),
        ("Type: batch\nType: ops", "the key 'Type' is there twice"),
    ],
    ids=lambda value: value[:20],
)
def test_a_file_made_to_break_its_reader_is_one_error(text, error):
    """No traceback, and no more memory than a job may have."""
    with pytest.raises(InvalidJobError, match=error.replace("?", r"\?")):
        parse(text)


def test_a_field_in_two_spellings_is_an_error():
    """Which one is meant nobody can know."""
    with pytest.raises(InvalidJobError, match="a field of 'Job' is there twice"):
        normalise({"Type": "batch", "type": "ops"})


def test_a_job_file_is_not_read_to_its_end_if_it_has_none(offline):
    """A device that goes on for ever."""
    assert "Error: /dev/zero: a job file has at most 10485760 bytes\n" == offline("job", "run", "/dev/zero").stderr
