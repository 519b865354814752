"""The `scenario` group: run scenarios, repeat a run, list and convert scenario files, compare backends."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from devstack.cli.flags import Choice, Group, Uint32, option, switch
from devstack.cli.output import json_text
from devstack.cli.scenario_export import EXPORTS, check_report, export_run
from devstack.cli.scenario_report import plain, progress_bar, show, show_played, show_summary
from devstack.cli.settings import address, names_server, stored_token
from devstack.errors import DevstackError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devstack.scenario.decorator import Scenario
    from devstack.scenario.token import Token

__all__ = ["scenario"]

BROKEN: Final = 2
_CODES: Final = {"passed": 0, "failed": 1, "broken": BROKEN}


@click.group("scenario", cls=Group)
def scenario() -> None:
    """Run scenarios: any failure, any number of times, the same to the byte."""


@contextmanager
def _broken_if_wrong() -> Iterator[None]:
    """What cannot be read or run at all is broken, and not failed: exit code 2."""
    try:
        yield
    except DevstackError as exc:
        click.echo(f"Error: {exc.message}" + (f"; {exc.hint}" if exc.hint else ""), err=True)
        click.get_current_context().exit(BROKEN)


@scenario.command("run")
@click.argument("files", nargs=-1, required=True, metavar="FILE[::NAME]...")
@option("--seed", type=Uint32(), default=None, metavar="N", help="The seed.  [default: the scenario's own]")
@option("--seeds", type=Uint32(), default=None, metavar="N", help="Run N seeds, from --seed (or 0) on, and sum up.")
@option("--jobs", type=Uint32(), default=None, metavar="N", help="Processes for --seeds.  [default: one a core]")
@option("--nodes", type=Uint32(), default=None, metavar="N", help="How many nodes, whatever the scenario says.")
@option("--behaviour", multiple=True, default=(), metavar="WORDS", help="documented, v1.4.0 or NAME=on|off.")
@option("--faults", default="", metavar="FILE", help="Inject the faults of this YAML file as well.")
@switch("--strict", help="Refuse wall clocks, sockets, threads and unseeded randomness in scenarios.")
@option("--engines", type=Choice("simulated", "real"), default="simulated", help="real: Docker and Wasm, in real time.")
@option(
    "--docker", type=Choice("live", "record", "replay", "off"), default=None, help="Where containers' ends are from."
)
@switch("--json", help="Print the outcome as JSON.")
@switch("--story", default=True, help="Tell what happened; --story=false does not.")
@switch("-q", "--quiet", help="Print only what did not pass.")
@option("--report", default="", metavar="FILE", help="Write a page (HTML) with the run's story and charts.")
def scenario_run(files: tuple[str, ...], **flags: Any) -> int:
    """Run the scenarios of FILEs, or the one of that NAME.

    Of several, only those that do not pass are told in full. Exit code 0: all passed. 1: one failed. 2: one is
    broken, as it cannot be run to its end. With --api-host they run on that Bacalhau network, where faults and clock
    control are refused.
    """
    with _broken_if_wrong():
        from devstack.scenario.load import load_all

        found = load_all(files)
        if flags["report"]:
            check_report(len(found), flags, is_simulated=not names_server() and flags["engines"] != "real")
        if names_server() or flags["engines"] == "real":
            return _run_elsewhere(found, flags)
        if flags["docker"]:
            from devstack.runtime.virtual_shell import check_mode

            check_mode(flags["docker"])
        flags["brief"] = len(found) > 1
        codes = [_run(one, _token(one, flags), flags) for one in found]
        if len(found) > 1 and not (flags["json"] or flags["quiet"]):
            click.echo(f"{len(found)} scenarios: {sum(code == 0 for code in codes)} passed")
        return max(codes)
    return BROKEN


def _token(scenario: Scenario, flags: dict[str, Any]) -> Token:
    from devstack.scenario.token import Token, short_path

    faults: Sequence[Any] = ()
    if flags["faults"]:
        from devstack.scenario.yaml_form import read_faults

        faults = read_faults(Path(flags["faults"]))
    first = 0 if flags["seeds"] else scenario.seed
    return Token(
        file=short_path(scenario.file),
        name=scenario.name,
        seed=first if flags["seed"] is None else flags["seed"],
        nodes=flags["nodes"],
        behaviour=flags["behaviour"],
        faults=faults,
        strict=flags["strict"],
        docker=flags["docker"] or "",
    )


def _run(scenario: Scenario, token: Token, flags: dict[str, Any]) -> int:
    if flags["seeds"]:
        return _run_many(token, flags)
    from devstack.scenario.replay import options_of

    return _run_once(scenario, token, options_of(token), flags)


# ---- one seed ----------------------------------------------------------------------------------------------


def _run_once(scenario: Scenario, token: Token, options: Any, flags: dict[str, Any]) -> int:
    import attrs

    from devstack.scenario.run import run
    from devstack.scenario.story import Storyteller

    if flags["report"]:
        return _run_with_report(scenario, token, options, flags)
    tellers: list[Storyteller] = []
    if flags["story"] and not (flags["json"] or flags["quiet"]):
        options = attrs.evolve(options, watch=lambda cluster: tellers.append(Storyteller(cluster)))
    outcome = run(scenario, options)
    token = attrs.evolve(token, digest=outcome.digest)
    if flags["json"]:
        click.echo(json_text(plain(outcome, token)))
    elif flags["brief"] and outcome.is_passed:
        if not flags["quiet"]:
            click.echo(f"passed  {token.target}")
    elif not (flags["quiet"] and outcome.is_passed):
        show(scenario, outcome, token, tellers)
    return _CODES[outcome.verdict.value]


def _run_with_report(scenario: Scenario, token: Token, options: Any, flags: dict[str, Any]) -> int:
    from devstack.exports import Run

    run = Run.of(scenario, options, token)
    said = export_run(run, "html", flags["report"], quiet=flags["json"] or flags["quiet"])
    if flags["json"]:
        click.echo(json_text(plain(run.outcome, run.token)))
    elif not (flags["quiet"] and run.outcome.is_passed):
        show(scenario, run.outcome, run.token, [run.teller] if flags["story"] else [])
    click.echo(said, err=flags["json"])
    return _CODES[run.outcome.verdict.value]


# ---- many seeds --------------------------------------------------------------------------------------------


def _run_many(token: Token, flags: dict[str, Any]) -> int:
    from devstack.scenario.many import default_jobs, run_many

    seeds = range(token.seed, token.seed + flags["seeds"])
    jobs = default_jobs(len(seeds)) if not flags["jobs"] else flags["jobs"]
    with progress_bar(token.name, len(seeds), quiet=flags["json"] or flags["quiet"]) as step:
        summary = run_many(token, seeds, jobs, step)
    show_summary(summary, token, as_json=flags["json"], quiet=flags["quiet"])
    return summary.exit_code


# ---- repeat, list, convert, compare ------------------------------------------------------------------------


@scenario.command("replay")
@click.argument("token")
@switch("--json", help="Print the outcome as JSON.")
@switch("--story", default=True, help="Tell what happened; --story=false does not.")
def scenario_replay(token: str, json: bool, story: bool) -> int:
    """Repeat a run from its TOKEN.

    If its digest is another than it was, the first event that differs is shown. Exit codes are those of `run`, and 2
    for another digest.
    """
    with _broken_if_wrong():
        import attrs

        from devstack.scenario.replay import replay
        from devstack.scenario.story import Storyteller
        from devstack.scenario.token import Token

        tellers: list[Storyteller] = []
        given = Token.parse(token)
        done = replay(given, lambda cluster: tellers.append(Storyteller(cluster)) if story and not json else None)
        now = attrs.evolve(given, digest=done.outcome.digest)
        if json:
            click.echo(json_text(plain(done.outcome, now) | {"difference": done.difference}))
        else:
            show(done.scenario, done.outcome, now, tellers)
            if done.difference:
                click.secho(done.difference, fg="yellow")
            elif given.digest:
                click.echo("the same to the byte")
        return BROKEN if done.difference else _CODES[done.outcome.verdict.value]
    return BROKEN


@scenario.command("list")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@switch("--json", help="Print the list as JSON.")
def scenario_list(paths: tuple[str, ...], json: bool) -> int:
    """List the scenarios of files and folders (of `scenarios/`, if none is named)."""
    with _broken_if_wrong():
        from devstack.scenario.load import load_all
        from devstack.scenario.token import short_path

        found = load_all(paths or ("scenarios",))
        rows = [
            {"name": f"{short_path(one.file)}::{one.name}", "about": one.about.partition("\n")[0], "nodes": one.nodes,
             "seed": one.seed, "covers": list(one.covers)}
            for one in found
        ]  # fmt: skip
        if json:
            click.echo(json_text(rows))
            return 0
        width = max(len(str(row["name"])) for row in rows)
        for row in rows:
            click.echo(f"{row['name']:<{width}}  {row['about']}".rstrip())
        return 0
    return BROKEN


@scenario.command("export")
@click.argument("file", metavar="FILE[::NAME]")
@option("--output", "-o", required=True, metavar="PATH", help="Where to write it: a file, or for tables a folder.")
@option("--to", type=Choice(*EXPORTS), default=None, help="As what.  [default: by the name of the file]")
@option("--seed", type=Uint32(), default=None, metavar="N", help="The seed.  [default: the scenario's own]")
@option("--nodes", type=Uint32(), default=None, metavar="N", help="How many nodes, whatever the scenario says.")
@option("--behaviour", multiple=True, default=(), metavar="WORDS", help="documented, v1.4.0 or NAME=on|off.")
@option("--faults", default="", metavar="FILE", help="Inject the faults of this YAML file as well.")
def scenario_export(file: str, output: str, to: str | None, **flags: Any) -> int:
    """Run a scenario, and write the run for other programs.

    perfetto: a trace for ui.perfetto.dev (.json). jsonl: every record of the trace (.jsonl). csv, parquet: its
    tables, in a folder. html: the report of `run --report` (.html). The exit code is that of `run`.
    """
    with _broken_if_wrong():
        from devstack.exports import Run
        from devstack.scenario.load import load_one
        from devstack.scenario.replay import options_of

        found = load_one(file)
        token = _token(found, {**flags, "seeds": None, "strict": False, "docker": None})
        run = Run.of(found, options_of(token), token)
        click.echo(export_run(run, to or "", output))
        return _CODES[run.outcome.verdict.value]
    return BROKEN


@scenario.command("convert")
@click.argument("file", metavar="FILE[::NAME]")
@option("--output", "-o", default="", metavar="FILE", help="Write here instead of to standard output.")
@option("--seed", type=Uint32(), default=None, metavar="N", help="The seed for the run that Python is recorded from.")
def scenario_convert(file: str, output: str, seed: int | None) -> int:
    """Turn a YAML scenario into Python, or a Python scenario into YAML.

    Python is run once, and what it did is written down: what depends on the run, such as an `if`, is then settled.
    What could not be converted is said on standard error; exit code 1 then.
    """
    with _broken_if_wrong():
        from devstack.scenario.convert import convert

        done = convert(file, seed)
        if output:
            Path(output).write_text(done.text)
        else:
            click.echo(done.text, nl=False)
        for note in done.left_out:
            click.echo(f"not converted: {note}", err=True)
        return 1 if done.left_out else 0
    return BROKEN


@scenario.command("compare")
@click.argument("file", metavar="FILE[::NAME]")
@option(
    "--with",
    "other",
    type=Choice("real", "api", "v1.4.0"),
    default="api",
    help="The other side: real engines, the network at --api-host, or simulated as v1.4.0 behaves.",
)
@option("--seed", type=Uint32(), default=None, metavar="N", help="The seed.")
@switch("--json", help="Print the differences as JSON.")
def scenario_compare(file: str, other: str, seed: int | None, json: bool) -> int:
    """Run a scenario simulated and on another backend, and show what differs side by side. Exit code 1: it does."""
    with _broken_if_wrong():
        from devstack.scenario.compare import compare
        from devstack.scenario.load import load_one

        where = address() if other == "api" else None
        table = compare(load_one(file), other, seed, where, stored_token(where) if where else "")
        click.echo(json_text(table.plain()) if json else str(table))
        return 0 if table.is_same else 1
    return BROKEN


def _run_elsewhere(found: Sequence[Scenario], flags: dict[str, Any]) -> int:
    """On a real network, or in process with real engines: in real time, once."""
    if flags["seeds"]:
        raise UsageError("--seeds needs virtual time", "leave out --api-host and --engines real")
    if flags["faults"] and names_server():
        raise UsageError("--faults cannot be injected into a real network", "leave it out, or leave out --api-host")
    codes = [_run_in_real_time(one, flags) for one in found]
    return max(codes)


def _run_in_real_time(scenario: Scenario, flags: dict[str, Any]) -> int:
    if names_server():
        from devstack.scenario.remote import run_on_network

        where = address()
        outcome = run_on_network(scenario, where, stored_token(where))
    else:
        import attrs

        from devstack.scenario.real import run_real
        from devstack.scenario.replay import options_of

        options = options_of(_token(scenario, flags))
        outcome = run_real(scenario, attrs.evolve(options, docker=flags["docker"] or "live"))
    verdict = outcome.verdict.value
    if flags["json"]:
        told: dict[str, Any] = {
            "scenario": scenario.name, "verdict": verdict, "message": outcome.message, "where": outcome.where,
        }  # fmt: skip
        told |= {"violations": [str(violation) for violation in outcome.violations]}
        click.echo(json_text({**told, "jobs": outcome.plain_jobs()}))
    elif not (flags["quiet"] and verdict == "passed"):
        show_played(outcome)
    return _CODES[verdict]
