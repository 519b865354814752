"""`up`: a live stack in the foreground."""

from __future__ import annotations

import secrets
from functools import partial
from pathlib import Path
from typing import Any

import click

from devstack.cli.flags import Choice, Command, Uint32, comma_list, option, switch
from devstack.cli.settings import program
from devstack.errors import UsageError

__all__ = ["up"]


def _paths(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Repeatable, and each a comma list; a comma inside braces belongs to the glob. A relative path starts here."""
    found: list[str] = []
    for value in values:
        depth, start = 0, 0
        for position, letter in enumerate(value + ","):
            depth += (letter == "{") - (letter == "}")
            if letter == "," and depth <= 0:
                found.append(value[start:position])
                start = position + 1
    here = Path.cwd()
    return tuple(path if path[0] in "/*?[{" else f"{here}/{path.removeprefix('./')}" for path in found if path)


def _configured(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """What `--set`, the environment and the folder's config.yaml say becomes the defaults of the other flags."""
    from devstack.cli.config import for_up

    given = ctx.meta.setdefault("devstack.up", {"repo": "", "settings": ()})
    given[param.name] = value
    if not ctx.resilient_parsing:
        ctx.default_map = for_up(given["repo"], given["settings"])
    return value


@click.command(cls=Command, asks_a_server=False, short_help="Start a whole Bacalhau network on this machine.")
@option("--nodes", type=Uint32(), default=None, metavar="N", help="How many compute nodes.  [default: 3]")
@option("--cluster", default="", metavar="FILE",
        help="The nodes as this YAML file describes them, each with a size, labels, engines of its own.")  # fmt: skip
@option("--compute-nodes", "--computes", type=Uint32(), default=None, hidden=True)
@option("--requester-nodes", "--orchestrators", type=Uint32(), default=1, hidden=True)
@option("--hybrid-nodes", "--hybrids", type=Uint32(), default=0, hidden=True)
@option("--host", default="127.0.0.1", help="Address to listen on; every other one than the default is open to others.")
@option("--port", type=Uint32(), default=1234, help="Port to listen on; 0 picks a free one.")
@option("--seed", type=Uint32(), default=None, help="Repeat the ids and placements of an earlier stack.")
@option("--speed", type=Uint32(), default=1, help="Virtual seconds per second; containers keep their own pace.")
@option("--behaviour", multiple=True, default=(), metavar="WORDS",
        help="documented, v1.4.0 or NAME=on|off, read left to right; `help` lists the names.")  # fmt: skip
@option(
    "--repo",
    "--stack-repo",
    default="",
    is_eager=True,
    callback=_configured,
    metavar="DIR",
    help="Keep the stack's files here instead of in a temporary folder.",
)
@option("--set", "settings", multiple=True, default=(), is_eager=True, callback=_configured, metavar="KEY=VALUE",
        help="A setting of config.yaml for this stack; `config list` shows them.")  # fmt: skip
@option("--cpu", "--limit-total-cpu", default="", help="CPU of each node.  [default: 80 % of the machine]")
@option("--memory", "--limit-total-memory", default="", help="Memory of each node.  [default: 80 % of the machine]")
@option("--disk", "--limit-total-disk", default="", help="Disk of each node.  [default: 80 % of what is free]")
@option("--gpu", "--limit-total-gpu", default="", help="Simulated GPUs of each node.")
@option("--limit-job-cpu", default="", help="The most CPU that one job may use on a node.")
@option("--limit-job-memory", default="", help="The most memory that one job may use on a node.")
@option("--limit-job-disk", default="", help="The most disk that one job may use on a node.")
@option("--limit-job-gpu", default="", help="The most GPUs that one job may use on a node.")
@option("--allow-listed-local-paths", multiple=True, default=(), callback=_paths, metavar="PATH[:rw]",
        help="Local paths that jobs may read (or write), as globs; repeatable, comma lists.")  # fmt: skip
@option("--docker", type=Choice("live", "record", "replay", "off"), default="live",
        help="Run containers, keep what they do as cassettes, play these without an engine, or have none.")  # fmt: skip
@option("--cassettes", default="cassettes", metavar="DIR", help="The folder of the cassettes.")
@option("--record", default="", metavar="FILE",
        help="Keep the session as a scenario in YAML, with cassettes beside it, that plays it again.")  # fmt: skip
@option("--faults", default="", metavar="FILE", help="Inject the faults of this YAML file when the stack is ready.")
@option("--disable-engine", multiple=True, default=(), callback=comma_list, help="Engines that no node offers.")
@option(
    "--disabled-publisher",
    "--disable-publisher",
    multiple=True,
    default=(),
    callback=comma_list,
    help="Publishers that no node offers.",
)
@option("--disable-storage", multiple=True, default=(), callback=comma_list, help="Input sources that no node offers.")
@option("--ipfs-connect", default="", metavar="ADDRESS",
        help="Use this IPFS node (a multiaddress or URL of its API) instead of the stack's own store.")  # fmt: skip
@option("--ipfs-port", type=Uint32(), default=None, metavar="PORT",
        help="Answer IPFS clients as Kubo does, over the own store, on this port of 127.0.0.1; 0: any.")  # fmt: skip
@option("--default-publisher", default="", help="Publisher of jobs that name none, such as local.")
@option(
    "--bad-compute-actors",
    "--bad-computes",
    type=Uint32(),
    default=0,
    help="How many of the last nodes fail whatever they run.",
)
@switch("--job-selection-accept-networked", help="Take jobs that need the network.")
@switch("--job-selection-reject-stateless", help="Refuse jobs without inputs.")
@option(
    "--job-selection-data-locality", type=Choice("local", "anywhere"), default="anywhere", help="Which jobs nodes take."
)
@option("--job-selection-probe-exec", default="", metavar="COMMAND", help="A command that is asked about every job.")
@option("--job-selection-probe-http", default="", metavar="URL", help="A web page that is asked about every job.")
@option("--min-job-execution-timeout", default="500ms", help="The shortest timeout that a job may have.")
@option("--max-job-execution-timeout", default="", help="The longest timeout that a job may have.")
@option("--default-job-execution-timeout", default="10m", help="Timeout of jobs that have none.")
@switch("--ignore-physical-resource-limits", default=True, hidden=True)
@switch("--manual-approval", help="Nodes wait until somebody approves them.")
@option("--shutdown-limit", default="2.5s", metavar="DURATION",
        help="How long the end may wait for an engine before the process ends all the same.")  # fmt: skip
def up(**flags: Any) -> None:
    """Start one requester and some compute nodes, and serve Bacalhau's API until Ctrl-C.

    Jobs run in real containers and real WebAssembly modules on this machine.
    """
    if "help" in flags["behaviour"]:
        _list_switches()
        return
    options, seed = _options(flags)
    from devstack.cli.foreground import run_stack

    run_stack(options, seed, program(), _shutdown_limit_s(flags))


def _options(flags: dict[str, Any]) -> tuple[Any, int]:
    """The stack's options, checked."""
    from attrs import evolve

    from devstack import behaviour
    from devstack.compute.config import DEFAULT_JOB
    from devstack.live import StackOptions
    from devstack.scenario.settings import shaped

    if flags["speed"] < 1:
        raise UsageError("--speed is a whole number, 1 or more")
    if flags["port"] > 65535:
        raise UsageError(f"--port {flags['port']} is no port", "use 0 to 65535; 0 picks a free one")
    total = _resources(flags, "cpu", "memory", "disk", "gpu")
    repo = Path(flags["repo"]).expanduser() if flags["repo"] else None
    if repo is not None and repo.exists() and not repo.is_dir():
        raise UsageError(f"--repo {repo} is no folder")
    capacity = _with_machine(total, repo)
    described = _described(flags, capacity)
    seed = flags["seed"] if flags["seed"] is not None else described.seed
    seed = secrets.randbits(31) if seed is None else seed
    selected = behaviour.parse(flags["behaviour"] or described.behaviour)
    job = _resources(flags, "limit_job_cpu", "limit_job_memory", "limit_job_disk", "limit_job_gpu")
    default_job = None
    if job.memory_bytes and selected.on("limit-job-memory-sets-default"):
        default_job = evolve(DEFAULT_JOB, memory_bytes=job.memory_bytes)
        job = evolve(job, memory_bytes=0)
    disabled = ("disable_engine", "disabled_publisher", "disable_storage")
    engines, publishers, sources = (frozenset(word.strip().lower() for word in flags[name]) for name in disabled)
    if selected.on("disable-flags-ignored"):
        engines = publishers = sources = frozenset()
    options = StackOptions(
        nodes=described.nodes,
        host=flags["host"],
        port=flags["port"],
        seed=seed,
        speed=flags["speed"],
        behaviour=selected,
        repo=repo,
        capacity=capacity,
        max_job=job.or_default(capacity),
        default_job=default_job,
        allow_listed_paths=flags["allow_listed_local_paths"],
        docker=flags["docker"] != "off",
        disabled_engines=engines,
        disabled_publishers=publishers,
        disabled_sources=sources,
        bad_actors=flags["bad_compute_actors"],
        default_publisher=_default_publisher(flags["default_publisher"].strip()),
        manual_approval=flags["manual_approval"],
        node_settings=_node_settings(flags),
        reshape=partial(shaped, shapes=described.settings) if described.settings else None,
        requester_settings=dict(described.requester_settings),
        faults=_faults(flags["faults"]),
        **_recording(flags),
        **_ipfs(flags),
    )
    if options.bad_actors > options.nodes:
        raise UsageError(
            f"you cannot have more bad compute actors ({options.bad_actors}) than there are nodes ({options.nodes})"
        )
    return options, seed


def _default_publisher(text: str) -> Any:
    from devstack.cli.sources import parse_publisher
    from devstack.models.job import SpecConfig

    if text in ("", "local", "ipfs", "noop"):
        return SpecConfig(text)
    if not text.startswith("s3"):
        raise UsageError(f"unknown publisher {text!r}", "this stack has local, ipfs, noop and s3://BUCKET/KEY")
    wanted = parse_publisher(text)
    return SpecConfig(wanted["Type"], wanted["Params"])


def _faults(file: str) -> tuple[Any, ...]:
    if not file:
        return ()
    from devstack.faults import parse_mapping
    from devstack.scenario.yaml_form import read_faults

    return tuple(parse_mapping(mapping) for mapping in read_faults(Path(file).expanduser()))


def _recording(flags: dict[str, Any]) -> dict[str, Any]:
    """How containers run, and what is kept of the session."""
    mode = "live" if flags["docker"] == "off" else flags["docker"]
    if not flags["record"]:
        return {"docker_mode": mode, "cassettes": Path(flags["cassettes"]).expanduser()}
    if mode == "replay":
        raise UsageError(
            "--record keeps what real containers do, and --docker replay has none", "leave out one of them"
        )
    from devstack.scenario.recording import Recording

    recording = Recording(Path(flags["record"]).expanduser())
    return {"docker_mode": "record", "cassettes": recording.cassettes, "recording": recording}


def _ipfs(flags: dict[str, Any]) -> dict[str, Any]:
    """Where IPFS content is, and where it is shown."""
    port = flags["ipfs_port"]
    if not flags["ipfs_connect"] and port is None:
        return {}
    from importlib.util import find_spec

    from devstack.adapters.ipfs.kubo import parse_address

    if port is not None and flags["ipfs_connect"]:
        raise UsageError("--ipfs-port shows the store of this stack, which --ipfs-connect replaces", "leave out one")
    if port is not None and port > 65535:
        raise UsageError(f"--ipfs-port {port} is no port", "use 0 to 65535; 0 picks a free one")
    if port is not None and find_spec("python_multipart") is None:
        raise UsageError("--ipfs-port needs the package python-multipart", "install devstack with its extra [ipfs]")
    return {"ipfs_connect": parse_address(flags["ipfs_connect"]) if port is None else "", "ipfs_port": port}


def _described(flags: dict[str, Any], capacity: Any) -> Any:
    """The cluster of the file, or one of so many like nodes."""
    from devstack.scenario.cluster_form import MOST_NODES, Description, read_cluster

    count = _node_count(flags)
    if not flags["cluster"]:
        if count is not None and count > MOST_NODES:
            raise UsageError(f"{count} nodes are more than one process can hold", f"use {MOST_NODES} or less")
        return Description() if count is None else Description(nodes=count)
    if count is not None:
        raise UsageError("--nodes and --cluster both say how many nodes there are", "leave out --nodes")
    return read_cluster(Path(flags["cluster"]).expanduser(), capacity)


def _node_count(flags: dict[str, Any]) -> int | None:
    """How many nodes the flags ask for; None: they do not say."""
    if flags["requester_nodes"] != 1 or flags["hybrid_nodes"]:
        raise UsageError(
            "this stack has exactly one requester and no hybrid nodes", "say --nodes N for N compute nodes"
        )
    if flags["nodes"] is not None and flags["compute_nodes"] is not None:
        raise UsageError("--nodes and --compute-nodes say the same thing", "give one of them")
    given: int | None = flags["nodes"] if flags["nodes"] is not None else flags["compute_nodes"]
    return given


def _resources(flags: dict[str, Any], cpu: str, memory: str, disk: str, gpu: str) -> Any:
    from devstack.errors import InvalidJobError
    from devstack.models import resources
    from devstack.models.job import ResourcesConfig

    try:
        texts = ResourcesConfig(flags[cpu], flags[memory], flags[disk], flags[gpu])
        return resources.parse(resources.normalise(texts))
    except InvalidJobError as exc:
        raise UsageError(exc.message.splitlines()[0], "write 0.5 or 500m for CPU, 512mb or 1gb for sizes") from None


def _with_machine(total: Any, repo: Path | None) -> Any:
    """What was asked for; the machine's share where nothing was."""
    from devstack.machine import default_capacity
    from devstack.models.resources import MOST_GPUS, Resources, simulated_gpus

    where = repo if repo is not None and repo.exists() else Path("/tmp")
    wanted = total.or_default(default_capacity(where))
    if wanted.gpu > MOST_GPUS:
        raise UsageError(f"--gpu {wanted.gpu} is more than a node can have", f"use {MOST_GPUS} or less")
    devices = simulated_gpus(wanted.gpu)
    return Resources(wanted.cpu_millis, wanted.memory_bytes, wanted.disk_bytes, wanted.gpu, devices)


def _node_settings(flags: dict[str, Any]) -> dict[str, Any]:
    from devstack.compute.config import Locality

    return {
        "accept_networked": flags["job_selection_accept_networked"],
        "reject_stateless": flags["job_selection_reject_stateless"],
        "locality": Locality(flags["job_selection_data_locality"]),
        "probe_exec": flags["job_selection_probe_exec"],
        "probe_http": flags["job_selection_probe_http"],
        "min_timeout_ns": _duration_ns(flags, "min_job_execution_timeout"),
        "max_timeout_ns": _duration_ns(flags, "max_job_execution_timeout"),
        "default_timeout_ns": _duration_ns(flags, "default_job_execution_timeout"),
    }


def _duration_ns(flags: dict[str, Any], name: str) -> int:
    from devstack.models.gotext import parse_duration_ns

    try:
        return parse_duration_ns(flags[name]) if flags[name] else 0
    except ValueError as exc:
        raise UsageError(f"--{name.replace('_', '-')}: {exc}") from None


def _shutdown_limit_s(flags: dict[str, Any]) -> float:
    limit_ns = _duration_ns(flags, "shutdown_limit")
    if limit_ns <= 0:
        raise UsageError(f"--shutdown-limit {flags['shutdown_limit']} leaves no time for an end", "use 2.5s or more")
    return limit_ns / 10**9


def _list_switches() -> None:
    from devstack.behaviour import SWITCHES, Origin

    for origin in Origin:
        click.echo(f"{origin.value}:")
        for switch_ in SWITCHES.values():
            if switch_.origin is origin:
                click.echo(f"  {switch_.name:36} {switch_.what}")
