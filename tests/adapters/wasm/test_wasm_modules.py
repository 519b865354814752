"""Module files and the cache of compiled modules."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import wasmtime

from devstack.adapters.wasm import modules
from devstack.adapters.wasm.modules import ModuleCache, has_name_section, read_module_file
from devstack.errors import AdapterError


def wasm(wat):
    return bytes(wasmtime.wat2wasm(wat))


@pytest.fixture
def cache():
    return ModuleCache(wasmtime.Engine(), size=3)


def test_a_module_is_compiled_once(cache):
    """The same bytes give the same compiled module."""
    assert cache.compiled(wasm("(module)")) is cache.compiled(wasm("(module)"))


def test_threads_share_one_compilation(cache, monkeypatch):
    """Who asks while another thread compiles gets that thread's module."""
    compiled = []
    compile_once = modules._compile
    monkeypatch.setattr(modules, "_compile", lambda *args: compiled.append(1) or compile_once(*args))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(cache.compiled, [wasm("(module (func))")] * 32))
    assert (1, 1) == (len(compiled), len({id(one) for one in found}))


def test_the_oldest_modules_are_forgotten(cache):
    """The cache is bounded, and keeps what was used last."""
    kept = [wasm(f"(module (memory {size}))") for size in range(4)]
    first = cache.compiled(kept[0])
    cache.compiled(kept[1])
    cache.compiled(kept[2])
    assert first is cache.compiled(kept[0])
    cache.compiled(kept[3])
    assert first is cache.compiled(kept[0])
    assert 3 == len(cache)


def test_imports_are_known(cache):
    """Imports in order, as pairs of module and name."""
    compiled = cache.compiled(wasm('(module (import "a" "b" (func)) (import "c" "d" (memory 1)))'))
    assert (("a", "b"), ("c", "d")) == compiled.imports


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"", "invalid magic number"), (b"(module)", "invalid magic number"), (b"\0asm\1\0\0\0\xff", "invalid module: ")],
)
def test_bytes_that_are_no_module(cache, data, text):
    """The text format, which wasmtime would take, is refused like any other bytes."""
    with pytest.raises(AdapterError, match=text):
        cache.compiled(data)


@pytest.mark.parametrize(("wat", "has_it"), [("(module $m)", True), ("(module (func) (memory 1))", False)])
def test_a_name_section_is_found(wat, has_it):
    """A module with any `$name` has one."""
    assert has_it is has_name_section(wasm(wat))


def test_a_folder_with_one_file_is_a_module(tmp_path):
    """As a tar with one file gives it; with several it is not clear which."""
    (tmp_path / "a").write_bytes(b"a")
    assert b"a" == read_module_file(tmp_path)
    (tmp_path / "b").write_bytes(b"b")
    with pytest.raises(AdapterError, match=r"should be 1 file in .* but there are 2"):
        read_module_file(tmp_path)


def test_a_huge_file_is_refused(tmp_path):
    """It is not even read."""
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(300 * 1024 * 1024)
    with pytest.raises(AdapterError, match="is larger than"):
        read_module_file(tmp_path / "huge")


def test_a_missing_file_is_an_error_for_people(tmp_path):
    """What the file system says ends up in our error."""
    with pytest.raises(AdapterError, match="cannot read the module"):
        read_module_file(tmp_path / "gone")
