"""Scenario files are found and read, or the mistake is told with its place."""

from __future__ import annotations

import pytest

from devstack.errors import UsageError
from devstack.scenario.load import load, load_all, load_one

TWO = """
from devstack.scenario import scenario

@scenario(nodes=1)
async def one(cluster):
    pass

@scenario(nodes=2)
async def two(cluster):
    pass

alias = one
"""


def test_a_file_gives_its_scenarios_in_their_order(write):
    """All module-level scenarios, each once, whatever other names they have."""
    assert ["one", "two"] == [found.name for found in load(str(write("two.py", TWO)))]


def test_a_name_behind_two_colons_chooses_one(write):
    """FILE::NAME."""
    assert 2 == load_one(f"{write('two.py', TWO)}::two").nodes


def test_an_imported_scenario_belongs_to_its_own_file(write):
    """A helper beside the file can be imported, and its scenarios are not run twice."""
    write("shared_helper_of_test.py", TWO)
    path = write("user.py", "from shared_helper_of_test import one\n" + TWO.replace("two", "mine"))
    assert ["one", "mine"] == [found.name for found in load(str(path))]


def test_a_folder_gives_the_scenarios_of_its_files(write):
    """Python and YAML, by name; files of other YAML are left alone."""
    write("all/b.py", TWO)
    write("all/a.yaml", "jobs: [{name: x, spec: {Type: batch, Tasks: [{Name: m, Engine: {Type: noop}}]}}]\n")
    path = write("all/job.yaml", "Type: batch\n")
    assert ["a", "one", "two"] == [found.name for found in load(str(path.parent))]


def test_none_is_loaded_twice(write):
    """Two arguments that name the same scenario give one."""
    path = write("two.py", TWO)
    assert ["one", "two"] == [found.name for found in load_all([f"{path}::one", str(path)])]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = (", "bad.py:1: '(' was never closed"),
        ("import nothing_of_that_name\n", "bad.py:1: ModuleNotFoundError"),
        ("\n1 / 0\n", "bad.py:2: ZeroDivisionError: division by zero"),
        ("x = 1\n", "there is no scenario in it"),
        ("from devstack.scenario import scenario\n@scenario(nodes=1)\ndef f(cluster): pass\n", "is no async function"),
        ("from devstack.scenario import scenario\n@scenario(nodes=1)\nasync def f(): pass\n", "takes other arguments"),
        (
                "from devstack.scenario import scenario\n@scenario(behaviour='odd')\nasync def f(cluster): pass\n",
                "bad.py:2: unknown behaviour 'odd'",
            ),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_says_why_and_where(write, text, words):
    """One sentence with the file, and the line where there is one."""
    path = write("bad.py", text)
    with pytest.raises(UsageError, match="bad.py") as caught:
        load(str(path))
    assert words in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    ("name", "words"), [("none.py", "there is no scenario file"), ("two.py::three", "there is no scenario 'three'")]
)
def test_what_is_not_there_is_named(write, name, words):
    """A missing file or scenario; the known ones are listed."""
    folder = write("two.py", TWO).parent
    with pytest.raises(UsageError, match=words):
        load(f"{folder}/{name}")


def test_one_of_several_has_to_be_named(write):
    """`load_one` does not choose."""
    with pytest.raises(UsageError, match="has 2 scenarios"):
        load_one(str(write("two.py", TWO)))
