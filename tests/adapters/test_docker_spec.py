import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.adapters.docker.spec import DockerSpec, check_even_environment, decode
from devstack.errors import AdapterError
from devstack.models.job import SpecConfig

FULL = {
    "Image": "ubuntu:latest",
    "Entrypoint": ["bash", "-c"],
    "Parameters": ["arg1", "arg2"],
    "EnvironmentVariables": ["KEY1=VALUE1", "KEY2=VALUE2"],
    "WorkingDirectory": "/app",
}
FULL_SPEC = DockerSpec("ubuntu:latest", ("bash", "-c"), ("arg1", "arg2"), ("KEY1=VALUE1", "KEY2=VALUE2"), "/app")
TEXTS = st.lists(st.text(), max_size=3).map(tuple)


def refusal(params, type_="docker"):
    with pytest.raises(AdapterError) as caught:
        decode(SpecConfig(type_, params))
    return caught.value.message


def test_all_parameters_are_read():
    """Image, entrypoint, parameters, environment and working directory come through, also by way of JSON."""
    assert FULL_SPEC == decode(SpecConfig("docker", FULL))
    assert FULL_SPEC == decode(SpecConfig("docker", json.loads(json.dumps(FULL))))


@given(st.builds(DockerSpec, st.text(min_size=1), TEXTS, TEXTS, TEXTS, st.text().map(lambda text: "/" + text)))
def test_what_is_written_is_read_back(spec):
    """Decoding the parameters of a valid spec gives that spec."""
    assert spec == decode(SpecConfig("docker", json.loads(json.dumps(spec.to_params()))))


def test_names_are_read_in_any_case_and_unknown_ones_ignored():
    """Parameter names and the type are case-insensitive; a name nobody knows is no error."""
    params = {"image": "x", "ENTRYPOINT": ["a"], "parameters": ["b"], "workingdirectory": "/w", "Flavour": "sour"}
    assert DockerSpec("x", ("a",), ("b",), (), "/w") == decode(SpecConfig(" Docker ", params))


def test_null_counts_as_absent():
    """The command line sends null for what was not given."""
    params = {"Image": "x", "Entrypoint": None, "Parameters": None, "EnvironmentVariables": None}
    assert DockerSpec("x") == decode(SpecConfig("docker", params))


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({}, "invalid docker engine params. cannot be nil"),
        ({"Image": ""}, "invalid docker engine param: 'Image' cannot be empty"),
        ({"Parameters": ["true"]}, "invalid docker engine param: 'Image' cannot be empty"),
        (
            {"Image": "x", "WorkingDirectory": "relative/path"},
            "invalid docker engine param: 'WorkingDirectory' (\"relative/path\") must contain absolute path",
        ),
        ({"Image": 5}, "invalid docker engine param: 'Image' must be a text, not 5"),
        (
            {"Image": "x", "Parameters": "echo"},
            "invalid docker engine param: 'Parameters' must be a list of texts, not 'echo'",
        ),
        (
            {"Image": "x", "Entrypoint": ["a", 1]},
            "invalid docker engine param: 'Entrypoint' must be a list of texts, not ['a', 1]",
        ),
    ],
)
def test_a_bad_parameter_is_named(params, text):
    """Each broken rule has its own text."""
    assert text == refusal(params)


def test_another_engine_is_refused():
    """Only type docker is read."""
    assert "invalid docker engine type. expected docker, but received: wasm" == refusal(FULL, "wasm")


def test_an_odd_number_of_variables_is_refused_by_the_switched_rule():
    """Under `docker-environment-even-count` the environment needs an even number of elements."""
    check_even_environment(FULL_SPEC)
    with pytest.raises(AdapterError) as caught:
        check_even_environment(DockerSpec("x", environment=("A", "B", "C")))
    assert (
        "invalid docker engine param: 'EnvironmentVariables' ([A B C]) must contain an even number of elements "
        "to represent environment variable key-value pairs" == caught.value.message
    )
