"""The commands of the `job` group against a fake network."""

from __future__ import annotations

import csv
import io
import json

import pytest
import yaml
from fake_server import JOBS, execution_id, job_id

TASK = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "ubuntu"}}}
JOB = {"Type": "batch", "Count": 1, "Namespace": "default", "Tasks": [TASK]}
YAML_JOB = "Type: batch\nTasks:\n- Name: main\n  Engine:\n    Type: docker\n    Params: {Image: ubuntu}\n"


def lines(result):
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


# job list


def test_list_asks_for_ten_jobs_that_are_no_canaries(run, network):
    """The default request of `job list`."""
    network.add(JOB)
    shown = lines(run("job", "list"))
    assert {"labels": ["bacalhau_canary!=true"], "limit": ["10"]} == network.asked[0].query
    assert [" CREATED   ID          JOB     TYPE   STATE   ", " 08:13:20  j-00000001  docker  batch  Pending "] == shown


def test_list_passes_its_flags_on(run, network):
    """Selector, limit, token and order arrive as the API names them; one parameter for each requirement."""
    args = ["--labels", "x notin (b,a),!z,y>3,w", "--limit=2", "--next-token=T", "--order-by=id", "--order-reversed"]
    run("job", "list", *args)
    assert {
        "labels": ["w", "x notin (a,b)", "y>3", "!z"],
        "limit": ["2"], "next_token": ["T"], "order_by": ["id"], "reverse": ["true"],
    } == network.asked[0].query  # fmt: skip


def test_list_without_limit_and_labels_sends_no_query(run, network):
    """Zero and empty mean everything."""
    run("job", "list", "--labels", "", "--limit", "0")
    assert {} == network.asked[0].query


def test_list_in_every_form(run, network):
    """json is a bare array, yaml the same with sorted keys, csv has whole values."""
    job = network.add(JOB)
    assert [job] == json.loads(run("job", "list", "--output", "json").stdout)
    assert [job] == yaml.safe_load(run("job", "list", "--output=yaml").stdout)
    rows = list(csv.DictReader(io.StringIO(run("job", "list", "--output", "csv").stdout)))
    expected = {"created": "2024-08-01 08:13:20", "id": job_id(1), "job": "docker", "type": "batch", "state": "Pending"}
    assert [expected] == rows


def test_empty_list_in_every_form(run):
    """Nothing to list is a header, or an empty array."""
    assert [" CREATED  ID  JOB  TYPE  STATE "] == lines(run("job", "list"))
    assert [] == lines(run("job", "list", "--hide-header"))
    assert ["[]\n", "[]\n"] == [run("job", "list", "--output", form).stdout for form in ("json", "yaml")]


def test_next_page_is_announced_on_standard_error(run, network):
    """The token of the next page must not break JSON on stdout."""
    network.next_token = "TOKEN"
    result = run("job", "list", "--output", "json")
    assert [] == json.loads(result.stdout)
    assert "use --next-token TOKEN" in result.stderr


def test_bad_selector_is_refused_before_any_request(run, network):
    """`--labels` is read by the client."""
    result = run("job", "list", "--labels", "a b")
    assert (1, []) == (result.exit_code, network.asked)
    assert result.stderr.startswith("Error: could not parse labels: 'a b' is no condition on a label")


# job executions, history, describe


def test_executions_show_short_ids_and_names_of_states(run, network):
    """Numbers become names, ids become short, also in csv."""
    network.add(JOB, ("Completed",))
    shown = lines(run("job", "executions", "j-00"))
    assert " 08:13:20  08:13:21  e-00000001  node-2   6     Completed  Stopped " == shown[1]
    assert {"limit": ["20"]} == network.asked[0].query
    row = "2024-08-01 08:13:20,2024-08-01 08:13:21,e-00000001,node-2,6,Completed,Stopped"
    assert row == lines(run("job", "executions", "j-00", "--output", "csv"))[1]


def test_history_passes_its_filters_on(run, network):
    """Event type, execution and node are filters of the server."""
    network.add(JOB, ("Completed",))
    run("job", "history", "j-0", "--event-type=execution", "--execution-id=e-1", "--node-id=node-2")
    assert {"event_type": ["execution"], "execution_id": ["e-1"], "node_id": ["node-2"]} == network.asked[0].query


