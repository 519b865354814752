"""`config`: what is set, what may be set, and who reads it."""

from __future__ import annotations

import csv
import io
import json

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devstack.cli.config_keys import KEYS
from devstack.cli.main import cli


@pytest.fixture
def file(offline, tmp_path):
    return tmp_path / "repository" / "config.yaml"


def listed(offline, *flags):
    return {
        each["Key"]: each["Value"] for each in json.loads(offline("config", "list", "--output=json", *flags).stdout)
    }


def test_listing_shows_every_key_once_and_writes_nothing(offline, file):
    """Sorted, with the defaults, in every form."""
    rows = list(csv.reader(io.StringIO(offline("config", "list", "--output=csv", "--hide-header").stdout)))
    assert sorted(key.path for key in KEYS) == [path for path, _ in rows]
    assert ["update.checkfrequency", "24h0m0s"] in rows
    assert ["node.type", "[requester]"] in rows
    assert ["node.labels", "map[]"] in rows
    assert {"Key": "node.clientapi.port", "Value": 1234} in yaml.safe_load(
        offline("config", "list", "--output=yaml").stdout
    )
    assert offline("config", "list", "--no-style", "--wide").stdout.startswith(" KEY ")
    assert not file.exists()
    assert 1 < offline("config", "list", "--output=json").stdout.count("\n")
    assert 1 == offline("config", "list", "--output=json", "--pretty=false").stdout.count("\n")


def test_setting_writes_that_key_and_keeps_the_others(offline, file):
    """A text, a word in any case, a map: added one after the other."""
    assert "" == offline("config", "set", "node.clientapi.host", "example.org").stdout
    assert {"node": {"clientapi": {"host": "example.org"}}} == yaml.safe_load(file.read_text())
    offline("config", "set", "Node.Compute.JobSelection.Locality", "Anywhere")
    offline("config", "set", "node.labels", "foo=bar", "bar=buz", "buz=baz")
    assert {
        "clientapi": {"host": "example.org"},
        "compute": {"jobselection": {"locality": "anywhere"}},
        "labels": {"foo": "bar", "bar": "buz", "buz": "baz"},
    } == yaml.safe_load(file.read_text())["node"]
    assert "example.org" == listed(offline)["node.clientapi.host"]


def test_sections_of_a_file_are_found_in_any_case(offline, file):
    """A file of Bacalhau's own is continued, not doubled."""
    file.parent.mkdir()
    file.write_text("Node:\n    ClientAPI:\n        Host: one\n")
    offline("config", "set", "node.clientapi.port", "77")
    assert {"Node": {"ClientAPI": {"Host": "one", "port": 77}}} == yaml.safe_load(file.read_text())
    assert ("one", 77) == (listed(offline)["node.clientapi.host"], listed(offline)["node.clientapi.port"])


def test_a_key_that_nothing_reads_is_written_with_a_warning(offline, file):
    """Scripts for Bacalhau go on working, and a person is told."""
    result = offline("config", "set", "node.loggingmode", "json")
    assert (0, "") == (result.exit_code, result.stdout)
    assert "Warning: node.loggingmode is written, but nothing here reads it\n" == result.stderr


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("node.loggingmode json a b c", 'setting "node.loggingmode": expected single value got 4 from [json a b c]'),
        (
            "node.loggingmode loud",
            'setting "node.loggingmode": "loud" is none of default, station, json, combined, event',
        ),
        ("not.a.config.key x", 'invalid configuration key "not.a.config.key": not found; see `config list`'),
        ("node.clientapi x", 'invalid configuration key "node.clientapi": not found'),
        ("node.clientapi.hots x", "did you mean node.clientapi.host?"),
        ("node.clientapi.port many", '"many" is no whole number'),
        ("node.webui.enabled yes", '"yes" is neither true nor false'),
        ("node.compute.jobtimeouts.minjobexecutiontimeout 10days", 'time: unknown unit "days" in duration "10days"'),
        ("node.compute.jobtimeouts.minjobexecutiontimeout 10", 'time: missing unit in duration "10"'),
        ("node.type both", '"both" is none of compute, requester'),
        ("node.labels a", "expected 'key=value', got 'a'"),
        ("node.labels a=b=c", "expected 'key=value', got 'a=b=c'"),
        ("node.requester.scheduler.nodeoversubscriptionfactor nan", '"nan" is no number'),
    ],
)
def test_wrong_settings_are_refused(offline, file, words, error):
    """One line, exit 1, nothing written."""
    result = offline("config", "set", *words.split())
    assert (1, "", 1) == (result.exit_code, result.stdout, result.stderr.count("\n"))
    assert error in result.stderr
    assert not file.exists()


