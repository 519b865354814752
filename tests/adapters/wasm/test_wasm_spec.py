"""What the Params of a wasm task say (compute reference 6, "Spec")."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.adapters.wasm.spec import PAGE_BYTES, memory_limit_bytes, read_spec
from devstack.errors import AdapterError
from devstack.models.job import InputSource, SpecConfig, Task
from devstack.models.resources import Resources

SOURCE = {"Source": {"Type": "inline", "Params": {"URL": "data:"}}, "Alias": "a", "Target": "t"}
MODULE = InputSource(SpecConfig("inline", {"URL": "data:"}), "a", "t")


def spec(**params):
    return read_spec(Task(engine=SpecConfig("wasm", params)))


def test_everything_is_read():
    """Each of the documented parameters."""
    found = spec(
        EntryModule=SOURCE,
        EntryPoint="main",
        Parameters=["x"],
        EnvironmentVariables={"A": "b"},
        ImportModules=[SOURCE],
    )
    assert (MODULE, "main", ("x",), {"A": "b"}, (MODULE,)) == (
        found.entry_module,
        found.entry_point,
        found.parameters,
        found.environment,
        found.import_modules,
    )


def test_keys_have_any_case_and_null_is_absent():
    """As Bacalhau's own client writes them: `Entrypoint`, and null for empty lists."""
    found = spec(entrymodule={"source": {"type": "inline"}}, Entrypoint="main", Parameters=None, ImportModules=None)
    assert ("main", (), ()) == (found.entry_point, found.parameters, found.import_modules)


def test_a_module_may_be_the_target_of_an_input():
    """The form of later versions."""
    assert "/main.wasm" == spec(EntryModule="/main.wasm").entry_module


@pytest.mark.parametrize(
    ("engine", "text"),
    [
        (SpecConfig("docker", {}), "invalid wasm engine type. expected wasm, but received: docker"),
        (SpecConfig("wasm"), "invalid wasm engine params. cannot be nil"),
        (SpecConfig("wasm", {"EntryPoint": "x"}), "invalid wasm engine entry module. cannot be nil"),
        (SpecConfig("wasm", {"EntryModule": {"Alias": "x"}}), "invalid wasm engine entry module. source cannot be nil"),
        (SpecConfig("wasm", {"EntryModule": SOURCE, "Parameters": "x"}), "'Parameters' (x) must be a list"),
        (SpecConfig("wasm", {"EntryModule": SOURCE, "Parameters": [1]}), "'Parameters' (1) must be text"),
        (SpecConfig("wasm", {"EntryModule": SOURCE, "Parameters": ["\0"]}), "must not contain a zero byte"),
        (
            SpecConfig("wasm", {"EntryModule": SOURCE, "EnvironmentVariables": ["A=b"]}),
            "'EnvironmentVariables' (['A=b']) must be an object",
        ),
    ],
)
def test_params_that_cannot_run(engine, text):
    """Each mistake is named."""
    with pytest.raises(AdapterError) as caught:
        read_spec(Task(engine=engine))
    assert text in caught.value.message


@given(memory_bytes=st.integers(0, 4 << 30))
def test_the_memory_limit_is_whole_pages(memory_bytes):
    """Enough pages for what was granted, and not one more; nothing granted is no limit."""
    limit_bytes = memory_limit_bytes(Resources(memory_bytes=memory_bytes))
    assert 0 == limit_bytes % PAGE_BYTES
    assert (0 <= limit_bytes - memory_bytes < PAGE_BYTES) if memory_bytes else limit_bytes == 4 << 30
