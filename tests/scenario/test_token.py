"""The token that repeats a run."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.errors import UsageError
from devstack.scenario.token import Token

TEXTS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=20)
TOKENS = st.builds(
    Token,
    file=TEXTS,
    name=TEXTS,
    seed=st.integers(0, 2**40),
    nodes=st.none() | st.integers(1, 99),
    behaviour=st.lists(st.sampled_from(["v1.4.0", "ops-never-retried=off", "documented"]), max_size=3).map(tuple),
    faults=st.lists(st.fixed_dictionaries({"crash": TEXTS}), max_size=2).map(tuple),
    strict=st.booleans(),
    docker=st.sampled_from(["", "off", "record"]),
    digest=st.sampled_from(["", "0123456789ab"]),
)


@given(TOKENS)
def test_a_token_reads_as_what_was_written(token):
    """Text and value say the same."""
    assert token == Token.parse(str(token))


@given(TOKENS)
def test_a_shell_takes_a_token_as_one_word_without_quotes(token):
    """Nothing in it needs quoting but what file systems and shells take everywhere."""
    assert [str(token)] == shlex.split(str(token))
    assert not set(str(token)) & set(" '\"\\$`!*?[]{}()<>|&;~#\n")


def test_a_token_is_readable():
    """File, scenario, seed, and what was asked for beside."""
    token = Token("scenarios/lost.py", "lost", 7, nodes=3, behaviour=("v1.4.0",), digest="dff2262b45d89999")
    assert "scenarios/lost.py::lost@7,nodes=3,behaviour=v1.4.0,digest=dff2262b45d8" == str(token)


@pytest.mark.parametrize(
    "text", ["", "x", "a.py::b", "a.py@1", "a.py::b@x", "a.py::b@1,odd=2", "a.py::b@1,nodes=x", "a.py::b@1,faults=x"]
)
def test_what_is_no_token_is_refused(text):
    """With a word of what one looks like, or of the part that is wrong."""
    with pytest.raises(UsageError, match="token"):
        Token.parse(text)
