"""The one table of switches: where Bacalhau v1.4.0 differs from what Bacalhau documents.

The documented behaviour is the default. `v1.4.0` turns on every switch of that version; a museum bug is in neither
mode and can only be asked for by name. Source: orchestrator reference 13.1, the [FIX] marks of the compute
reference, http_api reference 5.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final

import attrs

from devstack.errors import UsageError

__all__ = ["DOCUMENTED", "SWITCHES", "Behaviour", "Origin", "Switch", "parse"]


class Origin(Enum):
    """Which modes a switch belongs to."""

    V1_4_0 = "on under v1.4.0"
    OURS = "on by default, off under v1.4.0"
    MUSEUM = "only by name"


@attrs.frozen
class Switch:
    name: str
    what: str
    origin: Origin = Origin.V1_4_0


def _table(origin: Origin, rows: Iterable[tuple[str, str]]) -> list[Switch]:
    return [Switch(name, what, origin) for name, what in rows]


_ALL: Final = [
    # The requester: orchestrator reference 13.1.
    *_table(
        Origin.V1_4_0,
        [
            ("priority-not-copied", "evaluations of submit, stop and update have priority 0 whatever the job's"),
            (
                "short-default-total-timeout",
                "the default total timeout stays 1800 s under longer execution or queue timeouts",
            ),
            ("bucket-not-found-error", "history and executions of an unknown full job id answer `bucket not found`"),
            ("failed-cancel-never-resent", "a cancel that did not reach its node is not sent again"),
            (
                "lost-result-never-resent",
                "a result that did not reach the requester is not told again, a repeated approval is refused",
            ),
            ("surplus-result-counts", "a result that comes when its job wants none (any more) makes it Completed too"),
            ("dead-letter-freezes-job", "an evaluation that failed ten times blocks its job for ever"),
            ("housekeeping-not-serialised", "a housekeeping evaluation may run beside another of the same job"),
            ("disconnected-node-keeps-executions", "only a deleted node loses its executions"),
            ("ops-failure-without-message", "a failed ops job does not say why"),
            ("ops-completed-despite-cancelled", "an ops job may complete although executions were lost or cancelled"),
            ("daemon-never-returns-to-node", "a daemon never runs again on a node that it has used"),
            ("node-join-wakes-nobody", "a node that joins or comes back causes no evaluation"),
            ("bad-requirement-accepted", "a constraint with bad syntax is found only when nodes are ranked"),
            ("prefix-beats-exact-node-id", "a node id that begins another one is ambiguous"),
            ("lost-ask-counts-as-pending", "an ask for bid without an answer counts as pending for ever"),
            ("stop-by-short-id-fails", "a job cannot be stopped by its short id"),
            ("stop-failed-job-is-server-error", "stopping a failed job is a server error"),
            ("count-zero-completes", "a missing Count of a batch or service job is 0"),
            ("late-ops-job-still-places", "an ops job past its total timeout is failed and placed all the same"),
            ("ops-never-retried", "a failed ops execution is not tried again"),
            ("long-running-never-restarted", "a daemon's or service's program that ends is not started again"),
        ],
    ),
    # The compute node: the [FIX] marks of the compute reference.
    *_table(
        Origin.V1_4_0,
        [
            ("locality-error-fails-bid", "a source that is not installed makes the locality check fail the bid"),
            ("queue-unstable", "waiting executions of one priority do not start in the order they came"),
            ("buffer-refusal-keeps-record", "an execution that the buffer refuses stays BidAccepted on its node"),
            ("timeout-names-job-value", "a timeout by the node's default is reported as 0s"),
            ("queued-cancel-keeps-slot", "a cancelled execution stays in its node's queue until its turn"),
            ("cancel-before-start-is-lost", "a cancel while the program is being started lets it run to its end"),
            ("restart-forgets-queued", "a restarted node forgets what it had accepted but not started"),
            ("restart-reported-as-cancel", "what a restart ended is reported as a failed cancel"),
            ("results-kept", "result folders without a publisher stay on disk"),
            ("s3-results-always-packed", "the s3 publisher makes an archive whatever Compress says"),
            ("docker-environment-even-count", "a docker task needs an even number of environment variables"),
            ("task-env-ignored", "the task's Env reaches no program"),
            ("wasm-name-section-required", "a wasm module without a name section is refused"),
            ("wasm-return-is-minus-one", "a wasm module that returns without proc_exit has exit code -1"),
            ("wasm-first-write-only", "a wasm module's Stdout holds only its first write"),
            ("wasm-entry-point-required", "a wasm task without an entry point fails"),
            ("wasm-results-by-name", "a wasm result path is found at its Name, not at its Path"),
            ("wasm-url-input-at-target", "a URL input of a wasm task is the file Target itself"),
            ("limit-job-memory-sets-default", "--limit-job-memory sets the default job memory"),
            ("disable-flags-ignored", "--disable-engine, --disabled-publisher and --disable-storage do nothing"),
            ("bad-actors-by-index", "one bad actor makes the last two nodes bad"),
        ],
    ),
    # The API: http_api reference 5.2.
    *_table(
        Origin.V1_4_0,
        [
            ("job-order-by-id-ignored", "jobs ordered by id come by creation time [D3]"),
            (
                "errors-as-500",
                "a client's mistake that is found late is answered with 500, a wrong method with 404 [D4]",
            ),
            ("legacy-partly-404", "undocumented requester routes answer 404 instead of 410 [D5]"),
            ("stop-reason-in-body-only", "the reason of a stop is not read from the query [D6]"),
            ("strict-label-selectors", "`k exists`, `k gt n`, `k lt n` and decimals are errors in selectors [D7]"),
            ("nodes-and-executions-unpaged", "nodes, executions and history ignore next_token [D10]"),
            ("finished-logs-cut", "the log of a finished execution is its first 2048 bytes [D14]"),
            ("negative-timeout-replaced", "a negative timeout that has a default is silently replaced [D11]"),
            ("requests-limited", "a client that asks more than 1000 times a second is answered with 429"),
            ("any-page-may-act", "a web page from anywhere may submit, stop and change, not only look"),
        ],
    ),
    *_table(
        Origin.OURS,
        [
            ("compat-keys", "answers also carry the keys of older documents: Jobs, History, PeerInfo, ... [D1, D2]"),
            ("no-effect-warnings", "a known field that has no effect is named in a warning [D16]"),
        ],
    ),
    *_table(
        Origin.MUSEUM,
        [
            ("evaluation-watch-overflow", "the 65th waiting evaluation is dropped without a word"),
            ("priority-peek-wrong-slot", "between job types the wrong heap slot is compared"),
            ("total-timeout-overflow", "no total timeout makes every job look timed out to housekeeping"),
        ],
    ),
]
SWITCHES: Final[Mapping[str, Switch]] = {switch.name: switch for switch in _ALL}


@attrs.frozen
class Behaviour:
    """Which switches are on."""

    switched_on: frozenset[str]

    def on(self, name: str) -> bool:
        """Whether the switch is on; an unknown name is a bug of ours."""
        assert name in SWITCHES, name
        return name in self.switched_on


def _mode(*origins: Origin) -> frozenset[str]:
    return frozenset(name for name, switch in SWITCHES.items() if switch.origin in origins)


_MODES: Final = {"documented": _mode(Origin.OURS), "v1.4.0": _mode(Origin.V1_4_0)}
DOCUMENTED: Final = Behaviour(_MODES["documented"])


def parse(words: Iterable[str]) -> Behaviour:
    """The behaviour that `documented`, `v1.4.0` and NAME=on|off ask for, read left to right.

    Raises:
        UsageError: a word that is none of these.
    """
    switched_on = DOCUMENTED.switched_on
    for word in (part.strip() for text in words for part in text.split(",")):
        name, equals, value = word.partition("=")
        if word in _MODES:
            switched_on = _MODES[word]
        elif name in SWITCHES and (value in ("on", "off") if equals else True):
            switched_on = switched_on - {name} if value == "off" else switched_on | {name}
        else:
            raise UsageError(
                f"unknown behaviour {word!r}",
                "use documented, v1.4.0 or NAME=on|off; `devstack up --behaviour help` lists the names",
            )
    return Behaviour(switched_on)
