"""Scenario files: found, imported, and their scenarios collected, with errors that name the file and the line."""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Final

from devstack.errors import UsageError
from devstack.scenario.decorator import Scenario

__all__ = ["YAML_ENDINGS", "load", "load_all", "load_one"]

YAML_ENDINGS: Final = (".yaml", ".yml")
SEPARATOR: Final = "::"
_HINT: Final = "put `@scenario(nodes=3)` above an `async def` of one argument, the cluster"


def load_all(names: Iterable[str]) -> list[Scenario]:
    """The scenarios of all of them, in the order given, none twice."""
    found = {(one.file, one.name): one for name in names for one in load(name)}
    return list(found.values())


def load_one(name: str) -> Scenario:
    """The one scenario that `FILE` or `FILE::NAME` means.

    Raises:
        UsageError: there are several, or none.
    """
    found = load(name)
    if len(found) > 1:
        names = ", ".join(one.name for one in found)
        raise UsageError(f"{name} has {len(found)} scenarios", f"name one as {name}::NAME: {names}")
    return found[0]


def load(name: str) -> list[Scenario]:
    """The scenarios of a file, of a folder's files, or the one that `FILE::NAME` means.

    Raises:
        UsageError: there is no such file or name, or the file cannot be imported.
    """
    path_text, separator, wanted = name.partition(SEPARATOR)
    path = Path(path_text)
    if path.is_dir():
        return [one for file in _files_in(path) for one in _load_file(file)]
    found = _load_file(path)
    if not found:
        raise UsageError(f"{path}: there is no scenario in it", _HINT)
    if not separator:
        return found
    chosen = [one for one in found if one.name == wanted]
    if not chosen:
        names = ", ".join(one.name for one in found)
        raise UsageError(f"{path}: there is no scenario {wanted!r}", f"it has {names}")
    return chosen


def _files_in(folder: Path) -> list[Path]:
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in (".py", *YAML_ENDINGS) and path.is_file()]
    kept = [path for path in files if not path.name.startswith(("_", ".", "conftest"))]
    # A folder may hold other YAML, such as job files; those that name no jobs of a scenario are left alone.
    kept = [path for path in kept if path.suffix == ".py" or "jobs:" in path.read_text(errors="replace")]
    if not kept:
        raise UsageError(f"{folder}: there is no scenario file in it", "scenario files end in .py or .yaml")
    return kept


def _load_file(path: Path) -> list[Scenario]:
    if not path.is_file():
        raise UsageError(f"there is no scenario file {path}")
    if path.suffix in YAML_ENDINGS:
        from devstack.scenario.yaml_form import read_yaml

        return [read_yaml(path)]
    if path.suffix != ".py":
        raise UsageError(f"{path}: this is no scenario file", "scenario files end in .py or .yaml")
    module = _import(path)
    found = [value for value in vars(module).values() if isinstance(value, Scenario)]
    own = [one for one in {id(one): one for one in found}.values() if one.script.__module__ == module.__name__]
    for one in own:
        _check_script(path, one)
    return own


def _check_script(path: Path, scenario: Scenario) -> None:
    where = f"{path}: scenario {scenario.name}"
    if not inspect.iscoroutinefunction(scenario.script):
        raise UsageError(f"{where} is no async function", "write `async def`")
    if len(inspect.signature(scenario.script).parameters) != 1:
        raise UsageError(f"{where} takes other arguments than one, the cluster", "write `async def name(cluster):`")


def _import(path: Path) -> ModuleType:
    """The file as a module, under a name that is the same in every process."""
    full = path.resolve()
    name = f"devstack_scenario_{sha256(str(full).encode()).hexdigest()[:12]}_{full.stem}"
    if (known := sys.modules.get(name)) is not None:
        return known
    spec = importlib.util.spec_from_file_location(name, full)
    assert spec is not None and spec.loader is not None  # it is a file that ends in .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(full.parent))  # A scenario may import what stands beside it.
    try:
        spec.loader.exec_module(module)
    except BaseException as exc:
        del sys.modules[name]
        if isinstance(exc, Exception):
            raise _unreadable(path, full, exc) from exc
        raise
    finally:
        sys.path.remove(str(full.parent))
    return module


def _unreadable(path: Path, full: Path, exc: Exception) -> UsageError:
    if isinstance(exc, SyntaxError):
        where = f"{path if exc.filename == str(full) else exc.filename}:{exc.lineno}"
        return UsageError(f"{where}: {exc.msg}", (exc.text or "").strip())
    frames = [frame for frame in traceback.extract_tb(exc.__traceback__) if frame.filename == str(full)]
    where = f"{path}:{frames[-1].lineno}" if frames else str(path)
    exc = _unknown_fault(exc) or exc
    text = str(exc) if isinstance(exc, UsageError) else f"{type(exc).__name__}: {exc}"
    return UsageError(f"{where}: {text}", getattr(exc, "hint", ""))


def _unknown_fault(exc: Exception) -> UsageError | None:
    """What an import of a word that is no fault comes to. Python asks the package, and then words it its own way."""
    imported = re.match(r"cannot import name '(\w+)'", str(exc))
    if not (isinstance(exc, ImportError) and exc.name == "devstack.faults" and imported):
        return None
    from devstack.faults.words import word_of

    try:
        word_of(imported[1])
    except UsageError as unknown:
        return unknown
    return None