def test_history_rows_show_time_level_state_and_event(run, network):
    """Job and execution events in one table; times are whole."""
    network.add(JOB, ("Completed",))
    shown = lines(run("job", "history", "j-0"))
    assert " Aug  1 08:13:20.123  JobLevel        1                          Pending" in shown[1]
    assert "e-00000001  node-2   AskForBidAccepted  Requesting Node  Accepted job" in shown[2]


def test_history_shows_hints_without_colour_codes(run, network):
    """A hint is a second line of the event's cell."""
    network.message = "image not found"
    network.add(JOB, ("Failed",))
    result = run("job", "history", "j-0", "--output", "csv")
    assert '"image not found\nHint: try another image"' in result.stdout
    assert "\x1b" not in result.stdout


def test_describe_is_yaml_of_the_whole_answer(run, network):
    """Job, executions and history are asked for at once."""
    network.add(JOB, ("Completed",))
    described = yaml.safe_load(run("job", "describe", "j-0").stdout)
    assert {"include": ["executions,history"]} == network.asked[0].query
    assert ({"Job", "Executions", "History"}, job_id(1)) == (described.keys(), described["Job"]["ID"])


def test_describe_as_text_is_a_report(run, network):
    """Head, summary, history, executions and output, in this order."""
    network.add(JOB, ("Completed",))
    report = run("job", "describe", "j-0", "--output", "text").stdout
    heads = [
        "ID            = j-00000001",
        "Summary",
        "Completed = 1",
        "Job History",
        "Executions",
        "Execution e-00000001 History",
    ]
    positions = [report.index(head) for head in [*heads, "Standard Output\nhello\n"]]
    assert sorted(positions) == positions


def test_described_job_can_be_submitted_again(run, network):
    """`job describe ID | job run`: the job is unwrapped, what only the system sets is dropped with a warning."""
    network.add(JOB, ("Completed",))
    described = run("job", "describe", "j-0").stdout
    result = run("job", "run", "--wait=false", input=described)
    assert f"{job_id(2)}\n" == result.stdout
    assert "Warning: job ID is ignored when submitting a job" in result.stderr
    sent = network.asked[-1].body["Job"]
    assert (TASK, "") == ({key: sent["Tasks"][0][key] for key in TASK}, sent["Name"])
    assert "State" not in sent


def test_unknown_job_is_one_line(run):
    """What was tried, and the server's own words."""
    result = run("job", "describe", "j-9")
    assert (1, "Error: could not get job j-9: Job not found. ID: j-9\n") == (result.exit_code, result.stderr)


# job stop


def test_stop_asks_before_it_stops(run, network):
    """A running job is looked up, then stopped under its full id, with a reason."""
    network.add(JOB, ("Running",))
    result = run("job", "stop", "j-0")
    assert 0 == result.exit_code
    assert result.stdout.endswith("Job stop successfully submitted with evaluation ID: 9a1d4c1e\n")
    asked = network.asked[-1]
    assert ("DELETE", f"{JOBS}/{job_id(1)}", "Stopped at user request") == (
        asked.method,
        asked.path,
        asked.body["reason"],
    )


def test_stop_of_a_finished_job_is_refused_without_a_request(run, network):
    """The state is in the message; exit 1."""
    network.add(JOB, ("Completed",))
    result = run("job", "stop", "j-0")
    assert (1, ["GET"]) == (result.exit_code, [asked.method for asked in network.asked])
    assert result.stderr.startswith("Error: job j-0 is already in a terminal state: Completed")


def test_quiet_stop_says_nothing_at_all(run, network):
    """`--quiet`: the exit code is the only answer."""
    network.add(JOB, ("Running",))
    results = [run("job", "stop", "--quiet", wanted) for wanted in ("j-0", "j-9")]
    assert [(0, ""), (1, "")] == [(result.exit_code, result.output) for result in results]


def test_stop_reads_an_empty_id_from_standard_input(run, network):
    """`job stop ""` takes the id from a pipe."""
    network.add(JOB, ("Running",))
    assert 0 == run("job", "stop", "", input="j-0\n").exit_code


# job logs


