"""The folder of cassettes."""

from __future__ import annotations

import pytest

from devstack.adapters.cassette import CassetteLibrary, MissingCassetteError, Recorded, recipe_of
from devstack.errors import AdapterError
from tests.adapters.cassette.conftest import MakeRequest


def test_what_was_kept_is_found(library: CassetteLibrary, make_request: MakeRequest) -> None:
    """A cassette is found by what the run is made of."""
    recipe, recorded = recipe_of(make_request("echo")), Recorded(0, 10**9, b"hi\n")
    assert library.find(recipe) is None
    path = library.keep(recipe, recorded)
    assert recorded == library.find(recipe)
    assert [path] == list(library.folder.iterdir())


def test_a_cassette_that_changed_is_read_again(library: CassetteLibrary, make_request: MakeRequest) -> None:
    """Files are read once, but a new recording counts at once."""
    recipe = recipe_of(make_request("echo"))
    library.keep(recipe, Recorded(0, 10**9))
    assert 0 == library.get(recipe).exit_code
    library.keep(recipe, Recorded(3, 10**9, b"a longer one"))
    assert 3 == library.get(recipe).exit_code


def test_a_missing_cassette_names_its_key_and_the_command(library: CassetteLibrary, make_request: MakeRequest) -> None:
    """The error says what is missing and what to type, and nothing of where this checkout lies."""
    recipe = recipe_of(make_request("echo", "hi"))
    with pytest.raises(MissingCassetteError) as caught:
        library.get(recipe)
    assert recipe.key in caught.value.message
    assert "devstack scenario run f.py --docker record" in caught.value.message
    assert str(library.folder.parent) not in caught.value.message


def test_a_cassette_that_cannot_be_kept_is_told(library: CassetteLibrary, make_request: MakeRequest) -> None:
    """A file in the folder's place: nothing is kept, and nothing is left."""
    library.folder.write_text("")
    with pytest.raises(AdapterError, match="cannot keep the cassette"):
        library.keep(recipe_of(make_request("echo")), Recorded(0, 1))
