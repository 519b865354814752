"""Every documented command and flag does what it says, against a live stack. The table is in `documented_flags.py`."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import click
import pytest
import yaml

from devstack.cli import output
from devstack.cli.main import cli
from tests.live.documented_flags import ROWS
from tests.live.flag_rows import Row, World
from tests.live.stacks import job, noop, running

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with running("--nodes", "6", "--docker", "off") as stack:
        yield World(stack).fill()


@pytest.mark.parametrize(("command", "flag", "check"), ROWS, ids=[f"{c} {f}" for c, f, _ in ROWS])
def test_row(world: World, command: str, flag: str, check: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The row's check is there, and uses each spelling of the row's flag with the row's command."""
    for name in [name for name in os.environ if name.startswith(("BACALHAU_", "DEVSTACK_"))]:
        monkeypatch.delenv(name)
    row = Row(world, tuple(command.split()), tuple(flag.split("/")), tmp_path)
    assert check in CHECKS, f"{command} {flag} has no test"
    for spelling in row.flags:
        CHECKS[check](attrs.evolve(row, flags=(spelling,), was_used=row.was_used), monkeypatch)
    assert set(row.flags) == row.was_used


def test_the_table_has_every_flag_that_the_help_of_its_commands_shows():
    """A flag of ours in a documented command gets a row too."""
    documented = {(command, name) for command, flags, _ in ROWS for name in flags.split("/")}
    missing = []
    for words in {command for command, _, _ in ROWS}:
        command, ctx = cli, click.Context(cli)
        for word in words.split():
            command = command.get_command(ctx, word)
            ctx = click.Context(command, parent=ctx)
        shown = [name for param in command.params if not getattr(param, "hidden", True) for name in param.opts]
        missing += [f"{words} {name}" for name in shown if (words, name) not in documented]
    assert OURS == set(missing)


# Documented elsewhere, or by v1.4.0's own help.
OURS = {"job logs -e", "job logs --execution-id", "job logs -t", "job logs --tail"}

Check = Callable[[Row, pytest.MonkeyPatch], None]
CHECKS: dict[str, Check] = {}


def check(function: Check) -> Check:
    CHECKS[function.__name__] = function
    return function


# Every command


@check
def explains_itself(row, _):
    done = row(row.flag)
    assert done.stdout.startswith(f"Usage: devstack {' '.join(row.command)} ")
    assert "-h, --help" in done.stdout


@check
def reaches_the_host(row, _):
    row.reach("--api-host", f"http://127.0.0.1:{row.world.stack.port}", named=False)
    assert "'no host' is no host" in row.refuse("--api-host=no host")


@check
def reaches_the_port(row, _):
    row.reach(f"--api-port={row.world.stack.port}", named=False)
    assert 'invalid argument "0" for "--api-port" flag' in row.refuse("--api-port", "0")


@check
def takes_a_word(row, _):
    for word in ("default", "station", "json", "combined", "event"):
        row.reach("--log-mode", word)
    assert "it is one of default, station" in row.refuse("--log-mode=loud")


@check
def reads_the_folder(row, _):
    (row.folder / "other").mkdir()
    (row.folder / "other/config.yaml").write_text(f"node: {{clientapi: {{port: {row.world.stack.port}}}}}\n")
    row.reach("--repo", str(row.folder / "other"), named=False)


# Forms of output


def lines(text: str) -> list[str]:
    return text.splitlines()


@check
def hides_header(row, _):
    for form in ("table", "csv"):
        with_header, without = (row(*row.target, "--output", form, *flag).stdout for flag in ((), ("--hide-header",)))
        assert len(lines(with_header)) == len(lines(without)) + 1
        assert not without.lower().lstrip().startswith(lines(with_header)[0].lower().split(",")[0].split()[0])


@check
def drops_colours(row, monkeypatch):
    monkeypatch.setattr(output, "in_colour", lambda: True)
    assert "\x1b[" in row(*row.target, color=True).stdout
    assert "\x1b[" not in row(*row.target, "--no-style", color=True).stdout


@check
def has_every_form(row, _):
    table, text, as_json, as_yaml = (
        row(*row.target, "--output", form).stdout for form in ("table", "csv", "json", "yaml")
    )
    assert table == row(*row.target).stdout
    items = json.loads(as_json)
    assert items == yaml.safe_load(as_yaml)
    assert len(items) == len(list(csv.DictReader(io.StringIO(text)))) > 0
    assert "it is one of table, csv, json, yaml" in row(*row.target, "--output=xml", code=1).stderr


