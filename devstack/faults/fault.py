"""One fault as a value: what happens, to whom, from when, for how long, how likely."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

__all__ = ["CERTAIN_PPM", "Fault"]

CERTAIN_PPM: Final = 1_000_000


@attrs.frozen
class Fault:
    """A sentence with one of the words of `faults.words`; its builders, `parse_mapping` and `parse_words` make them.

    `params` holds every parameter of the word, read and with its default. `after_ns` counts from the injection,
    `for_ns` from the beginning; zero means until it is cleared (or, for a restart, no time at all). `times` is how
    often it strikes; zero is no limit. `chance_ppm` is asked anew for each node, message or execution it could strike.
    """

    word: str
    params: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    after_ns: int = 0
    for_ns: int = 0
    chance_ppm: int = CERTAIN_PPM
    times: int = 0

    def __getitem__(self, name: str) -> Any:
        return self.params[name]