def test_a_negative_port_is_refused(offline):
    """Behind two dashes it is a value."""
    assert '"-1" is below zero' in offline("config", "set", "node.clientapi.port", "--", "-1").stderr


def test_a_variable_beats_the_file_and_a_flag_beats_both(offline, file, monkeypatch):
    """The listing shows what would be used."""
    offline("config", "set", "node.clientapi.host", "file")
    seen = [listed(offline)["node.clientapi.host"]]
    monkeypatch.setenv("BACALHAU_NODE_CLIENTAPI_HOST", "variable")
    monkeypatch.setenv("BACALHAU_NODE_DISABLEDFEATURES_ENGINES", "docker,wasm")
    seen.append(listed(offline)["node.clientapi.host"])
    seen.append(listed(offline, "--api-host", "flag")["node.clientapi.host"])
    assert ["file", "variable", "flag"] == seen
    assert ["docker", "wasm"] == listed(offline)["node.disabledfeatures.engines"]


def test_the_defaults_can_be_taken_as_a_file(offline, file):
    """What `config default` prints is a config.yaml that changes nothing."""
    before = listed(offline)
    file.parent.mkdir()
    file.write_text(offline("config", "default").stdout)
    assert before == listed(offline)


def test_resources_are_written_as_shares_of_the_machine(offline, file, monkeypatch):
    """CPU in thousandths, sizes for people, GPUs as they are."""
    from devstack.models.resources import Resources

    machine = Resources(10_000, 64_000_000_000, 7_000_000_000, 2)
    monkeypatch.setattr("devstack.machine.physical_resources", lambda _: machine)
    offline(
        "config", "auto-resources", "--job-percentage=50", "--default-job-percentage=25", "--queue-job-percentage=9"
    )
    assert {
        "totalresourcelimits": {"cpu": "7500m", "memory": "48 GB", "disk": "5.3 GB", "gpu": "2"},
        "jobresourcelimits": {"cpu": "5000m", "memory": "32 GB", "disk": "3.5 GB", "gpu": "2"},
        "defaultjobresourcelimits": {"cpu": "2500m", "memory": "16 GB", "disk": "1.8 GB", "gpu": "2"},
    } == yaml.safe_load(file.read_text())["node"]["compute"]["capacity"]


@pytest.mark.parametrize(
    ("flags", "error"),
    [
        ("--total-percentage=0", "--total-percentage 0: it must be greater than 0"),
        ("--total-percentage=101", "--total-percentage 101: it must be 100 or less"),
        ("--job-percentage=-5", "--job-percentage -5: it must be greater than 0"),
        ("--job-percentage=80", "--job-percentage 80: it must not be more than --total-percentage 75"),
        ("--default-job-percentage=80", "--default-job-percentage 80: it must not be more"),
    ],
)
def test_shares_that_make_no_sense_are_refused(offline, file, flags, error):
    """The first that is wrong is named."""
    assert error in offline("config", "auto-resources", flags).stderr
    assert not file.exists()


