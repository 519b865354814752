"""YAML that remembers its lines."""

from __future__ import annotations

from itertools import pairwise

import pytest

from devstack.errors import UsageError
from devstack.scenario.yaml_text import Page, read_lines


def refusal(path):
    with pytest.raises(UsageError) as caught:
        read_lines(path)
    assert "\n" not in caught.value.message
    return caught.value.message


def test_every_key_and_item_knows_its_line(write):
    """Also what is inside of something else."""
    content = read_lines(write("a.yaml", "one: 1\ntwo:\n  - {x: 1}\n  - y: 2\n    z: 3\n"))
    assert {"one": 1, "two": [{"x": 1}, {"y": 2, "z": 3}]} == content
    assert ({"one": 1, "two": 2}, [3, 4]) == (content.lines, content["two"].lines)
    assert {"y": 4, "z": 5} == content["two"][1].lines


def test_dates_and_clock_times_are_texts(write):
    """As in Bacalhau's job files."""
    assert {"a": "2020-01-01", "b": "1:30", "c": 16, "d": 0.5} == read_lines(
        write("a.yaml", "{a: 2020-01-01, b: 1:30, c: 0x10, d: .5}")
    )


def test_a_mapping_may_change_what_it_merges(write):
    """`<<` fills in what the mapping itself does not say; only its own keys may not be there twice."""
    text = "base: &base {cpu: 1, memory: 1gb}\nmore: &more {disk: 3}\nnode: {<<: [*base, *more], memory: 2gb}\n"
    assert {"cpu": 1, "memory": "2gb", "disk": 3} == read_lines(write("a.yaml", text))["node"]
    assert "b.yaml:2: the key 'cpu' is there twice" in refusal(write("b.yaml", "cpu: 1\ncpu: 2\n"))


LETTERS = "abcdefghijkl"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in pairwise(LETTERS)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{new}: &{new} {{<<: [{', '.join([f'*{old}'] * 10)}]}}\n" for old, new in pairwise(LETTERS)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "x.yaml:6: this stands for more than 1000000 values"),
        (MERGES, "x.yaml:7: this stands for more than 1000000 values"),
        ("a: &a [*a]", "x.yaml:1: this alias stands for what it is in"),
        ("a: " + "[" * 20_000, "x.yaml:1: the lists and mappings are too deep in one another"),
        ("a: 1\nb: " + "9" * 5000, "x.yaml:2: a number of more than 50 digits"),
        ('a: 1\nb: "\\ud800"', "x.yaml:2: half of a surrogate pair is no text"),
        ("a: !!python/object:os.system x", "x.yaml:1: could not determine a constructor"),
        ("a: 1\n---\nb: 1", "x.yaml:2: but found another document"),
        ("a: \0", "x.yaml:1: unacceptable character"),
        ("#" * 10_000_001, "x.yaml is too large"),
    ],
)
def test_a_hostile_text_is_refused_in_one_line(write, text, words):
    """Quickly, and before anything is made of it."""
    assert words in refusal(write("x.yaml", text))


def test_a_file_that_cannot_be_read_is_named(write, tmp_path):
    """A folder, none at all, or bytes that are no text."""
    assert f"cannot read {tmp_path}: is a directory" == refusal(tmp_path)
    assert "no such file or directory" in refusal(tmp_path / "none.yaml")
    path = write("x.yaml", "")
    path.write_bytes(b"a: \xff\xfe")
    assert f"{path} is no UTF-8 text" == refusal(path)


def test_a_page_tells_mistakes_where_they_are(write):
    """An alien key, a wrong kind, a number that cannot be; long values are cut."""
    page = Page(write("x.yaml", f"a: 1\nb: -1\nc: [1]\n{'k' * 500}: 1\n"))
    for look, words in [
        (lambda: page.table(page.content, 1, "it", "abc"), r"x\.yaml:4: unknown key 'k{56}\.\.\. of it"),
        (lambda: page.table(3, 7, "it", "abc"), r"x\.yaml:7: it is a mapping"),
        (lambda: page.number(page.content, "b", 0), r"x\.yaml:2: b cannot be -1"),
        (lambda: page.number(page.content, "a", 0, most=0), r"x\.yaml:1: a cannot be 1"),
        (lambda: page.rows(page.content, "a", "x"), r"x\.yaml:1: a is a list"),
        (lambda: page.rows(page.content, "c", "x"), r"x\.yaml:3: an entry of c is a mapping"),
    ]:
        with pytest.raises(UsageError, match=words):
            look()
    assert (1, 5, []) == (
        page.number(page.content, "a", 0), page.number(page.content, "z", 5), page.rows(page.content, "z", "x")
    )  # fmt: skip
