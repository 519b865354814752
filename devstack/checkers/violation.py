"""What a checker has to say."""

from __future__ import annotations

import attrs

__all__ = ["Violation"]


@attrs.frozen
class Violation:
    """A rule that did not hold: which, when (virtual time), for whom, and at which event it showed."""

    checker: str
    time_ns: int
    what: str
    nodes: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    executions: tuple[str, ...] = ()
    event: str = ""

    def is_as(self, other: Violation) -> bool:
        """Whether it says the same of the same, if perhaps at another time."""
        return (self.what, self.nodes, self.jobs, self.executions) == (
            other.what, other.nodes, other.jobs, other.executions,
        )  # fmt: skip

    def __str__(self) -> str:
        concerned = ", ".join((*self.nodes, *self.jobs, *self.executions))
        about = f" ({concerned})" if concerned else ""
        return f"{self.checker}: {self.what}{about}" + (f"; seen at: {self.event}" if self.event else "")
