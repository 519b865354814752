"""Cassettes for virtual time."""

from __future__ import annotations

import attrs
import pytest

from devstack.adapters.cassette import CassetteLibrary, Deck, MissingCassetteError, Recorded, recipe_of
from devstack.adapters.cassette.deck import LONG_RUNNING_LIMIT_S, _limit_s
from devstack.behaviour import DOCUMENTED
from devstack.models.job import Timeouts
from devstack.runtime.output import RunOutput
from devstack.runtime.ports import RunRequest
from tests.adapters.cassette.conftest import MakeRequest


def test_a_deck_plays_what_is_recorded(library: CassetteLibrary, make_request: MakeRequest, output: RunOutput) -> None:
    """Also while it records: a run is the same before and after. No engine is asked."""
    request = make_request("no such program")
    library.keep(recipe_of(request), Recorded(5, 10**9))
    for records in (False, True):
        assert 5 == Deck(library, DOCUMENTED, records).outcome(request, output).exit_code


def test_a_deck_misses_what_is_not(library: CassetteLibrary, make_request: MakeRequest, output: RunOutput) -> None:
    """Without an engine there is nothing to be done about it."""
    deck = Deck(library, DOCUMENTED)
    with pytest.raises(MissingCassetteError):
        deck.check(make_request("never"))
    with pytest.raises(MissingCassetteError):
        deck.outcome(make_request("never"), output)


@pytest.mark.parametrize(
    ("job_type", "timeout_s", "limit_s"),
    [
        ("batch", 0, 600),
        ("batch", 30, 30),
        ("service", 0, LONG_RUNNING_LIMIT_S),
        ("daemon", 3600, LONG_RUNNING_LIMIT_S),
    ],
)
def test_a_recording_waits_as_long_as_the_job_would(
    make_request: MakeRequest, job_type: str, timeout_s: int, limit_s: int
) -> None:
    """Its timeout, ten minutes without one, and a few seconds for programs that are meant to run on."""
    request = make_request("x")
    task = attrs.evolve(request.task, timeouts=Timeouts(execution_s=timeout_s))
    job = attrs.evolve(request.job, type=job_type, tasks=(task,))
    assert limit_s == _limit_s(attrs.evolve(request, job=job))


def with_timeout(request: RunRequest, timeout_s: int) -> RunRequest:
    task = attrs.evolve(request.task, timeouts=Timeouts(execution_s=timeout_s))
    return attrs.evolve(request, job=attrs.evolve(request.job, tasks=(task,)))


@pytest.mark.docker
def test_a_missing_cassette_is_made_with_the_real_engine(
    docker_engine: object, library: CassetteLibrary, make_request: MakeRequest, output: RunOutput
) -> None:
    """The container runs once, its files are kept, and from then on the cassette is played."""
    request = make_request("sh", "-c", "echo hi; echo one > /out/f; exit 3", results={"out": "/out"})
    deck = Deck(library, DOCUMENTED, records=True)
    recorded = deck.outcome(request, output)
    assert (3, b"hi\n", {"out/f": b"one\n"}) == (recorded.exit_code, recorded.stdout, dict(recorded.files))
    assert recorded.image_id.startswith("sha256:")
    assert recorded == deck.outcome(request, output) == Deck(library, DOCUMENTED).outcome(request, output)


@pytest.mark.docker
def test_a_container_without_end_is_stopped_and_kept_as_such(
    docker_engine: object, library: CassetteLibrary, make_request: MakeRequest, output: RunOutput
) -> None:
    """After the job's own timeout nobody has to wait for it."""
    request = with_timeout(make_request("sleep", "100"), timeout_s=1)
    assert not Deck(library, DOCUMENTED, records=True).outcome(request, output).ends


@pytest.mark.docker
def test_the_engine_is_asked_while_recording(
    docker_engine: object, library: CassetteLibrary, make_request: MakeRequest
) -> None:
    """A bid for an image that is here is fine; replay has no opinion."""
    request = make_request("true")
    for records in (False, True):
        assert "" == Deck(library, DOCUMENTED, records).refusal(request.task, request.resources)
