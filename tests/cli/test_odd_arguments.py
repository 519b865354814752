"""Whatever is typed: exit 0 or 1, an error that begins with `Error:`, never a traceback."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devstack.cli.flags import Choice
from devstack.cli.main import cli

# They start stacks, scenarios or measurements.
NOT_CALLED = {"up", "scenario", "bench"}


def commands(command: click.Command, words: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], list[click.Option]]]:
    """Every command that ends by itself, and its flags."""
    root = click.Context(cli, **cli.context_settings)
    ctx = click.Context(command, parent=root, **command.context_settings) if words else root
    if isinstance(command, click.Group):
        names = [name for name in command.list_commands(ctx) if words or name not in NOT_CALLED]
        return [found for name in names for found in commands(command.get_command(ctx, name), (*words, name))]
    return [(words, [param for param in command.get_params(ctx) if isinstance(param, click.Option)])]


COMMANDS = commands(cli)
ODD = st.one_of(
    st.text(st.characters(exclude_categories=[]), max_size=6),
    st.sampled_from([
        "", "-", "--", "=", "-=", "--=", "---", "-1", "0", "1e9", "NaN", "99999999999999999999", "٣", "a=b=c", ",", '"',
        "'", "{{", "{{.x}}", "[", "%", "%s", "\0", "\n", "\x1b[31m", "\ud800", "🐟", "a" * 300, "../..", "/", ".",
        "/dev/null", "~", "j-", "node-1", "s3://", "s3://b/k", "http://", "http://[", "http://h:x/f", "file://", "ipfs://",
        "true", "false", "None", "null", "x in (", "x in ()", "!", "!!x", "x>1", "5m", "-5m0s", "1h1h",
    ]),
)  # fmt: skip


def flag(option: click.Option) -> st.SearchStrategy[list[str]]:
    words = st.sampled_from(option.type.words) if isinstance(option.type, Choice) else ODD
    name = st.sampled_from(option.opts)
    return st.one_of(
        name.map(lambda given: [given]),
        st.tuples(name, ODD | words).map(lambda pair: [f"{pair[0]}={pair[1]}"]),
        st.tuples(name, ODD | words).map(list),
    )


def line(command: tuple[tuple[str, ...], list[click.Option]]) -> st.SearchStrategy[list[str]]:
    words, options = command
    parts = st.lists(st.one_of(ODD.map(lambda text: [text]), *map(flag, options)), max_size=5)
    return parts.map(lambda found: [*words, *(word for part in found for word in part)])


@pytest.fixture
def odd(offline: Any, network: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command in an empty folder against a network that answers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BACALHAU_API_PORT", str(network.port))
    monkeypatch.setenv("HOME", str(tmp_path))
    network.add({"Type": "batch", "Tasks": []})

    def run(args: list[str]) -> None:
        result = CliRunner().invoke(cli, args, input="", prog_name="devstack")
        assert isinstance(result.exception, SystemExit | None), args
        assert result.exit_code in (0, 1), args
        errors = [text for text in result.stderr.split("\n") if text.startswith("Error: ")]
        assert bool(errors) == bool(result.exit_code) or "--quiet" in str(args), (args, result.stderr)
        assert "unexpected" not in result.stderr, (args, result.stderr)

    return run


@given(st.sampled_from(COMMANDS).flatmap(line))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_odd_flags_and_words_never_break_a_command(odd, args):
    """Every command, its own flags in every form, and words that nobody expects."""
    odd(args)


@given(st.lists(ODD | st.sampled_from(["job", "node", "docker", "run", "list", "config", "set", "-h"]), max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_odd_words_find_no_command_to_break(odd, args):
    """Words in any order, from the root on."""
    odd([arg for arg in args if arg not in NOT_CALLED])


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_as_a_job_file_are_a_job_or_one_error(odd, tmp_path, content):
    """Templated or not."""
    (tmp_path / "job").write_bytes(content)
    odd(["job", "run", "--dry-run", "job"])
    odd(["job", "run", "--dry-run", "--no-template", "job"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["Type", "Tasks", "Name", "Engine", "Params", "Count", "Constraints", "Key", "Values",
                         "Network", "InputSources", "Source", "ResultPaths", "Publisher", "Labels", "Meta",
                         "Timeouts", "Job"]),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(
    st.dictionaries(st.sampled_from(["Type", "Tasks", "Count", "Constraints", "Labels", "Meta", "Job", "Name"]), JSON)
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_object_as_a_job_is_a_job_or_one_error(odd, tmp_path, content):
    """Right names with wrong values, at every depth."""
    import json

    (tmp_path / "job").write_text(json.dumps(content))
    odd(["job", "validate", "job"])
