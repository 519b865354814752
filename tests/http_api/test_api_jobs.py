"""The jobs' routes."""

from __future__ import annotations

import json

import pytest

JOBS = "/api/v1/orchestrator/jobs"
JSON = {"content-type": "application/json"}


def job_body(**fields):
    task = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "busybox"}}}
    return {"Job": {"Type": "batch", "Count": 1, "Tasks": [task], **fields}}


async def submit(client, **fields):
    answer = await client.put(JOBS, json=job_body(**fields))
    assert 200 == answer.status_code, answer.text
    return answer.json()["JobID"]


async def test_submit_answers_with_three_keys(client):
    """Ids and warnings; no warnings are null."""
    answer = await client.put(JOBS, json=job_body())
    assert ["JobID", "EvaluationID", "Warnings"] == list(answer.json())
    assert answer.json()["Warnings"] is None


async def test_post_submits_too_and_warnings_are_listed(client):
    """POST is PUT; what has no effect is told."""
    answer = await client.post(JOBS, json=job_body(CreateTime=1234))
    assert ["job create time is ignored when submitting a job"] == answer.json()["Warnings"]


@pytest.mark.parametrize("body", [b"", b"null", b'{"Job":null}', b"{}"])
async def test_no_job_is_refused(client, body):
    """A body without a job is a mistake of the client."""
    answer = await client.put(JOBS, content=body, headers=JSON)
    assert 400 == answer.status_code
    assert {"error": "code=400, message=empty/nil job", "message": "empty/nil job"} == answer.json()


async def test_a_form_holds_no_job(client):
    """curl -d without a header sends a form, which has no job in it."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await client.put(JOBS, content=json.dumps(job_body()), headers=headers)
    assert "empty/nil job" == answer.json()["message"]


@pytest.mark.parametrize("headers", [{}, {"content-type": "text/plain"}])
async def test_another_content_type_is_refused(client, headers):
    """JSON must be announced as JSON."""
    answer = await client.put(JOBS, content=json.dumps(job_body()), headers=headers)
    assert (400, "code=415, message=Unsupported Media Type") == (answer.status_code, answer.json()["message"])


async def test_bad_json_is_told_twice(client):
    """A body that cannot be read has its reason inside both keys, as recorded."""
    answer = await client.put(JOBS, content=b"{", headers=JSON)
    message = "code=400, message=unexpected EOF, internal=unexpected EOF"
    assert {"error": f"code=400, message={message}", "message": message} == answer.json()


async def test_a_job_is_found_by_the_beginning_of_its_id(client):
    """Short ids are as good as long ones."""
    job_id = await submit(client)
    answer = await client.get(f"{JOBS}/{job_id[:8]}")
    assert ["Job"] == list(answer.json())
    assert (job_id, "Pending", {"TotalTimeout": 1800}) == (
        answer.json()["Job"]["ID"],
        answer.json()["Job"]["State"]["StateType"],
        answer.json()["Job"]["Tasks"][0]["Timeouts"],
    )


async def test_include_adds_executions_and_history(client, cluster):
    """`include` is a list with blanks; unknown words are ignored; the blocks have no old aliases."""
    job_id = await submit(client)
    cluster.complete(job_id)
    answer = await client.get(f"{JOBS}/{job_id}", params={"include": "executions, history,nonsense", "limit": "1"})
    body = answer.json()
    assert ["Job", "History", "Executions"] == list(body)
    assert ["NextToken", "Items"] == list(body["Executions"])
    assert (1, 5) == (len(body["Executions"]["Items"]), len(body["History"]["Items"]))


async def test_an_empty_include_adds_nothing(client):
    """The Python package always sends the parameter."""
    job_id = await submit(client)
    assert ["Job"] == list((await client.get(f"{JOBS}/{job_id}?include=&limit=10")).json())


async def test_lists_have_their_old_name_only_when_there_is_something(client, cluster):
    """`Items` is the key; the older key is a copy, left out of empty lists."""
    assert {"NextToken": "", "Items": []} == (await client.get(JOBS)).json()
    job_id = await submit(client)
    cluster.complete(job_id)
    for path, alias in (("", "Jobs"), (f"/{job_id}/history", "History"), (f"/{job_id}/executions", "Executions")):
        body = (await client.get(JOBS + path)).json()
        assert ["NextToken", "Items", alias] == list(body)
        assert body["Items"] == body[alias]


async def test_v1_4_0_has_no_old_names(faithful, faithful_cluster):
    """Aliases are ours; under v1.4.0 there are none."""
    job_id = await submit(faithful)
    faithful_cluster.complete(job_id)
    assert ["NextToken", "Items"] == list((await faithful.get(JOBS)).json())
    items = (await faithful.get(f"{JOBS}/{job_id}/executions")).json()["Items"]
    assert "stdout" not in items[0]["RunOutput"]


async def test_pages_lead_from_one_to_the_next(client):
    """The token of one page is the parameter of the next."""
    ids = [await submit(client) for _ in range(3)]
    first = (await client.get(JOBS, params={"limit": 2})).json()
    second = (await client.get(JOBS, params={"next_token": first["NextToken"]})).json()
    assert (ids, "") == ([job["ID"] for job in first["Items"] + second["Items"]], second["NextToken"])


async def test_parameters_match_in_any_case_and_may_be_empty(client):
    """Names in any case, empty values as if not given, Python's truth values."""
    ids = [await submit(client) for _ in range(2)]
    answer = await client.get(f"{JOBS}?LIMIT=1&next_token=&order_by=&Reverse=True&labels=")
    assert [ids[1]] == [job["ID"] for job in answer.json()["Items"]]