def test_logs_print_lines_as_they_come(run, network):
    """Both streams go to stdout, nothing is added; pings and binary frames are fine."""
    network.add(JOB)
    network.log_frames = [
        {"value": {"Type": 1, "Line": "a\n"}},
        b'{"value":{"Type":2,"Line":"e"}}',
        {"Type": 1, "Line": "x"},
    ]
    result = run("job", "logs", "-f", "-t", "-e", "e-1", "j-0")
    assert (0, "a\ne") == (result.exit_code, result.stdout)
    assert {"follow": ["true"], "tail": ["true"], "execution_id": ["e-1"]} == network.asked[0].query


@pytest.mark.parametrize(
    ("frames", "close", "error"),
    [
        (
            [{"error": "no executions found for job j-0", "value": {"Type": 0, "Line": ""}}],
            1000,
            "no executions found for job j-0",
        ),
        ([], 1001, "the log stream was closed early (code 1001)"),
        ([], 0, "the log stream broke off: the server closed the connection without a word"),
        ([b"nonsense"], 1000, "the log stream holds something that is no log message"),
    ],
)
def test_log_stream_that_does_not_end_well_is_an_error(run, network, frames, close, error):
    """An error message, another close code, a lost connection, garbage: exit 1 and one line."""
    network.add(JOB)
    network.log_frames, network.log_close = frames, close
    result = run("job", "logs", "j-0")
    assert (1, "", f"Error: cannot read the logs of job j-0: {error}\n") == (
        result.exit_code,
        result.stdout,
        result.stderr,
    )


def test_refused_log_stream_shows_the_server_s_words(run, network):
    """A handshake that is refused has a body that says why."""
    network.refuse = (403, {"message": "access denied"})
    assert "Error: cannot read the logs of job j-0: access denied\n" == run("job", "logs", "j-0").stderr


# job run, job validate


@pytest.mark.parametrize("text", [YAML_JOB, json.dumps(JOB), json.dumps(JOB).replace('"Type"', '"type"')])
def test_run_takes_yaml_or_json_from_standard_input(run, network, text):
    """The content decides which it is; field names are read in any case."""
    result = run("job", "run", "--wait=false", input=text)
    assert (0, f"{job_id(1)}\n") == (result.exit_code, result.stdout)
    assert "Reading from /dev/stdin" in result.stderr
    assert ("batch", "ubuntu") == (
        network.asked[0].body["Job"]["Type"],
        network.asked[0].body["Job"]["Tasks"][0]["Engine"]["Params"]["Image"],
    )


def test_run_takes_a_file(run, network, tmp_path):
    """A path, and nothing about standard input."""
    (tmp_path / "job.txt").write_text(YAML_JOB)
    result = run("job", "run", "--id-only", str(tmp_path / "job.txt"))
    assert (0, f"{job_id(1)}\n", "") == (result.exit_code, result.stdout, result.stderr)


def test_dry_run_prints_a_job_that_can_be_run(offline):
    """No request is made, and the output is a job file."""
    printed = offline("job", "run", "--dry-run", input=YAML_JOB)
    again = offline("job", "run", "--dry-run", input=printed.stdout)
    assert (0, printed.stdout) == (again.exit_code, again.stdout)
    assert ("default", 1) == (yaml.safe_load(printed.stdout)["Namespace"], yaml.safe_load(printed.stdout)["Count"])


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "no content provided"),
        ("- a\n", "a job is an object with Type and Tasks, this is something else"),
        ("a: b: c\n", "neither JSON nor YAML: mapping values are not allowed here (line 1, column 5)"),
        ("Type: batch\nType: ops\n", "neither JSON nor YAML: the key 'Type' is there twice (line 2, column 1)"),
        ("Selector: x\n", "unknown field: 'Selector' in 'Job'"),
        ("ID: x\n", "field: 'ID' in 'Job' is not allowed"),
        ('{"Count": "1"}', "field: 'Count' in 'Job' is invalid type: 'string' expected: 'int'"),
        ("Type: batch\n", "missing job tasks"),
        (YAML_JOB + "Count: -1\n", "job count must be >= 0"),
        (YAML_JOB + "  ResultPaths: [{Name: o, Path: /o}]\n", "publisher must be set if result paths are set"),
        (YAML_JOB + "  Resources: {CPU: 1}\n", "is invalid type: 'int' expected: 'string' (put it in quotes)"),
    ],
)  # fmt: skip
def test_invalid_jobs_are_refused_before_any_request(run, network, text, error):
    """Every message is headed alike and names the field."""
    result = run("job", "run", input=text)
    assert (1, "", []) == (result.exit_code, result.stdout, network.asked)
    assert "Error: the job provided is invalid: " in result.stderr
    assert error in result.stderr


