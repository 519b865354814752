"""Reads the part of Go's text/template that job files use, into a tree. Source: command line reference 3.2.

A template is text with actions in `{{ }}`. It is cut into pieces, and the pieces become a tree (an `if` holds two lists
of nodes). Pipelines are read by recursive descent: `pipeline = command {"|" command}`, `command = operand {operand}`,
`operand = .name | $name | "text" | `text` | number | word | (pipeline)`. What Go knows and we do not is an error that
names it, never text passed through.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container
from typing import Any, Final

import attrs

from devstack.errors import InvalidJobError

__all__ = ["If", "Name", "Node", "Pipeline", "parse"]


def parse(text: str, functions: Container[str]) -> list[Node]:
    """The tree of a template that may call these functions.

    Raises:
        InvalidJobError: what cannot be read, with its line.
    """
    return _Parser(_pieces(text), functions).parse_all()


# Pieces: plain text, or the inside of an action with its line


@attrs.frozen
class _Piece:
    text: str
    line: int
    is_action: bool


def _pieces(text: str) -> list[_Piece]:
    pieces: list[_Piece] = []
    at = 0
    trim_left = False
    while (start := text.find("{{", at)) >= 0:
        end = _action_end(text, start)
        inside = text[start + 2 : end]
        plain = text[at:start]
        if re.match(r"-\s", inside):
            plain, inside = plain.rstrip(), inside[1:]
        pieces.append(_Piece(_left_trimmed(plain, trim_left), 0, False))
        if trim_left := bool(re.search(r"\s-$", inside)):
            inside = inside[:-1]
        pieces.append(_Piece(inside.strip(), text.count("\n", 0, start) + 1, True))
        at = end + 2
    return [*pieces, _Piece(_left_trimmed(text[at:], trim_left), 0, False)]


def _left_trimmed(text: str, trim: bool) -> str:
    return text.lstrip() if trim else text


_INSIDE: Final = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|`[^`]*`|\}\}', re.DOTALL)


def _action_end(text: str, start: int) -> int:
    """Where the `}}` of the action is that begins at `start`; one in a string or comment does not count."""
    for match in _INSIDE.finditer(text, start + 2):
        if match[0] == "}}":
            return match.start()
    raise _unreadable("unclosed action", text.count("\n", 0, start) + 1)


def _unreadable(what: str, line: int) -> InvalidJobError:
    return InvalidJobError(f"failed to parse template: line {line}: {what}")


# The tree

Node = Any  # text, an If or a Pipeline


@attrs.frozen
class If:
    condition: Pipeline
    then: list[Node]
    otherwise: list[Node]


@attrs.frozen
class Pipeline:
    """Commands whose results flow to the right, and the variable that takes the last one, if any."""

    commands: list[list[Any]]
    line: int
    assigns: str = ""


@attrs.frozen
class Name:
    """A field `.x`, a variable `$x` or a function `x`."""

    kind: str
    name: str


_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<text>"(?:\\.|[^"\\])*"|`[^`]*`)|(?P<number>-?\d+\b)|(?P<field>\.\w+)|(?P<variable>\$\w*)"""
    r"""|(?P<word>[A-Za-z_]\w*)|(?P<sign>:=|=|\||\(|\)|\.))"""
)


def _tokens(piece: _Piece) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(piece.text.rstrip()):
        match = _TOKEN.match(piece.text, at)
        if match is None or match.lastgroup is None:
            raise _unreadable(f"{piece.text[at:].strip()[:20]!r} is not understood here", piece.line)
        tokens.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return tokens


class _Parser:
    """Builds the tree; `_next` is the piece to look at."""

    def __init__(self, pieces: list[_Piece], functions: Container[str]) -> None:
        self._pieces = pieces
        self._functions = functions
        self._next = 0

    def parse_all(self) -> list[Node]:
        nodes, ended_by = self._nodes(inside_of=0)
        assert ended_by == ""  # at the outermost level only the end of the text ends the nodes
        return nodes

    def _nodes(self, inside_of: int) -> tuple[list[Node], str]:
        """The nodes up to the `else` or `end` of the `if` on line `inside_of`, and that action's text."""
        nodes: list[Node] = []
        while self._next < len(self._pieces):
            piece = self._pieces[self._next]
            self._next += 1
            word = piece.text.partition(" ")[0]
            if not piece.is_action:
                nodes.append(piece.text)
            elif word in ("else", "end"):
                if not inside_of:
                    raise _unreadable(f"unexpected {{{{{word}}}}}", piece.line)
                return nodes, piece.text
            elif word == "if":
                nodes.append(self._if(attrs.evolve(piece, text=piece.text[2:])))
            elif not piece.text.startswith("/*"):
                nodes.append(_pipeline(piece, self._functions))
        if inside_of:
            raise _unreadable("{{if}} without {{end}}", inside_of)
        return nodes, ""

    def _if(self, piece: _Piece) -> If:
        condition = _pipeline(piece, self._functions)
        then, ended_by = self._nodes(piece.line)
        otherwise: list[Node] = []
        if ended_by.split()[:2] == ["else", "if"]:
            otherwise = [self._if(attrs.evolve(piece, text=ended_by.split("if", 1)[1]))]
        elif ended_by == "else":
            otherwise, ended_by = self._nodes(piece.line)
            if ended_by != "end":
                raise _unreadable("{{else}} after {{else}}", piece.line)
        return If(condition, then, otherwise)


def _pipeline(piece: _Piece, functions: Container[str]) -> Pipeline:
    tokens = _tokens(piece)
    assigns = ""
    if len(tokens) > 1 and tokens[0][0] == "variable" and tokens[1][1] in (":=", "="):
        assigns, tokens = tokens[0][1], tokens[2:]
    pipeline, rest = _commands(tokens, piece.line, functions)
    if rest:
        raise _unreadable(f"unexpected {rest[0][1]!r}", piece.line)
    return attrs.evolve(pipeline, assigns=assigns)


def _commands(
    tokens: list[tuple[str, str]], line: int, functions: Container[str]
) -> tuple[Pipeline, list[tuple[str, str]]]:
    commands: list[list[Any]] = [[]]
    while tokens and tokens[0][1] != ")":
        (kind, text), tokens = tokens[0], tokens[1:]
        if text == "|" and kind == "sign":
            commands.append([])
        elif text == "(" and kind == "sign":
            inner, tokens = _commands(tokens, line, functions)
            if not tokens:
                raise _unreadable("unclosed left paren", line)
            commands[-1].append(inner)
            tokens = tokens[1:]
        else:
            commands[-1].append(_operand(kind, text, line, functions))
    if not all(commands):
        raise _unreadable("missing value for command", line)
    return Pipeline(commands, line), tokens


def _operand(kind: str, text: str, line: int, functions: Container[str]) -> Any:
    if kind == "text":
        return text[1:-1] if text[0] == "`" else _unquoted(text, line)
    if kind == "number":
        return int(text)
    if kind == "word" and text in ("true", "false"):
        return text == "true"
    if kind == "word" and text not in functions:
        raise _unreadable(f"{text!r} is not supported", line)
    if kind == "sign" and text != ".":
        raise _unreadable(f"unexpected {text!r}", line)
    return Name(kind, text)


def _unquoted(text: str, line: int) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        raise _unreadable(f"{text} is no string", line) from None
