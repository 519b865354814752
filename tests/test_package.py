"""What can be had from the package itself."""

from __future__ import annotations

import subprocess
import sys

import devstack
import devstack.faults as faults


def test_every_word_can_be_imported_from_the_package():
    """Scenario words, fault words, and the decorator."""
    for name in devstack.__all__:
        assert getattr(devstack, name) is not None
    assert faults.crash is devstack.crash
    words = set(faults.WORDS)
    assert words <= set(devstack.__all__)
    assert words <= set(dir(devstack))


def test_the_first_example_of_the_documentation_can_be_run():
    """`scenario` is a package and a decorator under one name."""
    program = (
        "from devstack import batch, crash, noop, scenario\n"
        "@scenario(nodes=2)\n"
        "async def nothing(cluster): pass\n"
        "from devstack.scenario import run\n"
        "print(run(nothing).verdict.value)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "passed\n" == done.stdout


def test_the_package_alone_imports_next_to_nothing():
    """Names are resolved when they are asked for."""
    program = "import devstack, sys; print([m for m in sys.modules if m.startswith('devstack.')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "[]\n" == done.stdout
