"""JSON lines, tables and the report: whole, bounded, and harmless wherever they are opened."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser

import pytest

from devstack.errors import UsageError
from devstack.exports import FORMATS, export, lines
from devstack.exports.run import PARTS
from devstack.exports.texts import LONGEST_TEXT

from .conftest import HOSTILE


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, and texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def report(run, tmp_path_factory) -> tuple[str, list[str]]:
    """The page, and what was told while it was made."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    told: list[str] = []
    export(run, "html", path, told.append)
    return path.read_text("utf-8"), told


@pytest.fixture
def page(report) -> str:
    return report[0]


# ---- JSON lines --------------------------------------------------------------------------------------------


def test_every_record_is_a_line(run, tmp_path):
    """After one that says what the run was; times count from where the story's do."""
    export(run, "jsonl", tmp_path / "run.jsonl")
    head, *rest = (json.loads(line) for line in (tmp_path / "run.jsonl").read_text("ascii").splitlines())
    assert run.outcome.digest == head["run"]["digest"]
    assert str(run.token) == head["run"]["replay"]
    assert len(run.outcome.records) == len(rest)
    assert 0 == rest[0]["time_ns"]
    assert max(len(record["detail"]) for record in rest) <= LONGEST_TEXT


def test_of_an_endless_trace_the_last_line_says_what_is_left_out(run, monkeypatch):
    """Nobody takes a part for the whole."""
    monkeypatch.setattr(lines, "MOST_RECORDS", 10)
    found = [json.loads(line) for line in lines.lines(run)]
    assert 12 == len(found)
    assert len(run.outcome.records) - 10 == found[-1]["left_out"]


# ---- tables ------------------------------------------------------------------------------------------------


def test_every_table_is_a_csv_file_and_no_cell_is_a_formula(run, tmp_path):
    """A spreadsheet shows what a job wrote, and runs nothing."""
    export(run, "csv", tmp_path / "tables")
    names = {path.stem for path in (tmp_path / "tables").iterdir()}
    assert {"jobs", "executions", "changes", "messages", "faults", "capacity", "queue", "nodes"} == names
    cells = [cell for path in (tmp_path / "tables").iterdir() for row in csv.reader(path.open()) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]
    assert max(map(len, cells)) <= LONGEST_TEXT + 1


def test_a_text_that_begins_like_a_formula_gets_a_quote(run):
    """Numbers below zero stay numbers."""
    from devstack.exports.tables import _no_formula

    assert ["'=1", "'-x", -1.5, "a=b"] == [_no_formula(value) for value in ("=1", "-x", -1.5, "a=b")]


def test_tables_are_parquet_files_or_one_line_says_what_is_missing(run, tmp_path):
    """pyarrow is an extra of its own."""
    try:
        import pyarrow.parquet as parquet
    except ModuleNotFoundError:
        with pytest.raises(UsageError, match="Parquet needs pyarrow") as caught:
            export(run, "parquet", tmp_path / "tables")
        assert "pip install 'bacalhau-devstack[notebook,parquet]'" == caught.value.hint
        return
    export(run, "parquet", tmp_path / "tables")
    jobs = parquet.read_table(tmp_path / "tables" / "jobs.parquet")
    assert ["Completed", "Failed"] == jobs.column("state").to_pylist()


# ---- the report --------------------------------------------------------------------------------------------


def test_the_report_has_the_verdict_the_story_the_charts_and_the_line_that_repeats_it(run, page):
    """All that is needed to see what happened, and to see it again."""
    texts = "\n".join(Page(page).texts)
    for wanted in ("hostile", "failed", run.outcome.digest, f"devstack scenario replay {run.token}", "loses its power"):
        assert wanted in texts
    charts = [attributes for tag, attributes in Page(page).tags if tag == "img"]
    assert 8 == len(charts)
    assert all(chart["alt"] for chart in charts)


def test_the_report_loads_nothing_and_runs_nothing(page):
    """No script, no other file, and a policy that forbids both."""
    tags = Page(page).tags
    assert "script" not in {tag for tag, _ in tags}
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]
    assert all((attributes.get("src") or "data:").startswith("data:image/svg+xml") for _, attributes in tags
               if "src" in attributes)  # fmt: skip
    assert "default-src 'none'" in page
    assert not re.search(r"url\(|@import", page)


def test_what_jobs_and_scenarios_write_is_text_in_the_report(page):
    """A browser shows it as it was written."""
    assert "<b>writes</b>" not in page
    assert HOSTILE not in page
    assert any(HOSTILE in text for text in Page(page).texts)


def test_each_part_of_a_report_is_told_as_it_is_done(report):
    """As many as a progress bar expects."""
    assert PARTS == len(set(report[1]))


def test_the_report_is_bounded(page):
    """A job that writes much does not make it big."""
    assert len(page) < 1_500_000


# ---- writing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["perfetto", "jsonl", "csv"])
def test_a_place_that_cannot_be_written_is_named(run, tmp_path, to):
    """And nothing is left behind."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write .*file"):
        export(run, to, tmp_path / "file" / "run")
    assert ["file"] == [path.name for path in tmp_path.iterdir()]


def test_a_failure_while_writing_leaves_the_old_file_as_it_was(run, tmp_path, monkeypatch):
    """And no half of a new one."""
    path = tmp_path / "run.jsonl"
    path.write_text("old")

    def failing(run):
        yield "half"
        raise RuntimeError("out of luck")

    monkeypatch.setattr(lines, "lines", failing)
    with pytest.raises(RuntimeError):
        export(run, "jsonl", path)
    assert ["old"] == [one.read_text() for one in tmp_path.iterdir()]


def test_an_unknown_format_is_refused_with_those_that_are_known(run, tmp_path):
    """By name."""
    with pytest.raises(UsageError, match="not exported as 'xml'") as caught:
        export(run, "xml", tmp_path / "run.xml")
    assert all(name in caught.value.hint for name in FORMATS)