def test_missing_file_is_one_line(offline):
    """The path is named."""
    assert (
        'Error: opening job file ("none.yaml"): no such file or directory\n'
        == offline("job", "run", "none.yaml").stderr
    )


def test_refused_job_shows_the_server_s_words(run, network):
    """The reason in the body, behind what was tried."""
    network.refuse = (400, {"error": "code=400, message=bad label", "message": "bad label"})
    result = run("job", "run", input=YAML_JOB)
    assert (1, "Error: failed request: bad label") == (result.exit_code, result.stderr.splitlines()[-1])


def test_warnings_are_shown_only_on_request(run, network):
    """`job run` keeps the server's warnings back unless `--show-warnings`."""
    network.warnings = ["something odd"]
    assert "something odd" not in run("job", "run", "--wait=false", input=YAML_JOB).output
    assert "Warning: something odd" in run("job", "run", "--wait=false", "--show-warnings", input=YAML_JOB).stderr


def test_templates_are_filled_in_unless_told_otherwise(offline):
    """`-V` gives values; `--no-template` leaves the text alone."""
    text = YAML_JOB.replace("ubuntu", "'{{.image}}'")
    filled = yaml.safe_load(offline("job", "run", "--dry-run", "-V", "image=busybox", input=text).stdout)
    assert "busybox" == filled["Tasks"][0]["Engine"]["Params"]["Image"]
    left = yaml.safe_load(offline("job", "run", "--dry-run", "--no-template", input=text).stdout)
    assert "{{.image}}" == left["Tasks"][0]["Engine"]["Params"]["Image"]
    assert 'there is no value for "image": give one with -V image=VALUE' in offline("job", "run", input=text).stderr


def test_validate_checks_a_file(offline, tmp_path):
    """OK, or what is wrong and exit 1."""
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(YAML_JOB)
    bad.write_text("Type: x\n")
    assert "OK\n" == offline("job", "validate", str(good)).stdout
    assert (1, 'invalid job type: "x"' in offline("job", "validate", str(bad)).stderr) == (1, True)


# job get


def test_get_unpacks_results_into_a_folder_of_the_job(run, network, tmp_path, monkeypatch):
    """The default folder is named after the job; the archive does not stay."""
    monkeypatch.chdir(tmp_path)
    network.results = True
    network.add(JOB, ("Completed",))
    result = run("job", "get", job_id(1))
    assert (0, f"Results for job '{job_id(1)}' have been written to...") == (
        result.exit_code,
        result.stdout.splitlines()[0],
    )
    folder = tmp_path / "job-j-00000001"
    assert ["exitCode", "o", "o/f", "stdout"] == sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_get_of_one_file_leaves_the_rest(run, network, tmp_path):
    """`job get ID/PATH` fetches only that."""
    network.results = True
    network.add(JOB, ("Completed",))
    run("job", "get", "j-0/stdout", "--output-dir", str(tmp_path))
    assert ["stdout"] == [path.name for path in tmp_path.iterdir() if path.name != "repository"]
    assert "there is no what in the results" in run("job", "get", "j-0/what", "--output-dir", str(tmp_path)).stderr


def test_raw_get_keeps_the_archive(run, network, tmp_path):
    """`--raw` stops after the download."""
    network.results = True
    network.add(JOB, ("Completed",))
    run("job", "get", "--raw", "j-0", "--output-dir", str(tmp_path))
    assert [f"127.0.0.1_{network.port}_{execution_id(1)}.tar.gz"] == [
        path.name for path in (tmp_path / "raw").iterdir()
    ]


def test_get_into_no_folder_or_without_results_says_so(run, network, tmp_path):
    """A folder must exist; a job without results is no error."""
    network.add(JOB, ("Completed",))
    assert "No results found" == run("job", "get", "j-0").stdout.splitlines()[0]
    network.results = True
    result = run("job", "get", "j-0", "--output-dir", str(tmp_path / "none"))
    assert (1, True) == (result.exit_code, "output dir does not exist" in result.stderr)
