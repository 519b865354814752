"""Label requirements and the text of selectors."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.errors import InvalidJobError, InvalidQueryError
from devstack.models.job import Constraint
from devstack.models.selectors import EVERYTHING, parse_selector, requirement

KEYS = st.sampled_from(["a", "b", "gpu", "in", "gt", "exists", "example.com/zone"])
WORDS = st.sampled_from(["", "x", "y", "2", "10", "007", "2.0", "in", "v1.4-rc_2"])
NUMBERS = st.integers(0, 30).map(str)
LABELS = st.dictionaries(KEYS, st.one_of(WORDS, NUMBERS, st.just("-5"), st.just(str(2**64))), max_size=4)
CONSTRAINTS = st.one_of(
    st.builds(Constraint, KEYS, st.sampled_from(["in", "notin"]), st.lists(WORDS, min_size=1).map(tuple)),
    st.builds(Constraint, KEYS, st.sampled_from(["=", "==", "!="]), st.tuples(WORDS)),
    st.builds(Constraint, KEYS, st.sampled_from(["exists", "!"])),
    st.builds(Constraint, KEYS, st.sampled_from(["gt", "lt"]), st.tuples(NUMBERS)),
)


def naive(constraint: Constraint, labels: dict[str, str]) -> bool:
    """The table of rules, row by row, without a thought of speed."""
    present, value, listed = constraint.key in labels, labels.get(constraint.key, ""), list(constraint.values)
    is_number = bool(re.fullmatch("[+-]?[0-9]+", value)) and -(2**63) <= int(value) < 2**63
    return {
        "in": lambda: present and value in listed,
        "=": lambda: present and value == listed[0],
        "==": lambda: present and value == listed[0],
        "notin": lambda: not present or value not in listed,
        "!=": lambda: not present or value != listed[0],
        "exists": lambda: present,
        "!": lambda: not present,
        "gt": lambda: present and is_number and int(value) > int(listed[0]),
        "lt": lambda: present and is_number and int(value) < int(listed[0]),
    }[constraint.operator]()


@given(CONSTRAINTS, LABELS)
def test_a_constraint_matches_by_the_rules_of_kubernetes(constraint: Constraint, labels: dict[str, str]) -> None:
    """A requirement says of any labels what the table of operators says."""
    assert naive(constraint, labels) == requirement(constraint).matches(labels)


@given(st.lists(CONSTRAINTS, max_size=4), LABELS)
def test_a_selector_reads_back_what_it_prints(constraints: list[Constraint], labels: dict[str, str]) -> None:
    """A selector's text means the same requirements, and all of them must hold."""
    text = ",".join(as_query(constraint) for constraint in constraints)
    selector = parse_selector(text, extended=False)  # The extension also takes labels such as `2.0` for numbers.
    assert selector == parse_selector(str(selector), extended=False)
    assert all(naive(constraint, labels) for constraint in constraints) == selector.matches(labels)


def as_query(constraint: Constraint) -> str:
    key, operator, values = constraint.key, constraint.operator, constraint.values
    match operator:
        case "in" | "notin":
            return f"{key} {operator} ( {', '.join(values)} )"
        case "exists":
            return key
        case "!":
            return f"! {key}"
        case _:
            return f"{key} {operator.replace('gt', '>').replace('lt', '<')} {values[0]}"


@given(st.integers(-(10**25), 10**25), st.integers(0, 10**25), st.integers(1, 20))
def test_decimals_are_compared_exactly(value: int, operand: int, places: int) -> None:
    """With the extensions, decimals compare as what they write down, not as floats."""
    labels = {"version": decimal_text(value, places)}
    selector = parse_selector(f"version>{decimal_text(operand, places)}")
    assert (value > operand) == selector.matches(labels)


def decimal_text(scaled: int, places: int) -> str:
    whole, rest = divmod(abs(scaled), 10**places)
    return f"{'-' if scaled < 0 else ''}{whole}.{rest:0{places}d}"


