"""YAML to Python and back, with the same trace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.scenario import batch, daemon, docker, noop, ops, service
from devstack.scenario.convert import convert
from devstack.scenario.job_text import duration_word, python_of_job, spec_of
from devstack.scenario.load import load_one
from devstack.scenario.run import run
from devstack.scenario.yaml_form import job_of
from tests.scenario.test_yaml_form import FULL


def test_yaml_becomes_python_that_leaves_the_same_trace(write):
    """To the byte."""
    path = write("full.yaml", FULL)
    done = convert(str(path))
    assert [] == done.left_out
    python = write("full_converted.py", done.text)
    assert run(load_one(str(path))).digest == run(load_one(str(python))).digest


def test_python_becomes_yaml_that_does_the_same(lost_node, write):
    """It is run once; what it did is written down, and its assert is named as left out."""
    done = convert(str(lost_node))
    assert ["lost_node.py:16: assert execution.node in job.nodes_used"] == done.left_out
    path = write("lost_node.yaml", done.text)
    first, second = run(load_one(str(lost_node))), run(load_one(str(path)))
    assert second.is_passed
    assert first.virtual_ns == second.virtual_ns
    assert first.events == second.events


def test_there_and_back_is_the_same_trace(lost_node, write):
    """YAML made of Python, and Python made of that."""
    yaml = write("back.yaml", convert(str(lost_node)).text)
    python = write("back_again.py", convert(str(yaml)).text)
    assert run(load_one(str(yaml))).digest == run(load_one(str(python))).digest


SHAPED = """
from devstack.models.resources import Resources
from devstack.scenario import batch, noop, scenario
from devstack.scenario.settings import read_requester, read_shape

@scenario(nodes=2, behaviour=["v1.4.0", "ops-never-retried=off"], requester=read_requester({"queue_backoff": "5s"}),
          shapes={"node-1": read_shape({"cpu": 2, "gpu": 1, "labels": {"region": "eu"}, "accept_networked": True,
                                        "locality": "local", "max_job": {"cpu": 1}, "latency": "3ms"}),
                  "node-2": read_shape({"gpu": {"name": "Tesla T4", "memory": "8gib"}})})
async def shaped(cluster):
    job = await cluster.submit(batch(noop(), where="region=eu", gpu="1"))
    await job.wait("Completed", within="1m")
"""


def test_settings_of_the_cluster_are_written_down(write):
    """Sizes, labels, switches and the requester's settings: the same trace."""
    path = write("shaped.py", SHAPED)
    done = convert(str(path))
    assert [] == done.left_out
    yaml = write("shaped.yaml", done.text)
    python = write("shaped_again.py", convert(str(yaml)).text)
    digests = {run(load_one(str(one))).digest for one in (path, yaml, python)}
    assert 1 == len(digests)


def test_what_cannot_be_written_down_is_said(write):
    """A wait on a condition of the script's own, and a setting that has no words."""
    text = SHAPED.replace('"node-2": ', '"node-2": {"simulated_engines": frozenset()} | ')
    text += '    await cluster.wait(lambda: job.state == "Completed", what="my own condition")\n'
    left_out = convert(str(write("odd.py", text))).left_out
    assert ["shape of node-2: simulated_engines", "a wait for my own condition"] == left_out


@pytest.mark.parametrize(
    "job",
    [
        batch(noop()),
        batch(noop(runs_for="90s", exit_code=3, stdout="a'b", fails_on="node-1"), count=3, priority=5),
        service(noop(runs_for="1h"), count=2, where=["region=eu", "zone in (a,b)", "!spot"], labels={"a": "b"}),
        ops(docker("busybox:latest", "echo", "hello", env=["A=1"]), cpu="500m", memory="1gb", network="Full"),
        daemon(noop(), execution_timeout="30s", total_timeout="1h", results={"out": "/outputs"}, env={"A": "1"}),
    ],
)
def test_a_job_is_written_as_a_builders_call(job):
    """The call makes the very same job."""
    text, name = python_of_job(job)
    assert name == job.type
    assert text.startswith(f"{job.type}(")


def test_a_job_that_no_builder_makes_is_written_as_its_specification():
    """Nothing is lost."""
    job = job_of(
        {"Type": "batch", "Count": 1, "Meta": {"a": "b"}, "Tasks": [{"Name": "x", "Engine": {"Type": "noop"}}]}
    )
    text, name = python_of_job(job)
    assert "job_of" == name
    assert job == eval(text, {"job_of": job_of})


def test_a_specification_reads_as_the_job():
    """Sparse and full."""
    job = batch(noop(runs_for="2m"), count=3, name="first", cpu="500m", queue_timeout="1m")
    for full in (False, True):
        read = job_of(spec_of(job, full=full))
        assert (job.name, job.count, job.task.engine, job.task.resources, job.task.timeouts) == (
            read.name, read.count, read.task.engine, read.task.resources, read.task.timeouts,
        )  # fmt: skip


@given(st.integers(0, 10**15))
def test_a_duration_is_written_short_and_read_the_same(ns):
    """`1m`, not `1m0s`."""
    from devstack.models.gotext import parse_duration_ns

    assert ns == parse_duration_ns(duration_word(ns))
    assert not duration_word(ns).endswith("m0s")
