"""The figures: how they are taken, judged and shown. What they are on this machine is no test's business."""

from __future__ import annotations

import http.server
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from devstack.bench import MEASURES, clients, data, live, logs, report, scenarios, simulated
from devstack.bench.clients import Api
from devstack.bench.measures import Measure
from devstack.cli.main import cli
from devstack.scenario.load import load_one
from devstack.scenario.run import run

JOBS = "/api/v1/orchestrator/jobs"


class Door(http.server.BaseHTTPRequestHandler):
    """An API whose one job goes through the given states, one a look."""

    protocol_version = "HTTP/1.1"
    states: list[str] = []  # noqa: RUF012 - the server makes one handler a connection; a test sets what all of them say

    def do_PUT(self) -> None:  # noqa: N802 - the name that the server calls
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, {"JobID": "j-1"})

    def do_GET(self) -> None:  # noqa: N802 - the same
        if not self.path.startswith(JOBS):
            self._answer(404, {"message": "Not Found"})
            return
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        self._answer(200, {"Job": {"State": {"StateType": state}}})

    def _answer(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        return None


@pytest.fixture
def api() -> Iterator[Api]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        client = Api(server.server_address[1])
        yield client
        client.close()
        server.shutdown()
        thread.join()


@pytest.fixture
def one_figure(monkeypatch: pytest.MonkeyPatch) -> Measure:
    """The only measure there is: it takes nothing and is 7.5."""
    measure = Measure("seven", "a figure", "ms", "9 ms", 8, lambda: 7.5)
    monkeypatch.setattr(report, "MEASURES", (measure,))
    return measure


# ---- the client --------------------------------------------------------------------------------------------


def test_a_job_is_timed_from_its_submission_to_the_answer_that_says_completed(api: Api):
    """However often it takes to ask."""
    Door.states = ["Pending", "Running", "Completed"]
    assert 0 < api.seconds_to_completed({}, pause_s=0.0) < clients.LIMIT_S
    assert ["Completed"] == Door.states


def test_a_job_that_ends_otherwise_is_no_figure(api: Api):
    """It is an error, with the state."""
    Door.states = ["Failed"]
    with pytest.raises(RuntimeError, match="job j-1 ended Failed"):
        api.seconds_to_completed({})


def test_a_job_that_does_not_end_is_given_up(api: Api, monkeypatch: pytest.MonkeyPatch):
    """With the state in which it hangs."""
    monkeypatch.setattr(clients, "LIMIT_S", 0.02)
    Door.states = ["Running"]
    with pytest.raises(RuntimeError, match="still Running"):
        api.wait_over("j-1", 0.001)


def test_an_answer_that_is_an_error_is_one(api: Api):
    """With method, path, status and text."""
    with pytest.raises(RuntimeError, match="GET /nothing: 404"):
        api.call("GET", "/nothing")


# ---- the judgement -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more_is_better", "figure", "is_reached"),
    [(False, 7.9, True), (False, 8.0, True), (False, 8.1, False), (True, 7.9, False), (True, 8.0, True)],
)
def test_a_goal_is_a_bound_from_above_or_from_below(more_is_better: bool, figure: float, is_reached: bool):
    """The goal itself counts."""
    measure = Measure("x", "x", "ms", "", 8, lambda: 0.0, more_is_better=more_is_better)
    assert is_reached == measure.is_reached(figure)


def test_each_measure_has_a_name_of_its_own_and_a_goal():
    """And says what a real Bacalhau does."""
    assert len(MEASURES) == len({measure.name for measure in MEASURES})
    assert all(measure.goal > 0 and measure.real and measure.title and measure.unit for measure in MEASURES)


# ---- the report --------------------------------------------------------------------------------------------


def test_the_table_shows_the_figure_beside_its_goal(one_figure: Measure, capsys: pytest.CaptureFixture[str]):
    """And whether it was reached."""
    report.run((), as_json=False)
    said = capsys.readouterr().out
    assert all(word in said for word in ("a figure", "9 ms", "<= 8 ms", "7.5 ms", "reached"))


def test_the_figures_can_be_had_as_json(one_figure: Measure, capsys: pytest.CaptureFixture[str]):
    """For scripts."""
    report.run(("seven",), as_json=True)
    assert [
        {"name": "seven", "title": "a figure", "unit": "ms", "real": "9 ms", "goal": "<= 8", "figure": 7.5,
         "verdict": "reached"}
    ] == json.loads(capsys.readouterr().out)  # fmt: skip


