"""Cassettes as files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.adapters.cassette import Cassette, Recipe, Recorded
from devstack.errors import AdapterError

PARTS = {"image": "busybox", "entrypoint": [], "parameters": ["echo", "hi"], "network": {"type": "None"}}
texts = st.text().map(lambda text: text.encode(errors="replace"))
recordings = st.builds(
    Recorded,
    exit_code=st.integers(-1, 255),
    duration_ns=st.integers(1, 10**9).map(lambda ms: ms * 1_000_000),
    stdout=texts | st.binary(),
    stderr=texts | st.binary(),
    error=st.text(st.characters(codec="ascii")),
    ends=st.booleans(),
    files=st.dictionaries(st.text("abc/.", min_size=1), st.binary()),
    left_out=st.lists(st.text("abc", min_size=1)).map(tuple),
    image_id=st.just("") | st.just("sha256:1f"),
)


@given(recordings)
def test_a_cassette_is_read_as_it_was_written(recorded: Recorded) -> None:
    """Whatever a program writes survives the file, bytes that are no text as well."""
    cassette = Cassette(Recipe(PARTS), recorded)
    assert cassette == Cassette.from_text(cassette.to_text(), "x.yaml")


def test_people_can_read_a_cassette() -> None:
    """Text is there as it was written, and a duration as people write it."""
    text = Cassette(Recipe(PARTS), Recorded(0, 1_500_000_000, b"one\ntwo\n")).to_text()
    assert "  duration: 1.5s\n  stdout: |\n    one\n    two\n" in text


def test_a_run_that_was_edited_is_refused() -> None:
    """The key belongs to the run: who edits the run gets another run, which nobody has recorded."""
    text = Cassette(Recipe(PARTS), Recorded(0, 10**9)).to_text().replace("- hi", "- ho")
    with pytest.raises(AdapterError, match="edited by hand"):
        Cassette.from_text(text, "x.yaml")


def test_an_outcome_may_be_edited() -> None:
    """What came of it is for people to change: `what if it had failed?`"""
    text = Cassette(Recipe(PARTS), Recorded(0, 10**9)).to_text().replace("exit_code: 0", "exit_code: 7")
    assert 7 == Cassette.from_text(text, "x.yaml").recorded.exit_code


@pytest.mark.parametrize("text", ["", "[]", "key: 1", ":", "key: x\nrun: {image: a}\noutcome: {exit_code: many}", "\0"])
def test_a_file_that_is_no_cassette_is_named(text: str) -> None:
    """Anything else is refused with the file's name."""
    with pytest.raises(AdapterError, match=r"^x\.yaml is no cassette"):
        Cassette.from_text(text, "x.yaml")
