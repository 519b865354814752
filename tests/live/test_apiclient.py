"""Every public method of `bacalhau_apiclient`, unchanged, against a live stack, with a look at what it answers.

A method is called in each of the ways that the package offers; one that no walk here calls fails its test.
"""
# ruff: noqa: E402  # Where the packages cannot be installed, the whole file is skipped before it imports them.

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

from tests.live.stacks import Stack, noop

pytest.importorskip("bacalhau_apiclient.api", reason="Bacalhau's Python packages are for Python below 3.12")

import bacalhau_apiclient.api
from bacalhau_apiclient.models.api_put_node_request import ApiPutNodeRequest
from bacalhau_apiclient.models.shared_version_request import SharedVersionRequest
from bacalhau_apiclient.rest import ApiException

from tests.live.sdk import TWIN, named, plain_client, public_methods, raw, request, wait_over

pytestmark = pytest.mark.live

METHODS = public_methods(bacalhau_apiclient.api)


def _with_status(api: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    answer, status, headers = getattr(api, name + TWIN)(*args, **kwargs)
    assert (200, "v1.4.0") == (status, headers["X-Bacalhau-Git-Version"])
    return answer


WAYS: dict[str, Callable[..., Any]] = {
    "plain": lambda api, name, *args, **kwargs: getattr(api, name)(*args, **kwargs),
    "with status": _with_status,
    "in a thread": lambda api, name, *args, **kwargs: getattr(api, name)(*args, **kwargs, async_req=True).get(),
}


@attrs.frozen
class Client:
    """The generated classes, all called in one way."""

    stack: Stack
    plain: Any
    way: Callable[..., Any]

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        kind, name = method.split(".")
        return self.way(getattr(bacalhau_apiclient.api, kind)(self.plain), name, *args, **kwargs)

    def refusal(self, method: str, *args: Any) -> ApiException:
        with pytest.raises(ApiException) as refused:
            self.call(method, *args)
        return refused.value

    def ended(self, engine: dict[str, Any] | None = None) -> str:
        job_id = str(self.put(engine))
        wait_over(lambda: str(self.call("OrchestratorApi.orchestratorget_job", job_id).job.state.state_type))
        return job_id

    def running(self) -> str:
        job_id = str(self.put(noop(RunsFor="1h")))
        self.stack.wait_running(job_id)
        return job_id

    def put(self, engine: dict[str, Any] | None = None, **fields: Any) -> Any:
        return self.call("OrchestratorApi.orchestratorput_job", request(engine, **fields)).job_id


# Jobs


def put_job(client: Client) -> None:
    answer = client.call("OrchestratorApi.orchestratorput_job", request())
    assert (True, None) == (answer.job_id.startswith("j-"), answer.warnings)
    assert answer.evaluation_id
    refused = client.refusal("OrchestratorApi.orchestratorput_job", request(type="weekly"))
    assert (400, True) == (refused.status, b'invalid job type: \\"weekly\\"' in refused.body)


def get_job(client: Client) -> None:
    job_id = client.ended()
    answer = client.call("OrchestratorApi.orchestratorget_job", job_id[:10], include="executions,history", limit=10)
    assert (job_id, "Completed") == (answer.job.id, answer.job.state.state_type)
    assert [job_id] == [execution.job_id for execution in answer.executions.items]
    assert "JobLevel" == answer.history.items[0].type
    assert 404 == client.refusal("OrchestratorApi.orchestratorget_job", "j-00000000").status


def list_jobs(client: Client) -> None:
    mine = [client.put(namespace="walk", name=name) for name in ("one", "two")]
    listed = client.call("OrchestratorApi.orchestratorlist_jobs", namespace="walk", limit=2, reverse=True)
    assert mine[::-1] == [job.id for job in listed.items]


def job_executions(client: Client) -> None:
    (execution,) = client.call("OrchestratorApi.orchestratorjob_executions", client.ended(), "create_time").items
    output = execution.run_output
    assert ("hi\n", "e\n", 0, "") == (output.stdout, output.stderr, output.exit_code, output.error_msg)
    assert (7, 2) == (execution.compute_state.state_type, execution.desired_state.state_type)
    assert 400 == client.refusal("OrchestratorApi.orchestratorjob_executions", execution.job_id, "colour").status


def job_history(client: Client) -> None:
    job_id = client.ended()
    items = client.call("OrchestratorApi.orchestratorjob_history", job_id, since=0, event_type="job").items
    assert ("Pending", "Completed") == (items[0].job_state.new, items[-1].job_state.new)
    assert {"JobLevel"} == {item.type for item in items}


def job_results(client: Client) -> None:
    assert [] == client.call("OrchestratorApi.orchestratorjob_results", client.ended()).items


def stop_job(client: Client) -> None:
    job_id = client.running()
    assert client.call("OrchestratorApi.orchestratorstop_job", job_id, reason="enough").evaluation_id
    assert "Stopped" == client.call("OrchestratorApi.orchestratorget_job", job_id).job.state.state_type
    assert "" == client.call("OrchestratorApi.orchestratorstop_job", job_id).evaluation_id


def logs(client: Client) -> None:
    """The package knows no websockets; a plain request is told what the stream is."""
    refused = client.refusal("OrchestratorApi.orchestratorlogs", client.ended())
    assert (400, True) == (refused.status, b"logs are a websocket" in refused.body)


# Nodes: the package looks for `node` and `nodes` where the server says `Node` and `Nodes`.


def list_nodes(client: Client) -> None:
    query = {"limit": 2, "reverse": True, "order_by": "id", "filter_approval": "approved", "filter_status": "connected"}
    assert "" == client.call("OrchestratorApi.orchestratorlist_nodes", **query).next_token
    listed = raw(client.call("OrchestratorApi.orchestratorlist_nodes", **query, _preload_content=False))["Nodes"]
    assert ["node-5", "node-4"] == [node["Info"]["NodeID"] for node in listed]


def get_node(client: Client) -> None:
    assert client.call("OrchestratorApi.orchestratorget_node", "node-1") is not None
    node = raw(client.call("OrchestratorApi.orchestratorget_node", "node-1", _preload_content=False))["Node"]
    assert ("node-1", "CONNECTED") == (node["Info"]["NodeID"], node["Connection"])
    assert 404 == client.refusal("OrchestratorApi.orchestratorget_node", "node-77").status


def update_node(client: Client) -> None:
    """It posts to the list of nodes, where v1.4.0 has nothing either."""
    wanted = ApiPutNodeRequest(action="approve", node_id="node-1")
    assert 405 == client.refusal("OrchestratorApi.orchestratorupdate_node", wanted, "node-1").status


# The agent


def agent_alive(client: Client) -> None:
    assert {"Status": "OK"} == raw(client.call("OpsApi.agentalive", _preload_content=False))
    assert "{'Status': 'OK'}" == client.call("OpsApi.agentalive")


def agent_version(client: Client) -> None:
    version = client.call("OpsApi.agentversion")
    assert ("1", "4", "v1.4.0") == (version.major, version.minor, version.git_version)


def agent_node(client: Client) -> None:
    node = client.call("OpsApi.agentnode")
    assert ("node-0", "Requester", "devstack") == (node.node_id, node.node_type, node.labels["env"])
    assert "v1.4.0" == node.bacalhau_version.git_version


def agent_debug(client: Client) -> None:
    assert client.call("OpsApi.agentdebug") is not None
    found = raw(client.call("OpsApi.agentdebug", _preload_content=False))
    assert 6 == len(found["DiscoveredNodes"])
    assert {"NATSServer", "NATSClient"} <= set(found)


def healthz(client: Client) -> None:
    space = client.call("UtilsApi.healthz").free_space
    for disk in (space.root, space.tmp):
        assert disk.all >= disk.free > 0


def home(client: Client) -> None:
    assert "v1.4.0" == raw(client.call("UtilsApi.home", _preload_content=False))["GitVersion"]


def node_id(client: Client) -> None:
    assert b"node-0" == client.call("UtilsApi.id", _preload_content=False).data


def livez(client: Client) -> None:
    assert b"OK" == client.call("UtilsApi.livez", _preload_content=False).data


def node_info(client: Client) -> None:
    assert "node-0" == client.call("UtilsApi.node_info").node_id


def server_version(client: Client) -> None:
    answer = client.call("MiscApi.api_serverversion", SharedVersionRequest(client_id="0" * 64))
    assert "v1.4.0" == answer.build_version_info.git_version


def compute_route(name: str) -> Callable[[Client], None]:
    """A compute node's own routes, which a requester does not have."""
    return lambda client: _is_404(client.refusal(f"ComputeNodeApi.{name}"))


def _is_404(refused: ApiException) -> None:
    assert (404, True) == (refused.status, b"Not Found" in refused.body)


WALKS: dict[str, Callable[[Client], None]] = {
    "ComputeNodeApi.api_serverapprover": compute_route("api_serverapprover"),
    "ComputeNodeApi.api_serverdebug": compute_route("api_serverdebug"),
    "MiscApi.api_serverversion": server_version,
    "OpsApi.agentalive": agent_alive,
    "OpsApi.agentdebug": agent_debug,
    "OpsApi.agentnode": agent_node,
    "OpsApi.agentversion": agent_version,
    "OrchestratorApi.orchestratorget_job": get_job,
    "OrchestratorApi.orchestratorget_node": get_node,
    "OrchestratorApi.orchestratorjob_executions": job_executions,
    "OrchestratorApi.orchestratorjob_history": job_history,
    "OrchestratorApi.orchestratorjob_results": job_results,
    "OrchestratorApi.orchestratorlist_jobs": list_jobs,
    "OrchestratorApi.orchestratorlist_nodes": list_nodes,
    "OrchestratorApi.orchestratorlogs": logs,
    "OrchestratorApi.orchestratorput_job": put_job,
    "OrchestratorApi.orchestratorstop_job": stop_job,
    "OrchestratorApi.orchestratorupdate_node": update_node,
    "UtilsApi.healthz": healthz,
    "UtilsApi.home": home,
    "UtilsApi.id": node_id,
    "UtilsApi.livez": livez,
    "UtilsApi.node_info": node_info,
}


@pytest.fixture(params=WAYS)
def client(request: pytest.FixtureRequest, stack: Stack) -> Iterator[Client]:
    plain = plain_client(stack)
    yield Client(stack, plain, WAYS[request.param])
    plain.pool.close()


@pytest.mark.parametrize("method", named(METHODS))
def test_every_method_of_the_generated_client_is_answered(client: Client, method: str):
    """Decoded, or refused with a status and a reason; never a 500, never an answer that it cannot read."""
    assert method in WALKS, f"{method} is new: add a walk that calls it and looks at its answer"
    WALKS[method](client)


def test_no_walk_is_of_a_method_that_is_gone():
    """The walks are the methods, no more and no fewer."""
    assert sorted(WALKS) == named(METHODS)
