"""One HTML page that tells of one run: what came of it, charts, the story, and the line that repeats it.

The page is whole in itself: no script, and nothing is fetched, which its policy also forbids. Charts are images in it,
so that nothing in one of them can reach the page.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, Final

from devstack.exports.run import Run, Step
from devstack.exports.texts import bounded
from devstack.models.gotext import duration_text
from devstack.scenario.story import tell, time_text
from devstack.scenario.story_lines import MOST_LINES, Line, line_text

__all__ = ["page", "pictures"]

_MOODS: Final = {"good": "good", "bad": "bad", "fault": "fault", "job": "job", "dim": "dim"}


def pictures(run: Run) -> Iterator[tuple[str, Any]]:
    """Each chart of the report under its heading, one after the other, for each takes its time.

    Raises:
        UsageError: the extra `[notebook]` is not installed.
    """
    from devstack import charts
    from devstack.notebook import frames

    recorder = run.recorder
    until_s = recorder.now_ns / 1e9
    executions, faults, nodes = (make(recorder) for make in (frames.executions, frames.faults, frames.nodes))
    names = list(nodes["node"])
    if len(executions):
        yield "Who ran what", charts.gantt(executions, faults, nodes=names, until_s=until_s, dark=False)
        yield "Jobs", charts.gantt(executions, faults, by="job", until_s=until_s, dark=False)
        yield "Waiting", charts.waits(executions, dark=False)
        yield "The queue", charts.queue(frames.queue(recorder), faults=faults, until_s=until_s, dark=False)
        yield "States", charts.states(frames.changes(recorder), until_s=until_s, dark=False)
    yield "Capacity", charts.capacity(frames.capacity(recorder), faults=faults, until_s=until_s, dark=False)
    yield "Messages", charts.sequence(frames.messages(recorder), dark=False)
    yield "The network at the end", charts.network(nodes, executions, dark=False)


def page(run: Run, step: Step = lambda _: None) -> str:
    """The whole page; `step` is told of each chart. Raises UsageError: the extra `[notebook]` is not installed."""
    figures = []
    for heading, chart in pictures(run):
        figures.append(_figure(heading, chart))
        step(heading)
    outcome, scenario = run.outcome, run.scenario
    verdict = outcome.verdict.value
    return _PAGE.format(
        title=escape(scenario.name),
        style=_STYLE,
        about=escape(scenario.about),
        verdict=verdict,
        message=escape(f": {bounded(outcome.message)}" if outcome.message else ""),
        where=f"<p>at <code>{escape(outcome.where)}</code></p>" if outcome.where else "",
        violations=_list([str(violation) for violation in outcome.violations]),
        facts=_facts(run),
        again=escape(f"devstack scenario replay {run.token}"),
        figures="\n".join(figures),
        story=_story(tell(outcome.records, run.teller.notes)),
    )


def _facts(run: Run) -> str:
    outcome, virtual_ns = run.outcome, run.outcome.virtual_ns // 1_000_000 * 1_000_000
    facts = {
        "seed": str(outcome.seed),
        "nodes": f"{len(run.recorder.cluster.nodes):,}",
        "virtual time": duration_text(virtual_ns),
        "events": f"{outcome.events:,}",
        "digest": outcome.digest,
    }
    return "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items())


def _list(texts: Sequence[str]) -> str:
    items = "".join(f"<li>violated: {escape(bounded(text))}</li>" for text in texts)
    return f"<ul>{items}</ul>" if items else ""


def _figure(heading: str, chart: Any) -> str:
    """The chart as an image that follows the page's light or dark; its text is for those who cannot see it."""
    from devstack.charts.saving import svg, title_of

    told = escape(title_of(chart))
    image = base64.b64encode(svg(chart, adapts=True).encode()).decode()
    return f'<figure><h2>{escape(heading)}</h2><img alt="{told}" src="data:image/svg+xml;base64,{image}"></figure>'


def _story(lines: Sequence[Line]) -> str:
    shown = lines if len(lines) <= MOST_LINES else [*lines[: MOST_LINES // 2], *lines[-MOST_LINES // 2 :]]
    rows = [_row(line) for line in shown]
    if len(shown) < len(lines):
        left_out = f'<tr class="dim"><td></td><td></td><td>{len(lines) - len(shown):,} lines are left out</td></tr>'
        rows.insert(MOST_LINES // 2, left_out)
    return "\n".join(rows)


def _row(line: Line) -> str:
    mood = f' class="{_MOODS[line.mood]}"' if line.mood in _MOODS else ""
    cells = (time_text(line.time_ns), bounded(line.machine), line_text(line))
    return f"<tr{mood}>" + "".join(f"<td>{escape(bounded(cell))}</td>" for cell in cells) + "</tr>"


_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #5a6169; --line: #d6dade; --paper: #fff;
  --good: #00654a; --bad: #a33f00; --fault: #8a3b74; }
@media (prefers-color-scheme: dark) { :root { --ink: #f0f3f6; --dim: #a4acb5; --line: #343a41; --paper: #14171a;
  --good: #4cc9a0; --bad: #ff9a5c; --fault: #e6a3c8; } }
body { background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto;
  max-width: 62rem; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { margin-bottom: 0; font-size: 1.5rem; } h2 { font-size: 1.05rem; margin: 0 0 .3rem; }
.about { white-space: pre-line; color: var(--dim); }
.passed { color: var(--good); } .failed, .broken { color: var(--bad); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; }
dt { color: var(--dim); } dd { margin: 0; }
code, dd, table { font-family: ui-monospace, monospace; font-size: 13px; }
pre { border: 1px solid var(--line); padding: .6rem; white-space: pre-wrap; }
figure { margin: 2rem 0; } img { max-width: 100%; height: auto; }
table { border-collapse: collapse; } td { padding: .1rem 1rem .1rem 0; vertical-align: top; }
td:first-child { text-align: right; white-space: nowrap; color: var(--dim); } td:nth-child(2) { white-space: nowrap; }
.good td:last-child { color: var(--good); } .bad td:last-child { color: var(--bad); }
.fault td:last-child { color: var(--fault); } .job td:last-child { font-weight: 600; } .dim td { color: var(--dim); }
"""

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p class="about">{about}</p>
<p class="{verdict}"><strong>{verdict}</strong>{message}</p>
{where}{violations}
<dl>{facts}</dl>
<h2>Again</h2>
<pre><code>{again}</code></pre>
{figures}
<h2>What happened</h2>
<table><tbody>
{story}
</tbody></table>
</main>
</body>
</html>
"""
