"""Which objects an input means, without a server."""

from __future__ import annotations

from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.adapters.s3 import objects
from devstack.adapters.s3.objects import find_objects, local_path, read_source
from devstack.errors import AdapterError
from devstack.models.job import SpecConfig


@pytest.mark.parametrize(
    ("key", "prefix", "place"),
    [
        ("a/b/001.txt", "a/b/001.txt", "001.txt"),
        ("a/b/001.txt", "a/b/00", "001.txt"),
        ("a/set1/001.txt", "a/set", "set1/001.txt"),
        ("a/b/c/d", "a/b/", "c/d"),
        ("a/b/c/", "a/b/", "c"),
        ("a/b/", "a/b/", ""),
        ("a/b", "", "a/b"),
        ("dir2/x", "dir", "dir2/x"),
        ("a\\b", "", "a\\b"),
        ("/a/x", "/a/", "x"),
    ],
)
def test_the_folders_that_key_and_prefix_share_are_left_out(key: str, prefix: str, place: str):
    """As Bacalhau names them."""
    assert place == local_path(key, prefix)


@given(key=st.text("ab/.\\\0 é"), prefix=st.text("ab/."))
def test_no_place_leads_out_of_the_folder(key: str, prefix: str):
    """Whatever the key: it is refused, or its place is a plain path below the folder."""
    try:
        place = local_path(prefix + key, prefix)
    except AdapterError:
        return
    assert not place.startswith("/") and "\0" not in place
    assert not {"", ".", ".."} & set(place.split("/")) or place == ""
    assert PurePosixPath("/in") in PurePosixPath("/in", place, "x").parents


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (SpecConfig("ipfs", {"a": 1}), "invalid storage source type. expected s3, but received: ipfs"),
        (SpecConfig("s3"), "invalid storage source params. cannot be nil"),
        (SpecConfig("s3", {"Key": "k"}), "invalid s3 storage params: bucket cannot be empty"),
        (SpecConfig("s3", {"Bucket": " "}), "invalid s3 storage params: bucket cannot be empty"),
        (SpecConfig("s3", {"Bucket": "b", "Key": 7}), "invalid s3 storage params: Key must be a text, not 7"),
    ],
)
def test_bad_parameters_are_named(spec: SpecConfig, text: str):
    """Before any server is asked."""
    with pytest.raises(AdapterError) as caught:
        read_source(spec)
    assert text == caught.value.message


def test_names_of_parameters_are_read_in_any_case():
    """As everywhere."""
    params = {"BUCKET": "b", "key": "k", "versionid": "v", "checksumsha256": "c", "endpoint": "e", "region": "r"}
    found = read_source(SpecConfig("S3", params))
    assert ("b", "k", "v", "c", "e", "r") == (
        found.bucket, found.key, found.version_id, found.checksum, found.endpoint, found.region,
    )  # fmt: skip


class Listing:
    """A client that only lists."""

    def __init__(self, *keys: str) -> None:
        self.keys = keys

    def get_paginator(self, name: str) -> Any:
        page = {"Contents": [{"Key": key, "Size": 1} for key in self.keys]}
        return SimpleNamespace(paginate=lambda Bucket, Prefix: [page])  # noqa: N803


def test_a_pattern_that_cannot_be_read_is_named():
    """And so is what the job's own words were."""
    with pytest.raises(AdapterError, match="invalid regex pattern: missing \\]: \\[a") as caught:
        find_objects(Listing(), read_source(SpecConfig("s3", {"Bucket": "b", "Filter": "[a"})))
    assert "the Filter is '[a'" == caught.value.hint


def test_a_hostile_pattern_costs_no_more_than_others():
    """Python's own patterns would be busy with this one for ever."""
    spec = SpecConfig("s3", {"Bucket": "b", "Filter": "(a+)+$"})
    assert [] == find_objects(Listing("a" * 1000 + "b"), read_source(spec))


def test_a_listing_has_an_end(monkeypatch: pytest.MonkeyPatch):
    """A bucket may hold any number of objects."""
    monkeypatch.setattr(objects, "MOST_OBJECTS", 2)
    with pytest.raises(AdapterError, match="s3://b/ means more than 2 objects"):
        find_objects(Listing("a", "b", "c"), read_source(SpecConfig("s3", {"Bucket": "b"})))
