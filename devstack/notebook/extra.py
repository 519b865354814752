"""What only the extra `[notebook]` installs, imported when it is first needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from devstack.errors import UsageError

__all__ = ["needed", "pandas"]


def needed(name: str, what: str) -> Any:
    """The module of that name.

    Raises:
        UsageError: it is not installed; `what` says what needs it.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as exc:
        if exc.name != name.partition(".")[0]:
            raise
        raise UsageError(
            f"{what} need {name}, which is not installed", "pip install 'bacalhau-devstack[notebook]'"
        ) from None


def pandas() -> Any:
    """pandas, for tables. Raises UsageError: it is not installed."""
    return needed("pandas", "tables")
