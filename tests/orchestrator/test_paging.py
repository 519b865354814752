"""Pages and their tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.errors import InvalidQueryError
from devstack.orchestrator.paging import PagingToken, cut, decode, encode, listed_ids, position

UINT32 = st.integers(0, 2**32 - 1)
TOKENS = st.builds(
    PagingToken, st.text(st.characters(exclude_characters=":", codec="utf-8")), st.booleans(), UINT32, UINT32
)


@given(TOKENS)
def test_a_token_reads_back_as_what_was_written(token: PagingToken) -> None:
    """Any order without a colon survives the way to the client and back."""
    assert token == decode(encode(token))


@given(st.text(max_size=20))
def test_any_text_is_a_token_or_refused(text: str) -> None:
    """No text makes the decoder stumble."""
    try:
        decode(text)
    except InvalidQueryError as exc:
        assert exc.message.endswith(f"invalid paging token: {text}")


@given(st.lists(st.integers()), st.integers(0, 5), st.booleans())
def test_pages_put_together_are_the_list(items: list[int], limit: int, lazy: bool) -> None:
    """Following the tokens gives every item once, in order, and the last page has no token."""
    seen: list[int] = []
    at = PagingToken(limit=limit)
    while True:
        page, token = cut(iter(items) if lazy else items, at)
        seen += page
        if not token:
            break
        assert limit == len(page)
        at = decode(token)
    assert items == seen


@pytest.mark.parametrize(
    ("token", "text"),
    [
        (PagingToken("created_at", True, 10, 0), "Y3JlYXRlZF9hdDpZOjEwOjA"),
        (PagingToken("id", True, 25, 50), "aWQ6WToyNTo1MA"),
        (PagingToken("", False, 2, 2), "Ok46Mjoy"),
    ],
)
def test_tokens_are_written_as_bacalhau_writes_them(token: PagingToken, text: str) -> None:
    """Order, direction, limit and offset, in base64 without padding."""
    assert (text, token) == (encode(token), decode(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("aWQ6WToyNTo1MA==", "failed to decode paging token: invalid paging token: aWQ6WToyNTo1MA=="),
        ("a+b/", "failed to decode paging token: invalid paging token: a+b/"),
        ("abcde", "failed to decode paging token: invalid paging token: abcde"),
        ("aWQ6WQ", "invalid number of parts: invalid paging token: aWQ6WQ"),
        ("OlllczotMTow", "malformed token: invalid paging token: OlllczotMTow"),
        ("Ok46NDI5NDk2NzI5Njow", "malformed token: invalid paging token: Ok46NDI5NDk2NzI5Njow"),
    ],
)
def test_bad_tokens_are_refused_by_what_is_wrong(text: str, message: str) -> None:
    """Alphabet, number of parts, numbers."""
    with pytest.raises(InvalidQueryError) as caught:
        decode(text)
    assert message == caught.value.message


def test_a_text_that_is_no_token_is_refused() -> None:
    """`abc` decodes to bytes, but not to a token."""
    with pytest.raises(InvalidQueryError):
        decode("abc")


def test_another_direction_than_y_is_forwards() -> None:
    """Only Y means reversed."""
    assert decode("Ong6MTow") == PagingToken("", False, 1, 0)


def test_a_token_overrides_the_query() -> None:
    """Order, direction and limit beside a token do not count."""
    assert PagingToken("created_at", True, 2, 1) == position("id", False, 7, "Y3JlYXRlZF9hdDpZOjI6MQ")


def test_an_offset_past_the_end_gives_an_empty_last_page() -> None:
    """Nothing is left, and nothing follows."""
    assert ([], "") == cut([1, 2], PagingToken(limit=1, offset=9))


@pytest.mark.parametrize(("ids", "text"), [("ab", "[a b]"), ("abc", "[a b c]"), ("abcd", "[a b c ...]")])
def test_messages_list_three_ids(ids: str, text: str) -> None:
    """Three ids, and dots for more."""
    assert text == listed_ids(list(ids))