async def test_labels_are_joined(client):
    """Several `labels` parameters must all hold."""
    await submit(client, Labels={"a": "1"})
    wanted = await submit(client, Labels={"a": "1", "b": "2"})
    answer = await client.get(JOBS, params={"labels": ["a=1", "b"]})
    assert [wanted] == [job["ID"] for job in answer.json()["Items"]]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("limit=-1", 'strconv.ParseUint: parsing "-1": invalid syntax'),
        ("limit=4294967296", 'strconv.ParseUint: parsing "4294967296": value out of range'),
        ("reverse=maybe", 'strconv.ParseBool: parsing "maybe": invalid syntax'),
    ],
)
async def test_bad_parameters_are_told(client, query, reason):
    """Numbers and truth values are read as Go reads them."""
    answer = await client.get(f"{JOBS}?{query}")
    assert (400, f"code=400, message={reason}, internal={reason}") == (answer.status_code, answer.json()["message"])


@pytest.mark.parametrize("query", ["next_token=aWQ6WQ", "labels=a%20in%20(b", "labels=a,"])
async def test_bad_tokens_and_selectors_are_told(client, query):
    """Errors found while looking are the client's, too."""
    answer = await client.get(f"{JOBS}?{query}")
    assert 400 == answer.status_code
    assert answer.json()["error"] == f"code=400, message={answer.json()['message']}"


@pytest.mark.parametrize("path", ["", "/history", "/executions", "/results"])
async def test_an_unknown_job_is_not_found(client, path):
    """Documented: 404; the text is the same everywhere."""
    answer = await client.get(f"{JOBS}/nowhere{path}")
    assert 404 == answer.status_code
    assert {
        "error": "code=404, message=Job not found. ID: nowhere",
        "message": "Job not found. ID: nowhere",
    } == answer.json()


async def test_an_unknown_job_is_a_server_error_under_v1_4_0(faithful):
    """v1.4.0: 500."""
    answer = await faithful.get(f"{JOBS}/nowhere")
    assert 500 == answer.status_code
    assert {"error": "Job not found. ID: nowhere", "message": "Internal Server Error"} == answer.json()


async def test_a_short_id_of_several_jobs_is_a_conflict(client):
    """Documented: 409."""
    await submit(client)
    await submit(client)
    assert 409 == (await client.get(f"{JOBS}/j-")).status_code


@pytest.mark.parametrize("fields", [{"Labels": {"": "x"}}, {"Tasks": [None]}, {"Count": -1}])
async def test_every_invalid_job_is_400(client, fields):
    """Also where v1.4.0 finds the mistake late."""
    assert 400 == (await client.put(JOBS, json=job_body(**fields))).status_code


async def test_a_mistake_found_late_is_500_under_v1_4_0(faithful):
    """v1.4.0 answers an empty label key with 500."""
    assert 500 == (await faithful.put(JOBS, json=job_body(Labels={"": "x"}))).status_code


@pytest.mark.parametrize(("since", "event_type", "rule"), [("-1", "", "min"), ("0", "rocket", "oneof")])
async def test_history_parameters_have_rules(client, since, event_type, rule):
    """`since` is not negative, `event_type` one of three."""
    answer = await client.get(f"{JOBS}/any/history", params={"since": since, "event_type": event_type})
    assert 400 == answer.status_code
    assert f"failed on the '{rule}' tag" in answer.json()["message"]


async def test_history_since(client):
    """The parameters reach the cluster."""
    job_id = await submit(client)
    assert [] == (await client.get(f"{JOBS}/{job_id}/history?since=4102444800")).json()["Items"]


