"""Templates in job files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.cli.template import fill_in, variables
from devstack.errors import InvalidJobError, UsageError

DATA = {"x": "1", "a_b": "two", "empty": ""}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{{.x}}-{{ .a_b }}", "1-two"),
        ('{{or (index . "start-time") "now"}}', "now"),
        ('{{or (index . "start-time") ""}}', ""),
        ('{{index . "x"}}', "1"),
        ("{{`raw }}`}}", "raw }}"),
        ('{{"a\\"}}"}}', 'a"}}'),
        ("a  {{- .x -}}  b", "a1b"),
        ("a{{/* a }} comment */}}b", "ab"),
        ("{{if .empty}}yes{{else}}no{{end}}", "no"),
        ("{{if .empty}}1{{else if .x}}2{{else}}3{{end}}", "2"),
        ('{{if and (eq .x "1" "2") (not .empty)}}y{{end}}', "y"),
        ('{{if ne .x "1"}}y{{end}}', ""),
        ('{{.x | printf "%s-%s" "v"}}', "v-1"),
        ("{{$v := .x}}{{$v}}{{$v}}", "11"),
        ("{{len .a_b}}", "3"),
        ('{"a": {"b": 1}} {% x %} {# y #} ${z}', '{"a": {"b": 1}} {% x %} {# y #} ${z}'),
    ],
)
def test_constructs_of_job_files(text, filled):
    """What occurs in examples and documentation; only `{{` opens an action."""
    assert filled == fill_in(text, DATA)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a\n{{.missing}}", 'failed to execute template: line 2: there is no value for "missing"'),
        ("{{.start-time}}", "failed to parse template: line 1: '-time' is not understood here"),
        ("{{range .x}}{{end}}", "failed to parse template: line 1: 'range' is not supported"),
        ("{{if .x}}", "failed to parse template: line 1: {{if}} without {{end}}"),
        ("{{end}}", "failed to parse template: line 1: unexpected {{end}}"),
        ("{{.x", "failed to parse template: line 1: unclosed action"),
        ("{{(.x}}", "failed to parse template: line 1: unclosed left paren"),
        ("{{.x)}}", "failed to parse template: line 1: unexpected ')'"),
        ("{{}}", "failed to parse template: line 1: missing value for command"),
        ("{{.x .x}}", "failed to execute template: line 1: can't give argument to non-function"),
        ("{{not}}", "failed to execute template: line 1: not cannot be called like this"),
        ("{{$v}}", 'failed to execute template: line 1: undefined variable "$v"'),
    ],
)
def test_what_cannot_be_filled_in_is_named_with_its_line(text, error):
    """Nothing is passed through in silence."""
    with pytest.raises(InvalidJobError) as caught:
        fill_in(text, DATA)
    assert error in caught.value.message


@given(st.text().filter(lambda text: "{{" not in text))
def test_text_without_actions_is_unchanged(text):
    """Whatever a file holds."""
    assert text == fill_in(text, {})


@given(st.text("ab{}. \"'`\n|()-$", max_size=12))
def test_any_template_is_filled_in_or_refused_in_words(text):
    """Never a traceback."""
    try:
        fill_in("{{" + text, {"a": "1"})
    except InvalidJobError as exc:
        assert "template: line " in exc.message


@given(st.text(min_size=1))
def test_values_are_put_in_as_they_are(value):
    """Plain substitution: quoting is the author's job."""
    assert f"<{value}>" == fill_in("<{{.v}}>", {"v": value})


def test_variables_come_from_flags_and_chosen_environment(monkeypatch):
    """`-V` wins; without a pattern no environment is visible; `*` is all of it."""
    monkeypatch.setattr("os.environ", {"ENV_A": "env", "OTHER_B": "other", "SHELL": "sh"})
    assert {} == variables([], "")
    assert {"ENV_A": "flag", "OTHER_B": "other"} == variables(["ENV_A=flag"], "ENV_*|OTHER_*")
    assert {} == variables([], "NON_EXISTENT_*")
    assert "env" == variables([], "*")["ENV_A"]


def test_pairs_follow_go_s_rules():
    """One `=`: all of it is one pair, commas too; more: a CSV record of pairs."""
    assert {"q": "a,b"} == variables(["q=a,b"], "")
    assert {"greeting": "Hello", "name": "World"} == variables(["greeting=Hello,name=World"], "")
    assert {"q": "x"} == variables(['"q=x"'], "")
    for bad in ("noequals", "a=b,c=d,e"):
        with pytest.raises(UsageError, match="must be formatted as key=value"):
            variables([bad], "")
    with pytest.raises(UsageError, match="--template-envs"):
        variables([], "(")
