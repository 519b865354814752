"""What decides the key of a cassette."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from devstack.adapters.cassette import recipe_of
from devstack.adapters.cassette.recipe import content_hash
from devstack.errors import AdapterError
from devstack.models.job import Network, NetworkType
from devstack.models.resources import Resources
from devstack.runtime.ports import PreparedInput
from tests.adapters.cassette.conftest import MakeRequest


def test_the_same_run_has_the_same_key_on_every_node(make_request: MakeRequest) -> None:
    """Where a container runs, and for which job, is no part of its key."""
    assert recipe_of(make_request("echo", "hi", node="node-1")) == recipe_of(make_request("echo", "hi", node="node-9"))


def test_a_key_never_changes_its_meaning(make_request: MakeRequest) -> None:
    """Cassettes that people have committed are found again: the key of a known run is this one."""
    recipe = recipe_of(make_request("echo", "hi"))
    assert "busybox-latest-b478e78df6ec4dfd.yaml" == recipe.file_name


@pytest.mark.parametrize(
    "changed",
    [
        {"Image": "busybox:1"},
        {"Entrypoint": ["sh"]},
        {"Parameters": ["echo", "ho"]},
        {"EnvironmentVariables": ["A=1"]},
        {"WorkingDirectory": "/tmp"},
        {"results": {"out": "/out"}},
        {"env": {"A": "2"}},
        {"network": Network(NetworkType.FULL)},
        {"resources": Resources(600, 10**9)},
        {"resources": Resources(500, 2 * 10**9)},
    ],
    ids=str,
)
def test_whatever_decides_what_the_program_does_changes_the_key(make_request: MakeRequest, changed: Any) -> None:
    """Image, command, environment, folder, results, network and limits are in the key."""
    assert recipe_of(make_request("echo", "hi")).key != recipe_of(make_request("echo", "hi", **changed)).key


def test_the_content_of_inputs_is_in_the_key_and_their_place_here_is_not(
    make_request: MakeRequest, tmp_path: Path
) -> None:
    """Two files of the same content are the same input; another content, or another target, is another one."""

    def key(name: str, content: str, target: str = "/in") -> str:
        path = tmp_path / name
        path.write_text(content)
        return recipe_of(make_request("cat", inputs=(PreparedInput(path, target),))).key

    assert key("a", "x") == key("b", "x")
    assert key("a", "x") != key("b", "y")
    assert key("a", "x") != key("b", "x", "/elsewhere")


def test_the_order_of_environment_variables_is_no_part_of_the_key(make_request: MakeRequest) -> None:
    """Variables are a set."""
    first = recipe_of(make_request(env={"A": "1", "B": "2"}))
    assert first == recipe_of(make_request(env={"B": "2", "A": "1"}))


def test_a_folders_hash_covers_names_contents_and_links(tmp_path: Path) -> None:
    """Everything in a folder counts, and nothing of where or when it was made."""

    def folder(name: str, files: dict[str, str], link: str = "") -> str:
        for path, text in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_text(text)
        if link:
            (tmp_path / name / "link").symlink_to(link)
        return content_hash(tmp_path / name)

    assert folder("a", {"x": "1", "d/y": "2"}) == folder("b", {"d/y": "2", "x": "1"})
    others = [folder("c", {"x": "1"}), folder("d", {"z": "1"}), folder("e", {"x": "2"}), folder("f", {"x": "1"}, "x")]
    assert 4 == len(set(others))


def test_an_input_that_is_not_there_is_named(tmp_path: Path) -> None:
    """An unreadable input is the outside's fault, and its name is told."""
    with pytest.raises(AdapterError, match="cannot read the input gone"):
        content_hash(tmp_path / "gone")


def test_a_long_command_is_shortened_for_people(make_request: MakeRequest) -> None:
    """The summary is for an error text: one short line."""
    assert "busybox:latest echo hi" == recipe_of(make_request("echo", "hi")).summary
    assert 60 == len(recipe_of(make_request("x" * 100)).summary)