async def test_results_are_compact_unless_asked(client, cluster):
    """Results alone are not indented and keep `&`; `pretty` with any value makes them like the rest."""
    job_id = await submit(client)
    cluster.complete(job_id)
    compact, pretty = [await client.get(f"{JOBS}/{job_id}/results{query}") for query in ("", "?pretty")]
    assert compact.text.startswith(
        '{"NextToken":"","Items":[{"Type":"urlDownload","Params":{"URL":"http://127.0.0.1:9/e.tar.gz?a=1&b=2"}}]'
    )
    assert "application/json; charset=UTF-8" == compact.headers["content-type"]
    assert '\n  "NextToken"' in pretty.text
    assert "a=1\\u0026b=2" in pretty.text
    assert compact.json() == pretty.json()


async def test_a_service_has_no_results(client, faithful):
    """Documented: 400; v1.4.0: 500."""
    for api, status in ((client, 400), (faithful, 500)):
        job_id = await submit(api, Type="service")
        answer = await api.get(f"{JOBS}/{job_id}/results")
        assert status == answer.status_code
        assert "job type service does not support results" in answer.json()["error"]


def reason_of(cluster, job_id):
    return cluster.find_job(job_id).history[-1].event.details["Reason"]


@pytest.mark.parametrize(
    ("body", "query", "reason"),
    [
        ({"reason": "enough"}, "", "enough"),
        ({"Reason": "enough"}, "?reason=other", "enough"),
        ({}, "?reason=enough", "enough"),
        ({}, "?reason=None", ""),
        (None, "", ""),
    ],
)
async def test_the_reason_of_a_stop(client, cluster, body, query, reason):
    """From the body, else from the address; the Python package's None counts as nothing."""
    job_id = await submit(client)
    content = b"" if body is None else json.dumps(body).encode()
    answer = await client.request("DELETE", f"{JOBS}/{job_id}{query}", content=content, headers=JSON)
    assert ["EvaluationID"] == list(answer.json())
    assert reason == reason_of(cluster, job_id)


async def test_v1_4_0_reads_the_reason_from_the_body_only(faithful, faithful_cluster):
    """The switch leaves the address out."""
    job_id = await submit(faithful)
    await faithful.delete(f"{JOBS}/{job_id}?reason=enough")
    assert "" == reason_of(faithful_cluster, job_id)


async def test_stopping_again_and_stopping_what_is_over(client, cluster):
    """A stopped job gives an empty evaluation id; a completed one a conflict."""
    stopped, completed = await submit(client), await submit(client)
    await client.delete(f"{JOBS}/{stopped}")
    cluster.complete(completed)
    assert {"EvaluationID": ""} == (await client.delete(f"{JOBS}/{stopped}")).json()
    assert 409 == (await client.delete(f"{JOBS}/{completed}")).status_code


async def test_history_and_executions_page_for_who_pages(client, cluster):
    """With `next_token`, even an empty one; a mere limit cuts and gives no token."""
    job_id = await submit(client)
    cluster.complete(job_id)
    whole = (await client.get(f"{JOBS}/{job_id}/history")).json()["Items"]
    first = (await client.get(f"{JOBS}/{job_id}/history?limit=2&next_token=")).json()
    second = (await client.get(f"{JOBS}/{job_id}/history?next_token={first['NextToken']}&limit=1")).json()
    assert whole[:4] == first["Items"] + second["Items"]
    assert second["NextToken"]
    cut = (await client.get(f"{JOBS}/{job_id}/history?limit=2")).json()
    assert (whole[:2], "") == (cut["Items"], cut["NextToken"])
    assert "" == (await client.get(f"{JOBS}/{job_id}/executions?limit=1&next_token=")).json()["NextToken"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "abc"), ("reverse=true", "cba"), ("order_by=id", "bca"), ("order_by=id&reverse=true", "acb"),
        ("order_by=created_at", "abc"), ("order_by=create_time", "abc"), ("order_by=rubbish", "abc"),
        ("order_by=modified_at", "bca"), ("order_by=modify_time&reverse=1", "acb"),
        ("namespace=other", "b"), ("namespace=*", "abc"), ("namespace=nobody", ""), ("limit=0", "abc"),
    ],
)  # fmt: skip
async def test_orders_and_namespaces(client, query, names):
    """By creation unless a known key is asked for; an own id is kept by services only."""
    for name, job_id in (("a", "z"), ("b", "x"), ("c", "y")):
        await submit(client, Type="service", ID=job_id, Name=name, Namespace="other" if name == "b" else "")
    await client.delete(f"{JOBS}/z")
    answer = (await client.get(f"{JOBS}?{query}")).json()
    assert names == "".join(job["Name"] for job in answer["Items"])