def test_only_what_was_named_is_measured(one_figure: Measure, capsys: pytest.CaptureFixture[str]):
    """Everything if nothing was."""
    report.run(("eight",), as_json=True)
    assert [] == json.loads(capsys.readouterr().out)


def test_without_an_engine_its_figure_is_left_out(
    one_figure: Measure, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """And said so."""
    monkeypatch.setattr(report, "MEASURES", (attrs.evolve(one_figure, needs_docker=True),))
    monkeypatch.setenv("PATH", "/nowhere")
    report.run((), as_json=True)
    [row] = json.loads(capsys.readouterr().out)
    assert (None, "no Docker engine") == (row["figure"], row["verdict"])


def test_a_name_that_is_none_is_told(capsys: pytest.CaptureFixture[str]):
    """With the way to the names."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["bench", "--only", "speed"])
    assert 1 == ended.value.code
    assert "unknown measure speed; `bench --only list` names them" in capsys.readouterr().err


# ---- taking figures ----------------------------------------------------------------------------------------


def test_a_cluster_in_this_process_gives_figures(monkeypatch: pytest.MonkeyPatch):
    """Every job completes, or there is no figure."""
    assert simulated._completed_per_second(2, 3) > 0
    monkeypatch.setattr(simulated, "_noop_job", lambda count: _failing_job())
    with pytest.raises(AssertionError, match="Failed"):
        simulated._completed_per_second(1, 1)


def test_scenarios_and_many_nodes_give_figures(monkeypatch: pytest.MonkeyPatch):
    """Taken on few seeds and few nodes, the way is the same."""
    monkeypatch.setattr(scenarios, "SEEDS", 2)
    monkeypatch.setattr(scenarios, "MANY", 3)
    monkeypatch.setattr(scenarios, "HOUR_NS", 10**9)
    figures = (
        scenarios.seeds_per_second(),
        scenarios.idle_hour_of_1000_nodes_s(),
        scenarios.times_real_time(minutes=1),
        scenarios.ready_10000_nodes_s(),
        scenarios.placement_on_10000_ms(count=2),
        scenarios.heartbeats_of_10000_s(),
    )
    assert all(figure > 0 for figure in figures)


@pytest.mark.docker
@pytest.mark.live
def test_the_bytes_that_come_back_from_a_round_trip_are_those_that_went_in(docker_engine: object):
    """Or there is no figure; a mebibyte goes the same way as a gibibyte."""
    trip = data.round_trip(1024 * 1024)
    assert trip.ours_s > 0 and trip.plain_s > 0


def test_the_small_scenario_is_one_that_passes(tmp_path: Path):
    """Or its figure would be that of an error."""
    file = tmp_path / "small.py"
    file.write_text(scenarios.SMALL)
    assert run(load_one(str(file))).is_passed


def _failing_job() -> Any:
    from devstack.models.job import Job, SpecConfig, Task

    task = Task("main", SpecConfig("noop", {"Fails": "always"}), SpecConfig())
    return Job(type="batch", count=1, tasks=(task,))


@pytest.mark.live
def test_a_stack_is_started_measured_and_ended():
    """As a user would; its process is gone afterwards."""
    with live.stack("--nodes", "1", "--docker", "off") as (port, pid, elapsed_s):
        api = Api(port)
        assert api.seconds_to_completed(live.noop_job()) > 0
        assert api.seconds_to_completed(live._wasm_job()) > 0
        api.close()
        assert 0 < elapsed_s < clients.LIMIT_S
    with pytest.raises(ProcessLookupError):
        import os

        os.kill(pid, 0)


@pytest.mark.live
def test_a_stack_that_does_not_start_is_an_error():
    """And not a figure."""
    with pytest.raises(RuntimeError, match="did not start"), live.stack("--nodes", "-1"):
        pass


@pytest.mark.live
@pytest.mark.docker
def test_lines_are_followed_beside_one_who_does_not_read(docker_engine: object, monkeypatch: pytest.MonkeyPatch):
    """Printed when the program is told to, and counted one by one."""
    monkeypatch.setattr(logs, "LINES", 100)
    with logs._burst(1) as (program, printed):
        logs._print_all(program, printed)
        with pytest.raises(RuntimeError, match="the log has 'more"):
            logs._expect(io.StringIO("more\n"), "done\n")
