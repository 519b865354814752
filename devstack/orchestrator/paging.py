"""Pages of a list, and the token that leads from one to the next.

A token carries order, direction, limit and offset, and overrides what the query says of them.
Source: http_api reference 3.1, orchestrator reference 15.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final, TypeVar

import attrs

from devstack.errors import InvalidQueryError

__all__ = ["PagingToken", "cut", "decode", "encode", "listed_ids", "position"]

_T = TypeVar("_T")
_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]*\Z")
_NUMBER: Final = re.compile(r"[0-9]+\Z")
_UINT32_MAX: Final = 2**32 - 1


@attrs.frozen
class PagingToken:
    """Where a page begins and how the list is ordered; a limit of zero means no limit."""

    order_by: str = ""
    reverse: bool = False
    limit: int = 0
    offset: int = 0


def encode(token: PagingToken) -> str:
    """The token as text: URL-safe base64 without padding."""
    text = f"{token.order_by}:{'Y' if token.reverse else 'N'}:{token.limit}:{token.offset}"
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode(text: str) -> PagingToken:
    """The token that `encode` wrote as that text.

    Raises:
        InvalidQueryError: it wrote no such text.
    """
    if not _ALPHABET.match(text) or len(text) % 4 == 1:
        raise InvalidQueryError(f"failed to decode paging token: invalid paging token: {text}")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode(errors="replace")
    parts = raw.split(":")
    if len(parts) != 4:
        raise InvalidQueryError(f"invalid number of parts: invalid paging token: {text}")
    order_by, direction, limit, offset = parts
    if not (_is_uint32(limit) and _is_uint32(offset)):
        raise InvalidQueryError(f"malformed token: invalid paging token: {text}")
    return PagingToken(order_by, direction == "Y", int(limit), int(offset))


def _is_uint32(text: str) -> bool:
    return bool(_NUMBER.match(text)) and len(text.lstrip("0")) <= 10 and int(text) <= _UINT32_MAX


def position(order_by: str, reverse: bool, limit: int, next_token: str) -> PagingToken:
    """Where a query's page begins.

    Raises:
        InvalidQueryError: the token cannot be read.
    """
    return decode(next_token) if next_token else PagingToken(order_by, reverse, limit)


def cut(items: Iterable[_T], at: PagingToken) -> tuple[list[_T], str]:
    """The page of the ordered items, and the token of the next one (empty on the last page).

    Of an iterator no more is consumed than the page needs.
    """
    if not at.limit:
        return list(islice(items, at.offset, None)), ""
    end = at.offset + at.limit
    page = list(islice(items, at.offset, end + 1))
    if len(page) <= at.limit:
        return page, ""
    return page[: at.limit], encode(attrs.evolve(at, offset=end))


def listed_ids(ids: Sequence[str]) -> str:
    """Ids as messages list them: the first three, then dots."""
    return f"[{' '.join(ids[:3])}{' ...' if len(ids) > 3 else ''}]"
