"""The seam between a compute node's state machine and the shell that does the work.

The machine emits actions; the shell performs each once and posts one event about it. An event about an
execution that is no longer in the fitting state is ignored by the machine.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from devstack.models.execution import RunCommandResult
from devstack.models.job import Job, SpecConfig
from devstack.models.resources import Resources

__all__ = [
    "Assess",
    "Assessed",
    "BidFacts",
    "Discard",
    "Prepare",
    "Prepared",
    "Publish",
    "Published",
    "RunFinished",
    "StartRun",
    "StepFailed",
    "StopRun",
]

# ---- actions -----------------------------------------------------------------------------------------------


@attrs.frozen
class Assess:
    """Gather the facts that bidding needs from the outside: answered by Assessed."""

    execution_id: str
    job: Job
    resources: Resources


@attrs.frozen
class Prepare:
    """Make the execution's folders and fetch its inputs: answered by Prepared or StepFailed."""

    execution_id: str
    job: Job
    resources: Resources


@attrs.frozen
class StartRun:
    """Run the program to its end: answered by RunFinished or StepFailed."""

    execution_id: str
    job: Job
    resources: Resources


@attrs.frozen
class Publish:
    """Publish the results: answered by Published or StepFailed."""

    execution_id: str
    job: Job
    result: RunCommandResult


@attrs.frozen
class StopRun:
    """End whatever is under way for the execution (preparing, running, publishing); no answer."""

    execution_id: str


@attrs.frozen
class Discard:
    """The execution is over: remove its inputs and, unless `keep_results`, its results; no answer."""

    execution_id: str
    keep_results: bool = False


# ---- events ------------------------------------------------------------------------------------------------


@attrs.frozen
class BidFacts:
    """What the outside says of a job on this node.

    `engine_refusal`: the phrase of a refusal such as `support the available image platforms ...`; empty = accepts.
    `input_bytes`: the sum of the input volumes' sizes. `remote_inputs`: how many inputs are not here already.
    `error`: asking failed; the bid fails with this text (and `hint`).
    `size_error`: an input could not be measured; the bid fails with this text unless the job itself is refused.
    `probe`: the answer of a configured exec or http probe as (bids, waits, whole reason), or None.
    """

    engine_refusal: str = ""
    input_bytes: int = 0
    remote_inputs: int = 0
    error: str = ""
    hint: str = ""
    probe: tuple[bool, bool, str] | None = None
    size_error: str = ""


@attrs.frozen
class Assessed:
    execution_id: str
    facts: BidFacts

    def __str__(self) -> str:
        return f"Assessed {self.execution_id} {self.facts!a}"


@attrs.frozen
class Prepared:
    execution_id: str

    def __str__(self) -> str:
        return f"Prepared {self.execution_id}"


@attrs.frozen
class RunFinished:
    """`result.error_msg` non-empty means that the execution failed."""

    execution_id: str
    result: RunCommandResult

    def __str__(self) -> str:
        r = self.result
        return f"RunFinished {self.execution_id} {r.exit_code} {r.stdout!a} {r.stderr!a} {r.error_msg!a}"


@attrs.frozen
class Published:
    execution_id: str
    published: SpecConfig

    def __str__(self) -> str:
        return f"Published {self.execution_id} {self.published.type} {sorted(self.published.params.items())!a}"


@attrs.frozen
class StepFailed:
    """A step could not be done; `reason` is the whole text for the client."""

    execution_id: str
    topic: str
    reason: str
    details: Mapping[str, str] = attrs.field(factory=dict)

    def __str__(self) -> str:
        return f"StepFailed {self.execution_id} {self.topic} {self.reason!a}"
