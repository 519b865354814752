"""One scenario under one seed: build the world, run the script, judge, and say what came of it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Final

import attrs

from devstack.adapters.noop import check_noop
from devstack.behaviour import Behaviour
from devstack.checkers import Checkers, Violation
from devstack.cluster import Cluster, node_labels, simulated_nodes
from devstack.compute.config import ComputeConfig
from devstack.errors import DevstackError, UsageError
from devstack.faults import Fault, text_of
from devstack.faults.engine import FaultEngine
from devstack.kernel import Keep, LivelockError, Record, Trace
from devstack.models.gotext import SECOND_NS
from devstack.orchestrator.config import RequesterConfig
from devstack.runtime.virtual import VirtualPace
from devstack.runtime.virtual_shell import VirtualShell
from devstack.scenario.decorator import Scenario
from devstack.scenario.handles import ClusterHandle, ScenarioFailure
from devstack.scenario.settings import check_shapes, shaped
from devstack.scenario.simulated import SimulatedWorld
from devstack.scenario.strict import explain_foreign, guard
from devstack.scenario.watchdog import watched
from devstack.scenario.world import World

__all__ = ["Outcome", "RunOptions", "Verdict", "build", "judged", "node_configs", "refuse_probe", "run", "switch_on"]

READY_LIMIT_NS: Final = 60 * SECOND_NS


class Verdict(Enum):
    PASSED = "passed"
    FAILED = "failed"  # What the script or a checker asks for does not hold.
    BROKEN = "broken"  # The script itself is at fault: an unknown word, a wait without end, an exception.


@attrs.frozen
class RunOptions:
    """How to run: what may differ from the scenario's own wishes (None: as the scenario says).

    `docker`: `replay` plays cassettes, `record` also makes those that are missing, `off` has no containers; with real
    engines also `live`.
    `cassettes`: their folder; None: `cassettes/` beside the scenario's file.
    `wasm_fuel_limit`: what a module may burn between two host calls before it is taken as endless.
    """

    seed: int | None = None
    nodes: int | None = None
    behaviour: Behaviour | None = None
    faults: Sequence[Any] = ()
    keep: Keep = Keep.ALL
    checkers: bool = True
    strict: bool = False
    docker: str = "replay"
    cassettes: Path | None = None
    wasm_fuel_limit: int | None = None
    watch: Callable[[Cluster], None] | None = None  # Called with the cluster before the script begins.
    around: Callable[[World], World] | None = None  # Stands between the script and its world.


@attrs.frozen
class Outcome:
    """What came of a run. `records` are those that were kept; `elapsed_s` is real time and part of nothing else."""

    scenario: str
    seed: int
    verdict: Verdict
    message: str
    digest: str
    events: int
    virtual_ns: int
    violations: tuple[Violation, ...]
    draws: Mapping[tuple[str, ...], int]
    records: tuple[Record, ...]
    elapsed_s: float
    where: str = ""

    @property
    def is_passed(self) -> bool:
        return self.verdict is Verdict.PASSED


def run(scenario: Scenario, options: RunOptions | None = None) -> Outcome:
    """Run the scenario once, in virtual time."""
    options = options or RunOptions()
    seed = scenario.seed if options.seed is None else options.seed
    started_s = time.perf_counter()
    cluster = build(scenario, options, seed)
    faults = FaultEngine(cluster)
    pace = VirtualPace(cluster)
    checkers = Checkers(cluster, faults) if options.checkers else None
    start_ns = cluster.now_ns
    if options.watch is not None:
        options.watch(cluster)
    world: World = SimulatedWorld(cluster, pace, faults)
    handle = ClusterHandle(world if options.around is None else options.around(world), seed)

    def play() -> None:
        for fault in (*scenario.faults, *options.faults):
            _inject(faults, fault)
        with guard(scenario.script, strict=options.strict), watched(pace):
            pace.run(lambda: scenario.script(handle))
        if checkers is not None:
            checkers.settle()

    try:
        verdict, message, where = judged(play, scenario.file)
        if isinstance(cluster.shell, VirtualShell) and cluster.shell.missing and verdict is not Verdict.PASSED:
            message = f"{cluster.shell.missing}; {message}"
    finally:
        if isinstance(cluster.shell, VirtualShell):
            cluster.shell.close()
    violations = tuple(checkers.violations) if checkers is not None else ()
    if violations and verdict is Verdict.PASSED:
        verdict, message = Verdict.FAILED, str(violations[0])
    trace = cluster.kernel.trace
    return Outcome(
        scenario=scenario.name,
        seed=seed,
        verdict=verdict,
        message=message,
        digest=trace.digest(),
        events=trace.count,
        virtual_ns=cluster.now_ns - start_ns,
        violations=violations,
        draws=cluster.draws(),
        records=tuple(trace.records()),
        elapsed_s=time.perf_counter() - started_s,
        where=where,
    )


def _inject(faults: FaultEngine, fault: Any) -> None:
    """Inject a fault that no line of the script has made; an error says which it is."""
    try:
        faults.inject(fault)
    except UsageError as exc:
        named = f"fault `{text_of(fault)}`: " if isinstance(fault, Fault) else ""
        raise UsageError(named + exc.message, exc.hint) from None


def judged(play: Callable[[], object], file: str) -> tuple[Verdict, str, str]:
    """Run it; the verdict, why, and the line of the scenario's file."""
    try:
        play()
    except Exception as exc:
        error = _deciding(exc)
        where = _line_of(error, file) or _line_of(exc, file)
        if isinstance(error, AssertionError):
            return Verdict.FAILED, _asserted(error), where
        if isinstance(error, DevstackError | LivelockError):
            return Verdict.BROKEN, _with_hint(error), where
        return Verdict.BROKEN, explain_foreign(error) or f"{type(error).__name__}: {error}", where or _innermost(error)
    return Verdict.PASSED, "", ""