@check
def has_both_forms(row, _):
    as_json, as_yaml = (row(*row.target, "--output", form).stdout for form in ("json", "yaml"))
    assert json.loads(as_json) == yaml.safe_load(as_yaml)
    assert row(*row.target, "--output=csv", code=1).stderr.startswith(
        'Error: invalid argument "csv" for "--output" flag'
    )
    if row.command != ("agent", "version"):
        assert as_yaml == row(*row.target).stdout


@check
def indents(row, _):
    pretty = row(*row.target, "--output", "json", "--pretty").stdout
    plain = row(*row.target, "--output", "json", "--pretty=false").stdout
    assert json.loads(pretty) == json.loads(plain)
    assert len(lines(plain)) == 1 < len(lines(pretty))


@check
def widens(row, _):
    narrow, wide = (max(map(len, lines(row(*row.target, *flag).stdout))) for flag in ((), ("--wide",)))
    # Only cells that are too long for their column make a difference.
    assert narrow <= wide if row.command in (("config", "list"), ("job", "history")) else narrow < wide


# Lists


def ids(row: Row, *args: str) -> list[str]:
    return [
        each.get("ID")
        or (each.get("Info") or {}).get("NodeID")
        or f"{each['Time']} {each['Type']} {each['NewRevision']}"
        for each in row.items(*args)
    ]


@check
def limits(row, _):
    everything = ids(row, "--limit", "0")
    assert everything[:1] == ids(row, "--limit=1")
    assert len(everything) > 1


@check
def continues(row, _):
    """With the token of the server's own answer, for only `job list` prints it."""
    paths = {
        ("job", "list"): "/orchestrator/jobs?labels=bacalhau_canary!%3Dtrue&limit=1",
        ("node", "list"): "/orchestrator/nodes?limit=1&next_token=",
        ("job", "executions"): f"/orchestrator/jobs/{row.world.pair}/executions?limit=1&next_token=",
        ("job", "history"): f"/orchestrator/jobs/{row.world.pair}/history?limit=1&next_token=",
    }
    token = row.world.stack.call("GET", paths[row.command])[1]["NextToken"]
    assert token
    assert ids(row, "--limit", "0")[1] == ids(row, "--next-token", token)[0]
    if row.command == ("job", "list"):
        assert f"use --next-token {token}" in row("--limit=1").stderr


@check
def reverses(row, _):
    order = () if row.command[1] == "history" else ("--order-by", "id")
    forwards, backwards = (ids(row, "--limit=0", *order, *flag) for flag in ((), ("--order-reversed",)))
    if row.command[1] == "history":
        assert sorted(forwards) == sorted(backwards)  # v1.4.0 shows events by time, whatever is asked
    else:
        assert forwards == list(reversed(backwards))


@check
def orders(row, _):
    assert sorted(ids(row, "--limit=0")) == ids(row, "--limit=0", "--order-by", "id")


@check
def is_accepted(row, _):
    assert ids(row) == ids(row, "--order-by", "time")


@check
def selects_labels(row, _):
    if row.command[0] == "node":
        assert ["node-2"] == ids(row, "--labels", "name=node-2")
    else:
        assert row.world.jobs[1:3] == ids(row, "--labels", "number in (1,2)")
        assert row.world.jobs[3:] == ids(row, "--labels=number>2")
    assert "could not parse labels" in row("--labels", "===", code=1).stderr


@check
def selects_events(row, _):
    kinds = {"all": {"JobLevel", "ExecutionLevel"}, "job": {"JobLevel"}, "execution": {"ExecutionLevel"}}
    for word, levels in kinds.items():
        assert levels == {each["Type"] for each in row.items("--event-type", word)}


@check
def selects_execution(row, _):
    wanted = row.world.stack.executions(row.world.pair)[0]["ID"]
    assert {wanted} == {each.get("ExecutionID") for each in row.items("--execution-id", wanted)}


@check
def selects_node(row, _):
    wanted = row.world.stack.executions(row.world.pair)[0]["NodeID"]
    assert {wanted} == {each.get("NodeID") for each in row.items("--node-id", wanted)}


@check
def shows_columns(row, _):
    for group, column in (("labels", "LABELS"), ("version", "OS"), ("features", "ENGINES"), ("capacity", "MEMORY")):
        header = lines(row("--show", group, "--wide").stdout)[0].split()
        assert ["ID", "TYPE", "APPROVAL", "STATUS"] == header[:4]
        assert column in header
    assert "it is a list of labels, version" in row("--show=colours", code=1).stderr


