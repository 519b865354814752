"""What the `scenario` commands print: stories, verdicts, sums over seeds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from devstack.cli.output import in_colour, json_text
from devstack.cli.settings import program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devstack.scenario.decorator import Scenario
    from devstack.scenario.elsewhere import PlayedOutcome
    from devstack.scenario.many import Summary
    from devstack.scenario.run import Outcome
    from devstack.scenario.token import Token

__all__ = ["plain", "progress_bar", "show", "show_played", "show_summary"]

COLOURS: Final = {"passed": "green", "failed": "red", "broken": "magenta"}


def show(scenario: Scenario, outcome: Outcome, token: Token, tellers: Sequence[Any]) -> None:
    """One run: its story, if it is to be told, the verdict, and the line that repeats it."""
    from devstack.scenario.story import render, tell

    click.echo(f"{click.style(scenario.name, bold=True)}  seed {outcome.seed}, {token.nodes or scenario.nodes} nodes")
    if scenario.about:
        click.echo(scenario.about.partition("\n\n")[0])
    for teller in tellers:
        click.echo("\n" + render(tell(outcome.records, teller.notes), colour=in_colour()) + "\n")
    _show_verdict(outcome, token)


def _show_verdict(outcome: Outcome, token: Token) -> None:
    from devstack.models.gotext import duration_text

    verdict = outcome.verdict.value
    click.secho(verdict + (f": {outcome.message}" if outcome.message else ""), fg=COLOURS[verdict])
    if outcome.where:
        click.echo(f"  at {outcome.where}")
    for violation in outcome.violations:
        click.echo(f"  violated: {violation}")
    click.echo(
        f"{duration_text(outcome.virtual_ns // 1_000_000 * 1_000_000)} of virtual time, {outcome.events:,} events "
        f"in {outcome.elapsed_s:.3f} s"
    )
    click.echo(f"digest  {outcome.digest}")
    click.echo(f"again   {program()} scenario replay {token}")


def plain(outcome: Outcome, token: Token) -> dict[str, Any]:
    """One run as JSON has it."""
    return {
        "scenario": outcome.scenario,
        "seed": outcome.seed,
        "verdict": outcome.verdict.value,
        "message": outcome.message,
        "where": outcome.where,
        "violations": [str(violation) for violation in outcome.violations],
        "digest": outcome.digest,
        "events": outcome.events,
        "virtual_ns": outcome.virtual_ns,
        "draws": {"/".join(name): count for name, count in outcome.draws.items()},
        "token": str(token),
    }


@contextmanager
def progress_bar(name: str, count: int, *, quiet: bool) -> Iterator[Callable[[Any], None]]:
    """A progress bar on a terminal, nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=count, label=name, file=sys.stderr, show_pos=True) as bar:
        yield lambda _: bar.update(1)


def show_summary(summary: Summary, token: Token, *, as_json: bool, quiet: bool) -> None:
    """The sum over seeds, and the first that did not pass."""
    import attrs

    first = summary.first
    again = "" if first is None else str(attrs.evolve(token, seed=first.seed, digest=first.digest))
    if as_json:
        click.echo(json_text(_plain_summary(summary, again)))
        return
    if quiet and first is None:
        return
    rest = [f"{count} {what}" for what, count in (("failed", summary.failed), ("broken", summary.broken)) if count]
    click.echo(
        f"{summary.scenario}: {summary.seeds:,} seeds, {', '.join([f'{summary.passed:,} passed', *rest])}; "
        f"{summary.elapsed_s:.1f} s, {summary.seeds_per_s:.0f} seeds/s"
    )
    if first is not None:
        click.secho(
            f"first   seed {first.seed} {first.verdict.value}: {first.message}", fg=COLOURS[first.verdict.value]
        )
        click.echo(f"again   {program()} scenario replay {again}")


def _plain_summary(summary: Summary, again: str) -> dict[str, Any]:
    first = summary.first
    return {
        "scenario": summary.scenario,
        "seeds": summary.seeds,
        "passed": summary.passed,
        "failed": summary.failed,
        "broken": summary.broken,
        "seeds_per_s": round(summary.seeds_per_s, 1),
        "first": first and {
            "seed": first.seed,
            "verdict": first.verdict.value,
            "message": first.message,
            "where": first.where,
            "token": again,
        },
    }  # fmt: skip


def show_played(outcome: PlayedOutcome) -> None:
    """What came of a scenario that was played in real time."""
    from devstack.models.gotext import duration_text

    verdict = outcome.verdict.value
    click.echo(f"{click.style(outcome.scenario, bold=True)}  on {outcome.world}")
    for line in outcome.lines():
        click.echo(f"  {line}")
    click.secho(verdict + (f": {outcome.message}" if outcome.message else ""), fg=COLOURS[verdict])
    for violation in outcome.violations:
        click.echo(f"  violated: {violation}")
    click.echo(f"{duration_text(outcome.elapsed_ns // 1_000_000 * 1_000_000)} of real time")