def test_a_stack_reads_the_file_in_its_folder(offline, file, monkeypatch):
    """`config set --repo DIR`, then `up --repo DIR`; a flag of `up` beats it, and so does a variable."""
    from devstack.cli import foreground

    started = []
    monkeypatch.setattr(foreground, "run_stack", lambda options, *_: started.append(options))
    folder = str(file.parent)
    offline("config", "set", "--repo", folder, "node.requester.manualnodeapproval", "true")
    offline("config", "set", "--repo", folder, "node.compute.capacity.totalresourcelimits.cpu", "3")
    offline("config", "set", "--repo", folder, "node.disabledfeatures.engines", "docker", "noop")
    offline("config", "set", "--repo", folder, "node.serverapi.port", "0")
    assert "" == offline("up", "--repo", folder).stderr
    monkeypatch.setenv("BACALHAU_NODE_COMPUTE_CAPACITY_TOTALRESOURCELIMITS_CPU", "2")
    offline("up", "--repo", folder, "--manual-approval=false")
    first, second = started
    assert (True, 3000, {"docker", "noop"}, 0) == (
        first.manual_approval, first.capacity.cpu_millis, first.disabled_engines, first.port,
    )  # fmt: skip
    assert (False, 2000) == (second.manual_approval, second.capacity.cpu_millis)
    total = "node.compute.capacity.totalresourcelimits.cpu"
    for args in (("--repo", folder, "--set", f"{total}=1"), ("--set", f"{total}=1", "--repo", folder)):
        offline("up", *args, "--set=node.disabledfeatures.engines=wasm,noop")
        assert (1000, {"wasm", "noop"}, True) == (
            started[-1].capacity.cpu_millis, started[-1].disabled_engines, started[-1].manual_approval,
        )  # fmt: skip
    offline("up", "--set", f"{total}=1", "--cpu=4")
    assert 4000 == started[-1].capacity.cpu_millis


@pytest.mark.parametrize(
    "content", ["- a\n", "a: [", "\x00", "node: {serverapi: {port: {x: 1}}}", "node: {serverapi: {port: x}}"]
)
def test_a_file_that_cannot_be_used_is_one_line(offline, file, content):
    """For the client and for `up` alike."""
    file.parent.mkdir()
    file.write_text(content)
    for command in (("config", "list"), ("up", "--repo", str(file.parent))):
        result = offline(*command)
        assert (1, "", 1) == (result.exit_code, result.stdout, result.stderr.count("\n")), result.stderr
        assert "config.yaml" in result.stderr or "node.serverapi.port" in result.stderr


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ("a", "--set a: write KEY=VALUE"),
        ("a=b", 'invalid configuration key "a": not found'),
        ("node.clientapi.port=5", "--set node.clientapi.port: a stack does not read it"),
        ("node.serverapi.port=x", 'setting "node.serverapi.port": "x" is no whole number'),
    ],
)
def test_a_setting_that_up_cannot_use_is_named(offline, setting, error):
    """Before anything is started."""
    result = offline("up", "--set", setting)
    assert 1 == result.exit_code
    assert error in result.stderr


def test_every_flag_of_up_that_a_key_sets_exists(clean_environment):
    """The table names parameters of `up`."""
    import click

    up = cli.get_command(click.Context(cli), "up")
    assert set() == {key.flag for key in KEYS if key.flag} - {param.name for param in up.params}


VALUES = st.one_of(st.text(max_size=8), st.integers(), st.floats(), st.booleans())


@given(key=st.sampled_from(KEYS), words=st.lists(VALUES.map(str), min_size=1, max_size=2))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_set_is_what_is_listed(offline, file, key, words):
    """A value is refused in one line, or read back as it was parsed."""
    file.unlink(missing_ok=True)
    result = offline("config", "set", key.name, "--", *words)
    if result.exit_code:
        assert 1 == result.stderr.count("\n") or "\n" in " ".join(words)
        assert not file.exists()
    elif key.read_by != "the client":
        assert key.parse(words) == listed(offline)[key.path]
