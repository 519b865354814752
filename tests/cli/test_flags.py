"""Go's flag syntax."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from devstack.cli.flags import Command, comma_list, option, switch
from devstack.cli.main import cli


@click.command(cls=Command)
@click.argument("image")
@click.argument("rest", nargs=-1)
@switch("--wait", default=True)
@switch("-f", "--follow")
@switch("-t", "--tail")
@option("-p", "--publisher", default="")
@option("-l", "--labels", multiple=True, callback=comma_list)
@option("--limit", type=int, default=0)
def probe(**values):
    click.echo(repr(values))


def parsed(*args):
    result = CliRunner().invoke(probe, list(args), standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return eval(result.stdout)


@pytest.mark.parametrize("word", ["false", "0", "f", "F", "FALSE", "False"])
def test_switch_takes_go_s_words_after_an_equals_sign(word):
    """`--wait=false` switches off, in each of Go's spellings."""
    assert parsed(f"--wait={word}", "i")["wait"] is False


def test_switch_never_takes_the_next_argument():
    """`--follow image`: the image stays the image."""
    assert ("image", True) == (parsed("--follow", "image")["image"], parsed("--follow", "image")["follow"])


@pytest.mark.parametrize("args", [["-p=s3://b/k"], ["-ps3://b/k"], ["-p", "s3://b/k"], ["--publisher=s3://b/k"]])
def test_short_value_may_follow_in_every_form(args):
    """The equals sign of `-p=VALUE` is no part of the value."""
    assert "s3://b/k" == parsed(*args, "i")["publisher"]


def test_short_switches_may_be_grouped():
    """`-ft` is `-f -t`, and the last of a group may take a value."""
    found = parsed("-ftplocal", "i")
    assert (True, True, "local") == (found["follow"], found["tail"], found["publisher"])


def test_options_may_come_after_positionals_until_two_dashes():
    """Everything behind `--` is positional, whatever it looks like."""
    found = parsed("i", "--limit", "-5", "a", "--", "-x", "--wait=false")
    assert ("i", ("a", "-x", "--wait=false"), -5, True) == (
        found["image"],
        found["rest"],
        found["limit"],
        found["wait"],
    )


def test_comma_lists_repeat_and_may_be_quoted():
    """A list flag splits at commas outside CSV quotes, and accumulates."""
    assert ("a", "b,c", "d") == parsed("-l", 'a,"b,c"', "-l", "d", "i")["labels"]


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["--what", "i"], "unknown flag: --what"),
        (["-xoo"], "unknown shorthand flag: 'x' in -xoo"),
        (["i", "--publisher"], "flag needs an argument: --publisher"),
        (["i", "-p"], "flag needs an argument: 'p' in -p"),
        (["--wait=perhaps", "i"], 'invalid argument "perhaps" for "--wait" flag: it is true or false'),
        ([], "requires at least 1 arg(s), only received 0: IMAGE [REST]..."),
    ],
)
def test_mistakes_are_worded_as_go_s(args, text):
    """Bacalhau's users, and its tests, know these texts."""
    with pytest.raises(click.UsageError) as caught:
        parsed(*args)
    assert text == caught.value.format_message()


@given(st.lists(st.text(max_size=5), max_size=4))
def test_whatever_follows_two_dashes_arrives_unchanged(words):
    """Arguments of the program in the container are nobody else's business."""
    assert tuple(words) == parsed("i", "--", *words)["rest"]


def test_every_command_takes_the_global_flags():
    """The server can be named before or behind the command."""

    def walk(command, ctx):
        assert "--api-host" in {name for param in command.get_params(ctx) for name in param.opts}
        for name in command.list_commands(ctx) if isinstance(command, click.Group) else []:
            walk(
                command.get_command(ctx, name),
                click.Context(command, parent=ctx, info_name=name, **command.context_settings),
            )

    walk(cli, click.Context(cli, info_name="devstack", **cli.context_settings))