@given(st.text(max_size=30))
def test_any_text_is_a_selector_or_refused(text: str) -> None:
    """No text makes the parser stumble, and whatever is accepted prints as itself."""
    try:
        selector = parse_selector(text)
    except InvalidQueryError:
        return
    assert selector == parse_selector(str(selector))


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ("", {}, True),
        ("k", {"k": ""}, True),
        ("k", {}, False),
        ("!k", {"k": "v"}, False),
        ("k=v", {"k": "V"}, False),
        ("k = v", {"k": "v"}, True),
        ("k=", {"k": ""}, True),
        ("k in ()", {"k": ""}, True),
        ("k in (a,)", {"k": ""}, True),
        ("k in (,a)", {"k": "a"}, True),
        ("k in (a)", {"k": ""}, False),
        ("k=in", {"k": "in"}, True),
        ("in in (in)", {"in": "in"}, True),
        ("exists", {"exists": "1"}, True),
        ("k>2", {"k": "10"}, True),
        ("k>2", {"k": "2.5"}, False),
        ("k<2", {"k": "-5"}, True),
        ("k>2", {"k": str(2**63)}, False),
        ("bacalhau_canary!=true", {}, True),
        ("env=prod,name=compute-1", {"env": "prod", "name": "compute-1"}, True),
        ("env=prod,name=compute-1", {"env": "prod", "name": "compute-2"}, False),
        ("env notin (prod,test)", {"env": "test"}, False),
    ],
)
def test_the_forms_of_a_selector(text: str, labels: dict[str, str], matches: bool) -> None:
    """Each form is true when its row of the reference says so."""
    assert matches == parse_selector(text, extended=False).matches(labels)


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ("k exists", {"k": ""}, True),
        ("k gt 2", {"k": "3"}, True),
        ("k lt 2,a", {"k": "3", "a": ""}, False),
        ("k>2.0", {"k": "2.10"}, True),
        ("k>2.0", {"k": "2"}, False),
        ("k lt 2.5", {"k": "2"}, True),
    ],
)
def test_the_extensions_of_selectors(text: str, labels: dict[str, str], matches: bool) -> None:
    """Operator words and decimals are understood with the extensions, and errors without (D7)."""
    assert matches == parse_selector(text, extended=True).matches(labels)
    with pytest.raises(InvalidQueryError):
        parse_selector(text, extended=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("k x", "unable to parse requirement: found 'x', expected: in, notin, =, ==, !=, gt, lt"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a=b,", "found '', expected: identifier after ','"),
        ("a,,b", "found ',', expected: identifier after ','"),
        (",a", "found ',', expected: !, identifier, or 'end of string'"),
        ("k=a b", "found 'b', expected: ',' or 'end of string'"),
        ("k=a=b", "found '=', expected: ',' or 'end of string'"),
        ("!k=a", "found '=', expected: ',' or 'end of string'"),
        ("k>=2", "unable to parse requirement: found '=', expected: identifier"),
        ("k===a", "unable to parse requirement: found '=', expected: identifier"),
        ("k in a", "unable to parse requirement: found 'a', expected: '('"),
    ],
)
def test_a_bad_selector_says_what_was_found_and_expected(text: str, message: str) -> None:
    """The texts are those of Bacalhau's parser."""
    with pytest.raises(InvalidQueryError) as caught:
        parse_selector(text)
    assert message == caught.value.message


@pytest.mark.parametrize(
    "text",
    ["k=(a)", "k!a", "!", "*", "k='a'", "k=é", "-bad=x", "bad-=x", "a/b/c=1", "/k", "k/", "k=" + "v" * 64, "k gt"],
)
def test_words_that_no_label_can_have_are_refused(text: str) -> None:
    """Keys and values must be such as a label can have."""
    with pytest.raises(InvalidQueryError, match="unable to parse requirement: "):
        parse_selector(text)


def test_a_bad_key_is_explained() -> None:
    """The message says what a key must look like."""
    with pytest.raises(InvalidQueryError, match="name part must consist of alphanumeric characters"):
        parse_selector("-bad=x")


def test_a_bad_operand_is_explained() -> None:
    """The message says what `>` compares with."""
    with pytest.raises(InvalidQueryError, match="for 'Gt', 'Lt' operators, the value must be an integer"):
        parse_selector("k>abc", extended=False)


@pytest.mark.parametrize(
    "constraint",
    [
        Constraint("env", "like", ("x",)),
        Constraint("env", "Gt", ("2",)),
        Constraint("env", " =", ("2",)),
        Constraint("env", "gt", ("2.0",)),
        Constraint("env", "gt", ("-2",)),
        Constraint("env", "gt", (str(2**63),)),
        Constraint("env", "gt", ("1", "2")),
        Constraint("env", "in", ()),
        Constraint("env", "exists", ("x",)),
        Constraint("", "exists"),
        Constraint("a b", "exists"),
        Constraint("A.com/b", "exists"),
        Constraint("env", "=", ("x" * 64,)),
        Constraint("env", "=", ("x ",)),
    ],
)
def test_a_constraint_with_bad_syntax_is_the_jobs_mistake(constraint: Constraint) -> None:
    """Operators are exact, keys and values such as a label can have, and operands whole numbers."""
    with pytest.raises(InvalidJobError):
        requirement(constraint)


def test_a_lenient_constraint_takes_decimals() -> None:
    """Only the strict form insists on whole numbers."""
    wanted = requirement(Constraint("version", "gt", ("2.0",)), strict=False)
    assert [True, False] == [wanted.matches({"version": text}) for text in ("2.1", "2")]


@pytest.mark.parametrize(
    ("constraint", "text"),
    [
        (Constraint("region", "in", ("us", "eu")), "region in us|eu"),
        (Constraint("tier", "=", ("gold",)), "tier = gold"),
        (Constraint("gpu", "exists"), "gpu exists"),
    ],
)
def test_a_requirement_prints_as_messages_show_it(constraint: Constraint, text: str) -> None:
    """Key, operator, values between bars."""
    assert text == str(requirement(constraint))


def test_a_selector_is_sorted_by_key() -> None:
    """Requirements and the values in lists are printed in order."""
    assert "a,k in (x,y),!z" == str(parse_selector("!z,k in (y,x,y),a"))
    assert EVERYTHING == parse_selector("  ")
