"""The proof over many seeds, on a handful: the same three times, and no checker violated."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from devstack.bench import proof
from devstack.bench.proof import prove
from devstack.bench.scenarios import mixed_token
from devstack.cluster import Cluster
from devstack.scenario.many import run_many
from devstack.scenario.token import Token

SEEDS = range(12)

FORGETFUL = """
from pathlib import Path

from devstack.scenario import batch, noop, scenario

@scenario(nodes=2)
async def forgetful(cluster):
    notes = Path(__file__).with_suffix(".notes")
    before = len(notes.read_text()) if notes.exists() else 0
    notes.write_text("x" * (before + 1))
    job = await cluster.submit(batch(noop(runs_for=before + 1)))
    await job.wait("Completed", within="1h")
    assert cluster.seed != 1, "seed one"
"""


@pytest.fixture
def forgetful(tmp_path: Path) -> Token:
    """A universe that is another each time it is run."""
    file = tmp_path / "forgetful.py"
    file.write_text(FORGETFUL)
    return Token(str(file), "forgetful", 0)


def test_a_seed_of_the_mixed_universe_is_one_run_that_breaks_no_rule():
    """Run, run again and replayed: one digest."""
    runs: list[None] = []
    found = prove(mixed_token(), SEEDS, 1, lambda: runs.append(None))
    assert ([], []) == (found.differing, found.violated)
    assert found.holds
    assert 3 * len(SEEDS) == len(runs)


def test_what_differs_and_what_does_not_pass_is_told_with_its_token(forgetful: Token):
    """A line each, and the proof does not hold."""
    found = prove(forgetful, range(2), 1)
    assert not found.holds
    assert 4 == len(found.differing)  # Two seeds, each of them other when run again and when replayed.
    [line] = found.violated
    assert "::forgetful@1,digest=" in line
    assert "seed one" in line
    assert str(found).startswith("2 seeds, each run twice and replayed: 4 differ, 1 did not pass\n")


def test_processes_prove_the_same(capsys: pytest.CaptureFixture[str]):
    """From the command line, with workers whose texts hash otherwise."""
    assert 0 == proof.main(["2", "--first", "2", "--jobs", "2"])
    assert "2 seeds, each run twice and replayed: 0 differ, 0 did not pass\n" == capsys.readouterr().out


def test_no_world_outlives_its_run():
    """Memory does not grow with the number of seeds."""

    def worlds() -> int:
        gc.collect()
        return sum(isinstance(one, Cluster) for one in gc.get_objects())

    before = worlds()
    run_many(mixed_token(), range(4), 1)
    assert before == worlds()
