"""Reading job bodies as Go's decoder reads them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.adapters.wire import (
    LOGIN,
    NODE_ACTION,
    STOP,
    SUBMIT,
    NodeAction,
    UnreadableError,
    decode,
    decode_base64,
    decode_job,
)
from devstack.models.job import (
    Constraint,
    InputSource,
    Job,
    JobState,
    Network,
    NetworkType,
    ResourcesConfig,
    ResultPath,
    SpecConfig,
    Task,
    Timeouts,
)


def job_of(text: str | bytes) -> Job:
    job = decode(SUBMIT, text if isinstance(text, bytes) else text.encode())
    assert job is not None
    return job


def test_every_field_has_its_place():
    """Each key of a job body is read into the field that means the same."""
    body = {
        "Job": {
            "ID": "own", "Name": "n", "Namespace": "ns", "Type": "service", "Priority": 3, "Count": 2,
            "Constraints": [{"Key": "env", "Operator": "in", "Values": ["a", "b"]}],
            "Meta": {"m": "1"}, "Labels": {"l": "2"},
            "Tasks": [
                {
                    "Name": "main",
                    "Engine": {"Type": "docker", "Params": {"Image": "i", "Parameters": ["x"]}},
                    "Publisher": {"Type": "local"},
                    "Env": {"A": "b"}, "Meta": {"t": "3"},
                    "InputSources": [
                        {"Source": {"Type": "inline", "Params": {"URL": "data:,x"}}, "Alias": "a", "Target": "/in"}
                    ],
                    "ResultPaths": [{"Name": "o", "Path": "/o"}],
                    "Resources": {"CPU": "1", "Memory": "2mb", "Disk": "3mb", "GPU": "4"},
                    "Network": {"Type": "hTTp", "Domains": ["example.com"]},
                    "Timeouts": {"ExecutionTimeout": 1, "QueueTimeout": 2, "TotalTimeout": 3},
                }
            ],
            "State": {"StateType": "running", "Message": "x"},
            "Version": 4, "Revision": 5, "CreateTime": 6, "ModifyTime": 7,
        }
    }  # fmt: skip
    task = Task(
        name="main",
        engine=SpecConfig("docker", {"Image": "i", "Parameters": ["x"]}),
        publisher=SpecConfig("local"),
        env={"A": "b"},
        meta={"t": "3"},
        input_sources=(InputSource(SpecConfig("inline", {"URL": "data:,x"}), "a", "/in"),),
        result_paths=(ResultPath("o", "/o"),),
        resources=ResourcesConfig("1", "2mb", "3mb", "4"),
        network=Network(NetworkType.HTTP, ("example.com",)),
        timeouts=Timeouts(1, 2, 3),
    )
    expected = Job(
        "own", "n", "ns", "service", 3, 2, (Constraint("env", "in", ("a", "b")),), {"m": "1"}, {"l": "2"}, (task,),
        JobState.RUNNING, 4, 5, 6, 7,
    )  # fmt: skip
    assert expected == job_of(json.dumps(body))


def test_keys_match_in_any_case_but_not_inside_maps():
    """Keys are matched without regard to case; a map keeps its keys as they were sent."""
    job = job_of(
        '{"jOB":{"TYPE":"batch","labels":{"Team":"a","team":"b"},"tasks":[{"ENGINE":{"params":{"Image":"i"}}}]}}'
    )
    assert "batch" == job.type
    assert {"Team": "a", "team": "b"} == job.labels
    assert {"Image": "i"} == job.task.engine.params


def test_null_is_absent_and_unknown_keys_are_ignored():
    """null changes nothing, and what has no field is dropped without a word."""
    fields = '"Type":"ops","Count":null,"Tasks":[null,{"Name":null,"Shape":{}}],"Meta":null,"Labels":{"a":null}'
    expected = Job(type="ops", tasks=(None, Task()), labels={"a": ""})
    assert expected == job_of(f'{{"Color":1,"Job":{{{fields}}}}}')


@pytest.mark.parametrize("text", ["null", "{}", '{"Job":null}', '{"Jobs":{}}'])
def test_a_body_without_a_job_holds_none(text):
    """null, no key and a null job all mean that there is no job."""
    assert decode(SUBMIT, text.encode()) is None


def test_the_last_of_two_equal_keys_counts():
    """Of a key given twice the last value counts."""
    assert "b" == job_of('{"Job":{"Name":"a","Name":"b"}}').name
    assert "b" == job_of('{"Job":{"NAME":"a","name":"b"}}').name


@pytest.mark.parametrize("tail", [b" trailing", b"{}", b"\x00", b"]"])
def test_only_the_first_value_is_read(tail):
    """What follows the first JSON value is not looked at."""
    assert "n" == job_of(b'  {"Job":{"Name":"n"}}' + tail).name


def test_broken_text_is_mended_as_go_does():
    """Bytes that are no UTF-8 and halves of surrogate pairs become the replacement character."""
    assert "a�" == job_of(b'{"Job":{"Name":"a\xff"}}').name
    assert "�b" == job_of(b'{"Job":{"Name":"\\ud800b"}}').name


def test_an_unknown_state_is_undefined():
    """A StateType that is no state counts as Undefined."""
    assert JobState.UNDEFINED is job_of('{"Job":{"State":{"StateType":"Dancing"}}}').state


# The first four are recorded answers of v1.4.0.
WRONG_TYPES = [
    (
        '{"Job":{"Type":"batch","Count":"1"}}',
        "Unmarshal type error: expected=int, got=string, field=Job.Count, offset=34",
        "json: cannot unmarshal string into Go struct field Job.Job.Count of type int",
    ),
    (
        '{"Job":{"Type":"batch","Count":1.5}}',
        "Unmarshal type error: expected=int, got=number 1.5, field=Job.Count, offset=34",
        "json: cannot unmarshal number 1.5 into Go struct field Job.Job.Count of type int",
    ),
    (
        '{"Job":{"Type":"batch","Tasks":{"Name":"x"}}}',
        "Unmarshal type error: expected=[]*models.Task, got=object, field=Job.Tasks, offset=32",
        "json: cannot unmarshal object into Go struct field Job.Job.Tasks of type []*models.Task",
    ),
    (
        "[]",
        "Unmarshal type error: expected=apimodels.PutJobRequest, got=array, field=, offset=1",
        "json: cannot unmarshal array into Go value of type apimodels.PutJobRequest",
    ),
    (
        '{"Job":{"Tasks":[{"Name":"ü"},{"Name":[]}]}}',
        "Unmarshal type error: expected=string, got=array, field=Job.Tasks.Name, offset=40",
        "json: cannot unmarshal array into Go struct field Task.Job.Tasks.Name of type string",
    ),
    (
        '{"job":{"Labels":{"a":"x","b":2}}}',
        "Unmarshal type error: expected=string, got=number, field=Job.Labels, offset=31",
        "json: cannot unmarshal number into Go struct field Job.Job.Labels of type string",
    ),
    (
        '{"Job":{"Version":-1}}',
        "Unmarshal type error: expected=uint64, got=number -1, field=Job.Version, offset=20",
        "json: cannot unmarshal number -1 into Go struct field Job.Job.Version of type uint64",
    ),
    (
        '{"Job":{"Count":true}}',
        "Unmarshal type error: expected=int, got=bool, field=Job.Count, offset=20",
        "json: cannot unmarshal bool into Go struct field Job.Job.Count of type int",
    ),
]


@pytest.mark.parametrize(("text", "message", "cause"), WRONG_TYPES)
def test_a_wrong_type_is_told_with_field_and_place(text, message, cause):
    """A value of the wrong type is told as Go tells it: what was expected, what came, which field, how far in."""
    with pytest.raises(UnreadableError) as caught:
        decode(SUBMIT, text.encode())
    assert (message, cause) == (caught.value.message, caught.value.cause)


@pytest.mark.parametrize("number", ["9223372036854775808", "1e3", "1.0", "-9223372036854775809", "9" * 5000])
def test_a_count_must_be_a_whole_number_of_64_bits(number):
    """Fractions, exponents and numbers beyond 64 bits are no ints."""
    with pytest.raises(UnreadableError, match="expected=int, got=number"):
        decode(SUBMIT, f'{{"Job":{{"Count":{number}}}}}'.encode())


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_not_a_number_is_no_json(word):
    """Python's extra constants are syntax errors."""
    with pytest.raises(UnreadableError, match="Syntax error"):
        decode(SUBMIT, f'{{"Job":{{"Count":{word}}}}}'.encode())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "unexpected EOF"),
        ('{"Job":{"Name":"a', "unexpected EOF"),
        ('{"Job"', "unexpected EOF"),
        ("  ", "EOF"),
        ('{"Job":}', "Syntax error: offset=8, error=invalid character '}' looking for beginning of value"),
        ("{Job:1}", "Syntax error: offset=2, error=invalid character 'J' looking for beginning of object key string"),
        ('{"Job" 1}', "Syntax error: offset=8, error=invalid character '1' after object key"),
        ("\ufeff{}", "Syntax error: offset=1, error=invalid character '\\ufeff' looking for beginning of value"),
    ],
)
def test_malformed_json_is_told_with_its_place(text, message):
    """Broken JSON says what is wrong and after how many bytes."""
    with pytest.raises(UnreadableError) as caught:
        decode(SUBMIT, text.encode())
    assert message == caught.value.message


