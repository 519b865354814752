"""What this machine has, and how to clear up on it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from devstack.models.resources import Resources

__all__ = ["default_capacity", "free_space", "physical_resources", "remove_tree"]

SHARE_PERCENT: Final = 80


def physical_resources(storage: Path) -> Resources:
    """All CPUs, all memory, and the free room where `storage` lies."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Resources((os.cpu_count() or 1) * 1000, memory_bytes, shutil.disk_usage(storage).free, 0)


def default_capacity(storage: Path) -> Resources:
    """What a node offers when nothing is said: 80 % of everything, as Bacalhau does. Source: compute reference 3."""
    all_of_it = physical_resources(storage)
    return Resources(
        all_of_it.cpu_millis * SHARE_PERCENT // 100,
        all_of_it.memory_bytes * SHARE_PERCENT // 100,
        all_of_it.disk_bytes * SHARE_PERCENT // 100,
        0,
    )


def free_space() -> dict[str, tuple[int, int, int]]:
    """Bytes in all, used and free, of the temporary and the root file system."""
    usages = {"tmp": shutil.disk_usage("/tmp"), "root": shutil.disk_usage("/")}
    return {name: (use.total, use.used, use.free) for name, use in usages.items()}


def remove_tree(folder: Path) -> None:
    """Remove a folder and all below it, however deep a program has made it; or a file."""
    try:
        if folder.is_file() or folder.is_symlink():
            folder.unlink()
        shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return
    except RecursionError:  # A thousand folders in one another; Python walks them by recursion.
        subprocess.run(["rm", "-rf", "--", str(folder)], check=False, stderr=subprocess.DEVNULL)
