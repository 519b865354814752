"""Engines that record, and one that replays."""

from __future__ import annotations

import attrs
import pytest
import trio

from devstack.adapters.cassette import (
    CassetteLibrary,
    MissingCassetteError,
    RecordingExecutor,
    ReplayingExecutor,
    recipe_of,
)
from devstack.adapters.cassette.executor import FILE_BYTES
from devstack.errors import AdapterError
from devstack.models.execution import RunCommandResult
from devstack.runtime.output import RunOutput
from tests.adapters.cassette.conftest import MakeRequest, ScriptedEngine


@attrs.define
class JumpingPace:
    """Time that jumps to whatever is waited for."""

    time_ns: int = 0
    is_virtual: bool = True

    def now_ns(self) -> int:
        return self.time_ns

    async def sleep_until(self, instant_ns: int) -> None:
        self.time_ns = max(self.time_ns, instant_ns)


async def test_a_replay_gives_what_was_recorded(
    library: CassetteLibrary, make_request: MakeRequest, output: RunOutput, autojump_clock: object
) -> None:
    """Exit code, output, error and result files come again, after as long as it took."""
    request = make_request("work", results={"out": "/out"})
    inner = ScriptedEngine(stdout=b"yes\n", stderr=b"\xff", exit_code=3, files={"out/d/a.txt": b"1"})
    result = await RecordingExecutor(inner, library).run(request, output)
    (request.results_dir / "out/d/a.txt").unlink()

    recorded, pace = library.get(recipe_of(request)), JumpingPace()
    assert result == await ReplayingExecutor(library, pace).run(request, RunOutput(request.results_dir))
    assert b"1" == (request.results_dir / "out/d/a.txt").read_bytes()
    assert b"yes\n" == (request.results_dir / "stdout").read_bytes()
    assert recorded.duration_ns == pace.time_ns


async def test_every_run_is_recorded_anew(
    library: CassetteLibrary, make_request: MakeRequest, output: RunOutput
) -> None:
    """In a live session the last run counts."""
    request = make_request("work")
    for code in (1, 2):
        await RecordingExecutor(ScriptedEngine(exit_code=code), library).run(request, RunOutput(request.results_dir))
    assert 2 == library.get(recipe_of(request)).exit_code


async def test_a_run_that_somebody_ends_goes_on_in_a_replay(
    library: CassetteLibrary, make_request: MakeRequest, output: RunOutput, autojump_clock: object
) -> None:
    """Nobody knows how long it would have run, so a replay of it waits for somebody to end it."""
    request = make_request("sleep", "1000")
    with trio.move_on_after(5):
        await RecordingExecutor(ScriptedEngine(stdout=b"up\n", runs_for_s=1000), library).run(request, output)
    recorded = library.get(recipe_of(request))
    assert (False, b"up\n") == (recorded.ends, recorded.stdout)
    with trio.move_on_after(10**6) as scope:
        await ReplayingExecutor(library).run(request, output)
    assert scope.cancelled_caught


async def test_a_run_that_somebody_ends_does_not_replace_one_that_ended(
    library: CassetteLibrary, make_request: MakeRequest, autojump_clock: object
) -> None:
    """The end is worth more than the beginning."""
    request = make_request("work")
    await RecordingExecutor(ScriptedEngine(exit_code=4), library).run(request, RunOutput(request.results_dir))
    with trio.move_on_after(1):
        slow = ScriptedEngine(runs_for_s=100)
        await RecordingExecutor(slow, library).run(request, RunOutput(request.results_dir))
    assert 4 == library.get(recipe_of(request)).exit_code


async def test_large_result_files_are_named_and_left_out(
    library: CassetteLibrary, make_request: MakeRequest, output: RunOutput
) -> None:
    """A cassette is to be committed: it keeps the small files."""
    request = make_request("work", results={"out": "/out"})
    files = {"out/big": b"x" * (FILE_BYTES + 1), "out/small": b"y", "elsewhere": b"z"}
    await RecordingExecutor(ScriptedEngine(files=files), library).run(request, output)
    recorded = library.get(recipe_of(request))
    assert ({"out/small": b"y"}, ("out/big",)) == (dict(recorded.files), recorded.left_out)


async def test_which_image_it_was_is_noted(
    library: CassetteLibrary, make_request: MakeRequest, output: RunOutput
) -> None:
    """For people; an engine that cannot tell is no reason to lose the recording."""

    async def image_id(image: str) -> str:
        return f"id of {image}"

    async def no_image_id(image: str) -> str:
        raise AdapterError("gone")

    request = make_request("a")
    await RecordingExecutor(ScriptedEngine(), library, image_id).run(request, output)
    assert "id of busybox:latest" == library.get(recipe_of(request)).image_id
    request = make_request("b")
    await RecordingExecutor(ScriptedEngine(), library, no_image_id).run(request, RunOutput(request.results_dir))
    assert "" == library.get(recipe_of(request)).image_id


async def test_what_is_not_recorded_cannot_be_replayed(
    library: CassetteLibrary, make_request: MakeRequest, output: RunOutput
) -> None:
    """The execution fails with the error that names the key and the command."""
    with pytest.raises(MissingCassetteError):
        await ReplayingExecutor(library).run(make_request("never"), output)


async def test_a_recorder_answers_bids_as_its_engine_does(library: CassetteLibrary, make_request: MakeRequest) -> None:
    """Recording changes nothing that anybody sees."""
    request, engine = make_request("a"), RecordingExecutor(ScriptedEngine(), library)
    assert ("docker", "", "take this") == (
        engine.key,
        await engine.unavailable_reason(),
        await engine.assess(request.task, request.resources),
    )


async def test_a_result_is_what_the_engine_says(
    library: CassetteLibrary, make_request: MakeRequest, output: RunOutput
) -> None:
    """The recorder hands the result on, with its error."""
    inner = ScriptedEngine(exit_code=-1, error="memory limit exceeded")
    result = await RecordingExecutor(inner, library).run(make_request("a"), output)
    assert RunCommandResult(exit_code=-1, error_msg="memory limit exceeded") == result
