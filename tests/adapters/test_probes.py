"""Commands and web pages that decide for a node."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import trio

from devstack.adapters.probes import ExecProbe, HttpProbe
from devstack.compute.bidding import Answer
from devstack.errors import AdapterError
from devstack.models.job import Job, SpecConfig, Task

JOB = Job(id="j-1", name="größe", type="batch", count=1, tasks=(Task("main", SpecConfig("noop")),))


class Page(http.server.BaseHTTPRequestHandler):
    """Answers as it was told to, and remembers what it was asked."""

    answer: tuple[int, str, bytes] = (200, "text/plain", b"")
    asked: dict[str, Any] = {}  # noqa: RUF012 - the server makes one handler a request

    def do_POST(self) -> None:  # noqa: N802 - the name that the server calls
        Page.asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Page.asked["kind"] = self.headers["Content-Type"]
        status, kind, content = self.answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        return None


@pytest.fixture
def page() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/probe"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("exit 0", Answer(True)),
        ("echo fine 1>&2", Answer(True)),
        (
            "exit 1",
            Answer(False, False, 'this node does not accept jobs where external command "exit 1" returns exit code 1'),
        ),
        ("echo bad job 1>&2; exit 1", Answer(False, False, "this node does not accept this job: bad job")),
        ("head -c 1000000 /dev/zero; exit 0", Answer(True)),
    ],
)
async def test_a_command_decides_by_its_exit_code(command: str, answer: Answer):
    """What it writes to stderr is the reason."""
    assert answer == await ExecProbe(command).ask("node-1", JOB)


async def test_a_command_reads_the_job_from_its_input_or_its_environment():
    """Both hold the same; of the environment it has PATH and nothing else of ours."""
    command = 'read -r line; echo "$line" 1>&2; env | cut -d= -f1 1>&2; '
    command += 'test "$line" = "$BACALHAU_JOB_SELECTION_PROBE_DATA" && exit 3'
    answer = await ExecProbe(command).ask("node-1", JOB)
    question, *names = answer.reason.removeprefix("this node does not accept this job: ").splitlines()
    told = json.loads(question)
    assert ("node-1", "j-1", "größe", None) == (
        told["NodeID"],
        told["Job"]["ID"],
        told["Job"]["Name"],
        told["Callback"],
    )
    assert {"PATH", "BACALHAU_JOB_SELECTION_PROBE_DATA"} >= set(names) - {"PWD", "SHLVL", "_", "OLDPWD"}


@pytest.mark.parametrize("command", ["sleep 60", "trap '' TERM; sleep 60 | cat; sleep 60"])
async def test_a_command_that_does_not_end_is_an_error_and_is_ended(command: str):
    """With its text and the limit; with all that it has started, whatever they do about signals."""
    began_s = trio.current_time()
    with pytest.raises(AdapterError, match="did not end within 0.05 s"):
        await ExecProbe(command, limit_s=0.05).ask("node-1", JOB)
    assert trio.current_time() - began_s < 30  # The commands take 60 s.


async def test_a_job_that_is_too_large_for_an_environment_is_an_error():
    """As is whatever else keeps a command from being run."""
    with pytest.raises(AdapterError, match="cannot be run: "):
        await ExecProbe("true").ask("node-1", Job(id="j-1", name="x" * 3_000_000))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((200, "text/plain", b"whatever"), Answer(True)),
        ((200, "application/json", b'{"shouldBid": true, "reason": "good"}'), Answer(True, False, "good")),
        ((202, "application/json", b'{"shouldWait": true, "reason": "later"}'), Answer(False, True, "later")),
        ((200, "application/json", b'{"shouldBid": false, "reason": "bad"}'), Answer(False, False, "bad")),
    ],
)
async def test_a_page_decides_by_what_it_says(page: str, answer: tuple[int, str, bytes], expected: Answer):
    """JSON decides, anything else is a yes; the page is told node and job."""
    Page.answer = answer
    assert expected == await HttpProbe(page).ask("node-1", JOB)
    assert ("node-1", "j-1", "application/json") == (Page.asked["NodeID"], Page.asked["Job"]["ID"], Page.asked["kind"])


async def test_a_page_that_fails_refuses(page: str):
    """With address and status."""
    Page.answer = (500, "text/plain", b"oops")
    answer = await HttpProbe(page).ask("node-1", JOB)
    assert not answer.bids
    assert f'this node does not accept jobs where url "{page}" returns HTTP status code 500' == answer.reason


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/none", "ftp://a/b", "http://[bad", "nothing"])
async def test_a_page_that_cannot_be_asked_is_an_error(url: str):
    """It names the page and what to see to."""
    with pytest.raises(AdapterError, match="does not answer: ") as caught:
        await HttpProbe(url).ask("node-1", JOB)
    assert "the probe" in caught.value.hint


async def test_json_that_is_none_is_an_error(page: str):
    """A page that is broken decides nothing."""
    Page.answer = (200, "application/json", b"{")
    with pytest.raises(AdapterError, match="bad JSON"):
        await HttpProbe(page).ask("node-1", JOB)
