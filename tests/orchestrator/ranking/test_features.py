"""Rules 1 to 3."""

import pytest

from devstack.models.job import InputSource, Job, SpecConfig, Task
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.ranking.features import rank_by_engine, rank_by_publisher, rank_by_sources
from devstack.orchestrator.ranking.wanted import Wanted, wanted_by

CONFIG = RequesterConfig()


@pytest.fixture
def nodes(columns, node):
    return columns(
        node("docker", engines=("docker",)),
        node("wasm", engines=("wasm",)),
        node("ipfs", sources=("ipfs",)),
        node("url", sources=("urldownload",)),
        node("combo", engines=("docker", "wasm"), publishers=("ipfs", "s3"), sources=("ipfs", "urldownload")),
        node("unknown", compute=False),
    )


def by_id(nodes, column):
    return dict(zip((s.info.node_id for s in nodes.states), column.ranks, strict=True))


def test_t145_a_node_with_the_engine_is_preferred_and_one_without_is_refused(nodes):
    """The engine is listed: 10; not listed: refused; nothing known: 0."""
    ranks = by_id(nodes, rank_by_engine(Wanted(engine="wasm"), nodes, CONFIG))
    assert {"docker": -1, "wasm": 10, "combo": 10, "unknown": 0} == {
        k: ranks[k] for k in ("docker", "wasm", "combo", "unknown")
    }


def test_t147_a_node_must_have_every_source(nodes):
    """All sources are listed: 10; one is not: refused."""
    ranks = by_id(nodes, rank_by_sources(Wanted(sources=("ipfs",)), nodes, CONFIG))
    assert {"ipfs": 10, "url": -1, "combo": 10} == {k: ranks[k] for k in ("ipfs", "url", "combo")}


def test_the_reason_names_the_first_missing_source(nodes):
    """`does not support <first missing>, only <what there is>`."""
    column = rank_by_sources(Wanted(sources=("ipfs", "s3", "urldownload")), nodes, CONFIG)
    assert "does not support s3, only ipfs, urldownload" == column.reasons[4]


@pytest.mark.parametrize("rule", [rank_by_publisher, rank_by_sources])
def test_who_needs_nothing_finds_every_node_as_good_as_a_listed_one(nodes, rule):
    """No publisher or no source wanted: 10 everywhere."""
    assert [10] * 6 == rule(Wanted(), nodes, CONFIG).ranks


def test_unlisted_providers_are_on_every_node(nodes):
    """The simulated providers count as listed although no node lists them."""
    assert [10] * 6 == rank_by_engine(Wanted(engine="noop"), nodes, CONFIG).ranks


def test_keys_are_compared_without_case_and_blanks():
    """The type of a spec is trimmed and in lower case before it is compared."""
    task = Task(
        "main", SpecConfig(" Docker "), SpecConfig("S3"), input_sources=(InputSource(SpecConfig("urlDownload")),)
    )
    wanted = wanted_by(Job(tasks=(task,)))
    assert ("docker", "s3", ("urldownload",)) == wanted[:3]


def test_modules_of_a_wasm_task_are_sources_too():
    """EntryModule and ImportModules are looked up in any case."""
    params = {
        "entrymodule": {"Source": {"Type": "urlDownload"}},
        "ImportModules": [{"source": {"type": "S3"}}, {"Source": None}, None],
    }
    task = Task("main", SpecConfig("wasm", params), input_sources=(InputSource(SpecConfig("inline")), InputSource()))
    assert ("inline", "urldownload", "s3") == wanted_by(Job(tasks=(task,))).sources
