"""Tables, csv, json, yaml; ids, times, sizes."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from devstack.cli.output import Column, Style, json_text, render_csv, render_table, yaml_text
from devstack.cli.text import clock, elapsed, history_time, human_size, moment, short_id, short_node_id, state

SECOND = 1_000_000_000
JOB = "j-2d0f513a-52b7-4a0e-9c1e-77f0c2b1a9d4"


def column(name, limit=0, rule="cut"):
    return Column(name, lambda item: item[name], limit, rule)


def test_cells_have_a_blank_on_each_side_and_columns_fit_their_longest_line():
    """No borders; headers in capitals; a cell is blank, text, padding, blank."""
    table = render_table([column("a"), column("bb")], [{"a": "1", "bb": "22"}, {"a": "333", "bb": ""}], Style())
    assert " A    BB \n 1    22 \n 333     \n" == table


@pytest.mark.parametrize(
    ("rule", "text", "lines"),
    [
        ("cut", "abcdefg", ["abcd", "efg"]),
        ("cut", "ab\ncd", ["ab", "cd"]),
        ("soft", "ab cd ef", ["ab", "cd", "ef"]),
        ("soft", "abcdefg", ["abcd", "efg"]),
        ("hard", "a    b", ["a b"]),
        ("id", JOB, ["j-2d", "0f51", "3a"]),
        ("time", "2024-08-01 08:13:20", ["08:1", "3:20"]),
    ],
)
def test_long_cells_follow_their_column_s_rule(rule, text, lines):
    """Each column breaks, cuts or shortens what is longer than its limit."""
    table = render_table([column("x", 4, rule)], [{"x": text}], Style(hide_header=True))
    assert lines == [line.strip() for line in table.splitlines()]


def test_wide_and_csv_show_whole_values():
    """`--wide` drops the limits of a table; csv never has any."""
    columns, items = [column("id", 10, "id"), column("at", 8, "time")], [{"id": JOB, "at": "2024-08-01 08:13:20"}]
    assert f" {JOB}  2024-08-01 08:13:20 \n" == render_table(columns, items, Style(wide=True, hide_header=True))
    assert f"id,at\n{JOB},2024-08-01 08:13:20\n" == render_csv(columns, items)


def test_csv_quotes_as_rfc_4180():
    """Quotes are doubled inside quotes."""
    assert 'x\n"a,""b"\n' == render_csv([column("x")], [{"x": 'a,"b'}])


def test_empty_lists_keep_their_header():
    """An empty table is its header; without header it is nothing."""
    assert [" X \n", ""] == [render_table([column("x")], [], Style(hide_header=hide)) for hide in (False, True)]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_json_and_yaml_say_the_same(value):
    """Whatever the API answers, both forms read back as it."""
    assert value == json.loads(json_text(value)) == json.loads(json_text(value, pretty=True))
    assert "[]\n" == yaml_text([])


@given(st.dictionaries(st.text("abc \n:#-'1", max_size=6), st.text("abc \n:#-'1yesNno", max_size=12), max_size=4))
def test_yaml_reads_back(value):
    """Keys and texts that look like something else are quoted."""
    assert value == yaml.safe_load(yaml_text(value))


def test_json_is_one_line_unless_pretty():
    """Keys stay in the API's order."""
    assert ['{"b":1,"a":"ü"}', '{\n  "b": 1,\n  "a": "ü"\n}'] == [
        json_text({"b": 1, "a": "ü"}, pretty=pretty) for pretty in (False, True)
    ]


def test_yaml_sorts_keys_and_keeps_lines():
    """Keys are sorted at every level, long texts are not wrapped, lines are kept."""
    assert f"a: {'x ' * 60}x\nb: |\n  1\n  2\n" == yaml_text({"b": "1\n2\n", "a": "x " * 60 + "x"})


def test_short_ids():
    """A letter and eight digits of UUIDs, eight characters of libp2p ids, names unchanged."""
    assert ["j-2d0f513a", "2d0f513a", "node-3", "abc"] == [short_id(t) for t in (JOB, JOB[2:], "node-3", "abc")]
    assert ["QmXaXu9N", "node-10"] == [
        short_node_id(t) for t in ("QmXaXu9N5GNetatsvwnTfQqNtSeKAD6uCmarbh3LMRYAcF", "node-10")
    ]


def test_times():
    """Everything is UTC."""
    assert "2024-08-01 08:13:20" == moment(1_722_500_000_123_456_789)
    assert "Aug  1 08:13:20.512" == history_time("2024-08-01T10:13:20.512345678+02:00")
    assert ["0.3s", "12.4s", "01m05.2s"] == [clock(s) for s in (0.3, 12.4, 65.2)]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s ago"), (12, "12s ago"), (300, "5m ago"), (430, "7m10s ago"), (7500, "2h5m ago"), (273600, "3d4h ago")],
)
def test_elapsed_shows_at_most_two_units(seconds, text):
    """A second part of zero is dropped."""
    assert text == elapsed(5 * SECOND, (5 + seconds) * SECOND)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1024, "1024 B"), (1025, "1.0 KB"), (12562847334, "11.7 GB"), (2 * 1024**4, "2.0 TB")],
)
def test_sizes_use_a_unit_for_more_than_one_of_it(count, text):
    """Steps of 1024, one decimal."""
    assert text == human_size(count)


def test_states_have_names():
    """Execution states travel as numbers."""
    assert ["Undefined", "BidAccepted", "Cancelled", "42"] == [state(n) for n in (None, 5, 9, 42)]
    assert "Stopped" == state(2, desired=True)