@check
def selects_approval(row, _):
    row.world.stack.call("PUT", "/orchestrator/nodes/node-4", {"Action": "reject", "Message": ""})
    assert ["node-4"] == ids(row, "--filter-approval", "rejected")
    assert "node-4" not in ids(row, "--filter-approval", "approved")
    assert [] == ids(row, "--filter-approval", "pending")


@check
def selects_status(row, _):
    for word in ("healthy", "connected"):
        assert {"CONNECTED"} == {each["Connection"] for each in row.items("--filter-status", word)}
    for word in ("unhealthy", "unknown"):
        assert "node-1" not in ids(row, "--filter-status", word)


# Acting


@check
def acts(row, _):
    action = row.command[1]
    node = {"approve": "node-2", "reject": "node-2", "delete": {"-m": "node-5"}.get(row.flag, "node-6")}[action]
    opposite = {"approve": "reject", "reject": "approve"}.get(action)
    if opposite:
        row.world.stack.call("PUT", f"/orchestrator/nodes/{node}", {"Action": opposite, "Message": ""})
    assert "Ok\n" == row(node, row.flag, "it is time").stdout
    listed = row.world.stack.call("GET", "/orchestrator/nodes")[1]["Nodes"]
    memberships = {each["Info"]["NodeID"]: each["Membership"] for each in listed}
    assert {"approve": "APPROVED", "reject": "REJECTED"}.get(action) == memberships.get(node)


@check
def says_nothing(row, _):
    job_id = row.world.running_job()
    done = row("--quiet", job_id)
    assert ("", "") == (done.stdout, done.stderr)
    assert "Stopped" == row.world.stack.wait_over(job_id)["State"]["StateType"]
    again = row("--quiet", job_id, code=1)
    assert ("", "") == (again.stdout, again.stderr)


# Submitting


def count(row: Row) -> int:
    return len(row.world.stack.call("GET", "/orchestrator/jobs")[1]["Items"])


@check
def submits_nothing(row, _):
    before = count(row)
    printed = row("--dry-run", str(row.job_file("hi\n"))).stdout
    assert before == count(row)
    assert 0 == row("-", input=printed).exit_code


@check
def prints_output(row, _):
    target = str(row.job_file("hi there\n")) if row.command[1] == "run" else row.world.jobs[0]
    assert row(row.flag, target).stdout.endswith("hi there\n" if row.command[1] == "run" else "hi\n")


@check
def prints_the_id(row, _):
    job_id = row("--id-only", str(row.job_file("x"))).stdout.removesuffix("\n")
    assert "Completed" == row.world.stack.job(job_id)["State"]["StateType"]


@check
def shows_nodes(row, _):
    done = row("--node-details", str(row.job_file("from a node")))
    assert "Job Results By Node:" in done.stdout
    assert "• Node node-" in done.stderr and "from a node" in done.stderr


@check
def shows_warnings(row, _):
    path = row.job_file("x")
    path.write_text(yaml.safe_dump(job(noop(), task_Env={"A": "B"}, task_Network={"Type": "Full"})))
    assert row("--show-warnings", "--wait=false", str(path)).stdout.startswith("j-")


@check
def waits(row, _):
    path = str(row.job_file("x"))
    assert "Communicating with the network" in row("--wait", path).stdout
    assert 1 == len(lines(row("--wait=false", path).stdout))


@check
def stops_waiting(row, _):
    path = row.job_file("x")
    path.write_text(yaml.safe_dump(job(noop(RunsFor="1h"))))
    done = row("--wait-timeout-secs", "0", str(path), code=1)
    assert "after 0 s" in done.stderr


@check
def leaves_braces(row, _):
    printed = row("--no-template", "--dry-run", str(row.job_file())).stdout
    assert "{{.word}}" == yaml.safe_load(printed)["Name"]


@check
def takes_variables(row, _):
    env = {"word": "from outside", "other": "x"}
    printed = row("--dry-run", row.flag, "^wo", str(row.job_file()), env=env).stdout
    assert "from outside" == yaml.safe_load(printed)["Name"]
    assert (
        'there is no value for "word"' in row("--dry-run", row.flag, "oth", str(row.job_file()), env=env, code=1).stderr
    )


@check
def fills_in(row, _):
    printed = row("--dry-run", row.flag, "word=given", str(row.job_file())).stdout
    assert "given" == yaml.safe_load(printed)["Name"]
