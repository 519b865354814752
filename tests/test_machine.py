"""What this machine has, and how to clear up on it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from devstack.machine import default_capacity, free_space, physical_resources, remove_tree


def test_a_node_offers_four_fifths_of_the_machine(tmp_path: Path):
    """Of CPU, memory and free disk; no GPU."""
    whole, offered = physical_resources(tmp_path), default_capacity(tmp_path)
    assert (whole.cpu_millis * 80 // 100, whole.memory_bytes * 80 // 100, 0) == (
        offered.cpu_millis, offered.memory_bytes, offered.gpu,
    )  # fmt: skip
    assert pytest.approx(whole.disk_bytes * 0.8, rel=0.05) == offered.disk_bytes


def test_free_room_is_told_of_two_places():
    """What is used and what is free make no more than all."""
    places = free_space()
    assert {"tmp", "root"} == set(places)
    assert all(used + free <= total for total, used, free in places.values())


def test_a_tree_deeper_than_python_calls_is_removed(tmp_path: Path):
    """A program may nest thousands of folders, to names longer than a path may be."""
    before = Path.cwd()
    try:
        os.chdir(tmp_path)
        for _ in range(1500):
            Path("deep").mkdir()
            os.chdir("deep")
    finally:
        os.chdir(before)
    remove_tree(tmp_path / "deep")
    assert [] == list(tmp_path.iterdir())


def test_a_link_is_removed_and_not_what_it_leads_to(tmp_path: Path):
    """Nor is a missing folder a mistake."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "file").write_text("x")
    for name in ("link", "file", "missing"):
        remove_tree(tmp_path / name)
    assert ["kept"] == [path.name for path in tmp_path.iterdir()]