def _deciding(error: Exception) -> Exception:
    """The one error that counts of those that a script's nurseries have gathered: what broke it before what failed."""
    if not isinstance(error, ExceptionGroup):
        return error
    inner: list[Exception] = [_deciding(one) for one in error.exceptions]
    # By their texts, for trio does not say in which order its tasks have failed.
    return min(inner, key=lambda one: (isinstance(one, AssertionError), str(one)))


def build(scenario: Scenario, options: RunOptions, seed: int) -> Cluster:
    """The scenario's cluster, switched on and ready."""
    behaviour = options.behaviour or scenario.behaviour
    count = scenario.nodes if options.nodes is None else options.nodes
    requester = RequesterConfig(labels=node_labels("node-0"), behaviour=behaviour, **scenario.requester)
    cluster = Cluster(
        node_configs(count, behaviour, options.docker, scenario.shapes),
        lambda cluster: _make_shell(cluster, scenario, options),
        seed=seed,
        requester=requester,
        trace=Trace(options.keep),
    )
    switch_on(cluster)
    return cluster


def node_configs(
    count: int, behaviour: Behaviour, docker: str, shapes: Mapping[str, Mapping[str, Any]]
) -> list[ComputeConfig]:  # fmt: skip
    """The nodes of a simulated cluster, all alike but for their shapes.

    Raises:
        UsageError: a shape is for no node, or has what virtual time cannot have.
    """
    engines = ("wasm",) if docker == "off" else ("docker", "wasm")
    configs = simulated_nodes(count, behaviour=behaviour, check_simulated=check_noop, engines=engines)
    check_shapes(shapes, count)
    configs = [shaped(config, shapes) for config in configs]
    for config in configs:
        refuse_probe(config)
    return configs


def refuse_probe(config: ComputeConfig) -> None:
    """Raises UsageError: the node has a probe."""
    if config.has_probe:
        raise UsageError(
            f"{config.node_id} has a probe, and virtual time cannot ask one: it may answer otherwise at the next run",
            "leave it out, or run the scenario with --engines real",
        )


def switch_on(cluster: Cluster) -> None:
    """Start every machine, and let time pass until the cluster is ready."""
    cluster.start()
    deadline_ns = cluster.now_ns + READY_LIMIT_NS
    while not cluster.is_ready and cluster.now_ns < deadline_ns:
        cluster.run_for(SECOND_NS // 1000)


def _make_shell(cluster: Cluster, scenario: Scenario, options: RunOptions) -> VirtualShell:
    file = Path(scenario.file)
    return VirtualShell(
        cluster,
        options.behaviour or scenario.behaviour,
        docker=options.docker,
        cassettes=options.cassettes or file.parent / "cassettes",
        scenario=file.name,
        fuel_limit=options.wasm_fuel_limit or scenario.wasm_fuel_limit,
    )


def _with_hint(exc: Exception) -> str:
    hint = getattr(exc, "hint", "")
    return f"{exc}; {hint}" if hint else str(exc)


def _asserted(exc: AssertionError) -> str:
    """What was asserted and is not so."""
    if isinstance(exc, ScenarioFailure):
        return str(exc)
    line = traceback.extract_tb(exc.__traceback__)[-1].line or ""
    return "\n".join(filter(None, [f"not true: {line.removeprefix('assert ')}", str(exc)]))


def _innermost(exc: BaseException) -> str:
    """Where it happened, if that is not in the scenario's file."""
    frames = traceback.extract_tb(exc.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def _line_of(exc: BaseException, file: str) -> str:
    """Where in the scenario's file it happened."""
    frames = [frame for frame in traceback.extract_tb(exc.__traceback__) if frame.filename == file]
    return f"{file}:{frames[-1].lineno}" if frames else ""
