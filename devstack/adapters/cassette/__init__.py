"""Cassettes: what a container did once, kept in a small file and played again without an engine.

recipe.py    what a run is made of, and its key
cassette.py  a recorded run as a value and as a readable file
library.py   the folder of cassettes
executor.py  engines that record, and one that replays
deck.py      cassettes for virtual time, which waits while a missing one is recorded

PyYAML is imported with the first cassette, the docker engine with the first recording.
"""

from devstack.adapters.cassette.cassette import Cassette, Recorded
from devstack.adapters.cassette.deck import Deck
from devstack.adapters.cassette.executor import RecordingExecutor, ReplayingExecutor, play
from devstack.adapters.cassette.library import CassetteLibrary, MissingCassetteError
from devstack.adapters.cassette.recipe import Recipe, recipe_of

__all__ = [
    "Cassette",
    "CassetteLibrary",
    "Deck",
    "MissingCassetteError",
    "Recipe",
    "Recorded",
    "RecordingExecutor",
    "ReplayingExecutor",
    "play",
    "recipe_of",
]
