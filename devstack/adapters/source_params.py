"""Reading the parameters of an input source, with Bacalhau's texts for what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence

from devstack.errors import AdapterError
from devstack.models.job import SpecConfig

__all__ = ["check_source", "text_param"]


def check_source(source: SpecConfig, kind: str, aliases: Sequence[str] = ()) -> None:
    """Check that the source is of this kind and has parameters.

    Raises:
        AdapterError: it is not, or has none.

    Source: compute reference 8.
    """
    if source.key not in (kind.lower(), *aliases):
        raise AdapterError(f"invalid storage source type. expected {kind}, but received: {source.type}")
    if not source.params:
        raise AdapterError("invalid storage source params. cannot be nil")


def text_param(source: SpecConfig, name: str, what: str) -> str:
    """The parameter as text; empty if it is absent.

    Raises:
        AdapterError: the parameter is no text; the message begins `invalid {what}: `.
    """
    value = source.param(name, "")
    if not isinstance(value, str):
        raise AdapterError(f"invalid {what}: {name} must be a text, not {value!r}")
    return value
