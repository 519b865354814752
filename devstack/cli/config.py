"""`config list`, `set`, `default`, `auto-resources`. Source: command line reference 6."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from devstack.cli import configuration
from devstack.cli.config_keys import CLIENT, KEYS, Key, find
from devstack.cli.flags import Group, option
from devstack.cli.options import output_flags
from devstack.cli.output import Column, Style, emit_list, yaml_text
from devstack.cli.settings import reader, repository
from devstack.errors import UsageError
from devstack.models.gotext import human_bytes, map_text

__all__ = ["config", "for_up"]


@click.group("config", cls=Group)
def config() -> None:
    """Look at the settings and change them.

    They are in the file config.yaml: of `~/.bacalhau` or `--repo` for the client, of the folder that `up --repo`
    names for a stack. A flag beats an environment variable, and a variable beats the file.
    """


@config.command("list", asks_a_server=False)
@output_flags(pretty=True)
def config_list(style: Style) -> None:
    """List all settings and their values."""
    file, variables, of_client = configuration.read_file(repository()), configuration.environment(), reader()
    items = [
        {"Key": key.path, "Value": _effective(key, file, variables, of_client)}
        for key in sorted(KEYS, key=lambda key: key.path)
    ]
    emit_list(_COLUMNS, items, style)


@config.command("set", asks_a_server=False)
@click.argument("name", metavar="KEY", shell_complete=lambda _ctx, _param, text: _paths(text))
@click.argument("values", nargs=-1, required=True, metavar="VALUE...")
def config_set(name: str, values: tuple[str, ...]) -> None:
    """Write a setting into config.yaml; a list takes several values, a map several K=V."""
    key = find(name)
    _write({key.path: key.parse(values)})
    if not key.has_effect:
        click.echo(f"Warning: {key.path} is written, but nothing here reads it", err=True)


@config.command("default", asks_a_server=False)
def config_default() -> None:
    """Print the defaults of all settings as YAML, in the form of config.yaml."""
    content: dict[str, Any] = {}
    for key in KEYS:
        configuration.assign(content, key.path, key.default)
    click.echo(yaml_text(content), nl=False)


@config.command("auto-resources", asks_a_server=False)
@option("--total-percentage", type=int, default=75, help="Share of the machine for all jobs together.")
@option("--job-percentage", type=int, default=75, help="The most of the machine that one job may use.")
@option("--default-job-percentage", type=int, default=75, help="Share of a job that asks for nothing.")
@option("--queue-job-percentage", type=int, default=150, hidden=True, expose_value=False)
def config_auto_resources(total_percentage: int, job_percentage: int, default_job_percentage: int) -> None:
    """Write limits for CPU, memory, disk and GPUs into config.yaml, as shares of this machine."""
    from devstack.machine import physical_resources

    _check_shares(total_percentage, job_percentage, default_job_percentage)
    machine = physical_resources(Path("/tmp"))
    shares = (
        ("totalresourcelimits", total_percentage),
        ("jobresourcelimits", job_percentage),
        ("defaultjobresourcelimits", default_job_percentage),
    )
    written: dict[str, str] = {}
    for section, percent in shares:
        limits = {
            "cpu": f"{machine.cpu_millis * percent // 100}m",
            "memory": human_bytes(machine.memory_bytes * percent // 100),
            "disk": human_bytes(machine.disk_bytes * percent // 100),
            "gpu": str(machine.gpu),
        }
        written |= {f"node.compute.capacity.{section}.{name}": text for name, text in limits.items()}
    _write(written)


def for_up(folder: str, settings: Iterable[str] = ()) -> dict[str, Any]:
    """What `--set KEY=VALUE`, the environment and the folder's config.yaml say instead of the defaults of `up`'s flags.

    Raises:
        UsageError: a value that the key cannot hold, or a key of `--set` that `up` does not read.
    """
    file = configuration.read_file(Path(folder).expanduser()) if folder else {}
    variables = configuration.environment()
    found = {key.flag: _given(key, file, variables) for key in KEYS if key.flag}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise UsageError(f"--set {setting}: write KEY=VALUE")
        key = find(name)
        if not key.flag:
            raise UsageError(f"--set {key.path}: a stack does not read it")
        found[key.flag] = key.parse_text(text)
    return {flag: value for flag, value in found.items() if value not in (None, "", [])}


def _paths(beginning: str) -> list[str]:
    return [key.path for key in KEYS if key.path.startswith(beginning.lower())]


def _check_shares(total: int, job: int, default_job: int) -> None:
    for name, share in (("total", total), ("job", job), ("default-job", default_job)):
        if share <= 0:
            raise UsageError(f"--{name}-percentage {share}: it must be greater than 0")
        if share > 100:
            raise UsageError(f"--{name}-percentage {share}: it must be 100 or less")
        if share > total:
            raise UsageError(f"--{name}-percentage {share}: it must not be more than --total-percentage {total}")


def _write(values: Mapping[str, Any]) -> None:
    folder = repository()
    content = configuration.read_file(folder)
    for path, value in values.items():
        configuration.assign(content, path, value)
    configuration.write_file(folder, content)


def _effective(key: Key, file: Mapping[str, Any], variables: Mapping[str, str], of_client: Any) -> Any:
    name = _FLAGS_OF_CLIENT.get(key.path)
    if key.read_by == CLIENT and name:
        text = of_client(name)
        return key.parse([text]) if text else key.default
    value = _given(key, file, variables)
    return key.default if value is None else value


def _given(key: Key, file: Mapping[str, Any], variables: Mapping[str, str]) -> Any:
    """The value of the environment, else of the file; None if neither has one."""
    if text := variables.get(key.variable):
        return key.parse_text(text)
    value = configuration.lookup(file, key.path)
    if value is None:
        return None
    if key.kind == "map" and isinstance(value, Mapping):
        return {str(name): str(each) for name, each in value.items()}
    if isinstance(value, list):
        return key.parse([str(each) for each in value])
    if isinstance(value, Mapping):
        raise UsageError(f'setting "{key.path}" in config.yaml: one value is wanted, not a section')
    # YAML's own true and 10 are as good as the texts.
    return key.parse([str(value).lower() if isinstance(value, bool) else str(value)])


def _shown(item: Mapping[str, Any]) -> str:
    value = item["Value"]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{' '.join(value)}]"
    return map_text(value) if isinstance(value, dict) else str(value)


_COLUMNS: Final = (
    Column("Key", lambda item: str(item["Key"])),
    Column("Value", _shown, 40, "hard"),
)
_FLAGS_OF_CLIENT: Final = {
    "node.clientapi.host": "api_host",
    "node.clientapi.port": "api_port",
    "node.clientapi.clienttls.usetls": "tls",
    "node.clientapi.clienttls.cacert": "cacert",
    "node.clientapi.clienttls.insecure": "insecure",
}
