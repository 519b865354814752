"""What can go wrong, sorted by who must act on it."""

from __future__ import annotations

__all__ = [
    "AdapterError",
    "AmbiguousIdError",
    "ConflictError",
    "DevstackError",
    "InvalidJobError",
    "InvalidQueryError",
    "InvariantError",
    "LateInvalidJobError",
    "NotFoundError",
    "UsageError",
]


class DevstackError(Exception):
    """The base of all our errors: one sentence for people, and what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def _render_traceback_(self) -> list[str]:
        """What IPython shows of it: the sentence, for the mistake is not in our code."""
        return [f"{type(self).__name__}: {self.message}", *([f"  {self.hint}"] if self.hint else [])]


class UsageError(DevstackError):
    """The person at the keyboard asked for something that cannot be (a flag, a file, a port)."""


class InvalidJobError(DevstackError):
    """The submitted job breaks a rule; the caller has to mend it."""


class LateInvalidJobError(InvalidJobError):
    """A broken rule that Bacalhau v1.4.0 finds only while storing the job, and answers with 500."""


class InvalidQueryError(DevstackError):
    """A query parameter, selector or paging token that cannot be read."""


class NotFoundError(DevstackError):
    """Nothing has the given id."""


class AmbiguousIdError(DevstackError):
    """A short id that several things share."""


class ConflictError(DevstackError):
    """The thing is in a state that does not allow what was asked."""


class AdapterError(DevstackError):
    """The outside world (an engine, a store, the network) refused or failed."""


class InvariantError(DevstackError):
    """We have a bug: a state that our own rules exclude."""

    def _render_traceback_(self) -> list[str]:
        import traceback

        return "".join(traceback.format_exception(self)).splitlines()