@pytest.mark.parametrize("depth", [250, 900, 1100, 100_000])
def test_deep_nesting_is_refused_before_it_hurts(depth):
    """Parameters nested deeper than the encoder can follow are refused."""
    deep = b"[" * depth + b"]" * depth
    with pytest.raises(UnreadableError, match="exceeded max depth"):
        decode(SUBMIT, b'{"Job":{"Tasks":[{"Engine":{"Params":{"a":' + deep + b"}}}]}}")


def test_a_wrong_type_behind_deep_nesting_is_still_told():
    """An unknown field may be nested as deep as the parser can follow."""
    with pytest.raises(UnreadableError, match="field=Job.Count"):
        decode(SUBMIT, b'{"Job":{"X":' + b"[" * 990 + b"]" * 990 + b',"Count":"a"}}')


def test_an_unknown_network_type_is_refused():
    """Network types are a closed list."""
    with pytest.raises(UnreadableError, match=r"models\.Network: unknown type 'Bogus'"):
        decode(SUBMIT, b'{"Job":{"Tasks":[{"Network":{"Type":"Bogus"}}]}}')


def test_parameters_look_as_go_prints_them():
    """Whole floats lose their point, keys are sorted."""
    job = job_of('{"Job":{"Tasks":[{"Engine":{"Params":{"b":1.0,"a":{"d":2.5,"c":null}}}}]}}')
    assert '{"a": {"c": null, "d": 2.5}, "b": 1}' == json.dumps(job.task.engine.params)


def test_an_infinite_parameter_is_refused():
    """A number that no float64 can hold is an error."""
    with pytest.raises(UnreadableError):
        decode(SUBMIT, b'{"Job":{"Tasks":[{"Engine":{"Params":{"a":1e999}}}]}}')


def test_small_bodies():
    """Stop, node action and login each have one table."""
    assert "enough" == decode(STOP, b'{"Reason":"enough","Namespace":""}')
    assert decode(STOP, b"null") is None
    assert NodeAction("approve", "why") == decode(NODE_ACTION, b'{"action":"approve","MESSAGE":"why","NodeID":"x"}')
    assert b"{}" == decode_base64(decode(LOGIN, json.dumps({"MethodData": base64.b64encode(b"{}").decode()}).encode()))
    assert "batch" == decode_job(b'{"Type":"batch"}').type


@pytest.mark.parametrize(("data", "place"), [("%%%", 0), ("ab%=", 2), ("x", 0), ("e30", 0), ("e30e30", 4)])
def test_login_data_must_be_base64(data: str, place: int):
    """The answer names the first byte that is none, as recorded, or the group of four that breaks off."""
    with pytest.raises(UnreadableError, match=f"illegal base64 data at input byte {place}$"):
        decode_base64(data)


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["Job", "Tasks", "Params"]), inner),
    max_leaves=10,
)


@given(JSON_VALUES)
def test_any_json_is_read_or_refused(value):
    """Whatever JSON comes, the reader answers with a job, with none, or with an UnreadableError."""
    try:
        decode(SUBMIT, json.dumps({"Job": value}).encode())
    except UnreadableError as exc:
        assert exc.message


@given(st.binary())
def test_any_bytes_are_read_or_refused(body):
    """The same holds for bytes that are no JSON."""
    try:
        decode(SUBMIT, body)
    except UnreadableError as exc:
        assert exc.message
