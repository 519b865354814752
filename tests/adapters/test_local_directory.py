"""Input from this machine, and the allow-list."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.adapters.local_directory import LocalDirectoryStorage, glob_regex, parse_allow_list
from devstack.errors import AdapterError, UsageError
from devstack.models.job import InputSource, SpecConfig
from devstack.runtime.ports import PreparedInput


def matches(pattern: str, path: str) -> bool:
    return bool(re.fullmatch(glob_regex(pattern), path, re.DOTALL))


def storage(*entries: object) -> LocalDirectoryStorage:
    return LocalDirectoryStorage(parse_allow_list(str(entry) for entry in entries))


def source(path: object, **params: object) -> SpecConfig:
    return SpecConfig("localDirectory", {"SourcePath": str(path), **params})


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/a", "/a", True),
        ("/a", "/a/b", False),
        ("/a/*", "/a/b", True),
        ("/a/*", "/a/b/c", False),
        ("/a/*", "/a", False),
        ("/a/b*d", "/a/bccd", True),
        ("/a/**", "/a", True),
        ("/a/**", "/a/b/c", True),
        ("/a/**", "/ab", False),
        ("/a/**/d", "/a/d", True),
        ("/a/**/d", "/a/b/c/d", True),
        ("/a/**/d", "/a/bd", False),
        ("/a/b**", "/a/bcd", True),
        ("/a/b**", "/a/b/c", False),
        ("**", "/any/thing", True),
        ("/a/?", "/a/b", True),
        ("/a?b", "/a/b", False),
        ("/[ab]", "/b", True),
        ("/[a-c]x", "/bx", True),
        ("/[^a-c]", "/b", False),
        ("/[!a-c]", "/d", True),
        ("/x[^a]y", "/x/y", False),
        ("/[-x]", "/-", True),
        ("/{a,b/c}/d", "/b/c/d", True),
        ("/{a,b{1,2}}", "/b2", True),
        ("/{a,**}/x", "/p/q/x", True),
        ("/a,b", "/a,b", True),
        (r"/\*", "/*", True),
        (r"/\*", "/a", False),
        ("/a.b", "/axb", False),
        ("/a\nb/**", "/a\nb/c\nd", True),
    ],
)
def test_globs(pattern, path, expected):
    """`*` stays within a name, `**` crosses folders, `?`, `[..]` and `{a,b}` as usual."""
    assert expected is matches(pattern, path)


NAMES = st.text("abc.-+", min_size=1, max_size=4)
PATHS = st.lists(NAMES, min_size=1, max_size=5)


@given(path=PATHS)
def test_a_path_without_special_characters_matches_itself_alone(path):
    """A plain pattern is the path and nothing else."""
    text = "/" + "/".join(path)
    assert matches(text, text)
    assert not matches(text, text + "/x")
    assert not matches(text, text + "x")


@given(path=PATHS, below=st.lists(NAMES, max_size=4))
def test_two_stars_cover_a_folder_and_all_below(path, below):
    """`F/**` matches F and everything under it, and nothing beside it."""
    folder = "/" + "/".join(path)
    assert matches(folder + "/**", "/".join([folder, *below]))
    assert not matches(folder + "/**", "/".join([folder + "x", *below]))


@given(path=PATHS, at=st.integers(0, 4))
def test_one_star_stands_for_exactly_one_name(path, at):
    """A name replaced by `*` still matches; a pattern of stars matches paths of its own length only."""
    at %= len(path)
    pattern = "/" + "/".join([*path[:at], "*", *path[at + 1 :]])
    assert matches(pattern, "/" + "/".join(path))
    assert not matches("/*" * (len(path) + 1), "/" + "/".join(path))


@given(st.text("ab/*?[]{}\\,-^!", max_size=8), st.text("ab/*-", max_size=6))
def test_any_pattern_is_read_or_refused(pattern, path):
    """An operator's slip is an error for people, never a crash."""
    try:
        entries = parse_allow_list([pattern])
    except UsageError:
        return
    for entry in entries:
        assert entry.allows(path, writing=False) in (True, False)


@pytest.mark.parametrize("entry", ["/a[", "/a[^", "/{a,b", "/a}", "/a\\", "/[]", "/[z-a]"])
def test_an_unreadable_pattern_is_the_operators_error(entry):
    """The entry is named."""
    with pytest.raises(UsageError, match=re.escape(repr(entry))):
        parse_allow_list([entry])


async def test_what_is_allowed(tmp_path):
    """T155 to T161: the path itself, or a pattern that covers it; without a list nothing."""
    file = tmp_path / "file1"
    file.write_text("x")
    for entry in (file, tmp_path / "file*", f"{tmp_path}/file*1", f"{tmp_path}/**", f"{file}:ro", f"{file}:rw"):
        assert await storage(entry).has_locally(source(file)), entry
    assert await storage(tmp_path).has_locally(source(tmp_path))
    assert not await storage().has_locally(source(file))
    assert not await storage(tmp_path).has_locally(source(file))


async def test_writing_must_be_allowed(tmp_path):
    """T163, T165: a read-write source needs a `:rw` entry; the first entry that fits decides."""
    wanted = source(tmp_path, ReadWrite=True)
    assert not await storage(tmp_path).has_locally(wanted)
    assert await storage(tmp_path, f"{tmp_path}:rw").has_locally(wanted)
    assert await storage(f"{tmp_path}:rw").has_locally(source(tmp_path, ReadWrite="true"))


async def test_size_is_nothing_but_has_to_be_allowed(tmp_path):
    """T167: not allowed or missing is an error at bidding."""
    assert 0 == await storage(tmp_path).size_bytes(source(tmp_path))
    for allowed, path, text in [
        ((), tmp_path, "volume not in allowed paths"),
        ((tmp_path,), tmp_path / "other", "volume not in allowed paths"),
        ((tmp_path,), "", "volume not in allowed paths"),
        ((f"{tmp_path}/*",), tmp_path / "missing", "volume does not exist"),
    ]:
        with pytest.raises(AdapterError) as caught:
            await storage(*allowed).size_bytes(source(path))
        assert text == caught.value.message


async def test_an_impossible_path_does_not_exist():
    """A name that no file system can hold is a missing one."""
    with pytest.raises(AdapterError, match="volume does not exist"):
        await storage("/**").size_bytes(source("/" + "x" * 5000))
    assert not await storage("/**").has_locally(source("/a\0b"))


async def test_dots_do_not_lead_out(tmp_path):
    """A path with `..` is never covered by a pattern."""
    (tmp_path / "tree").mkdir()
    assert not await storage(f"{tmp_path}/tree/**").has_locally(source(f"{tmp_path}/tree/../other"))


async def test_links_do_not_lead_out(tmp_path):
    """A link below an allowed folder does not open what lies elsewhere; an allowed link itself is fine."""
    tree, other = tmp_path / "tree", tmp_path / "other"
    tree.mkdir()
    other.mkdir()
    (tree / "out").symlink_to(other)
    (tree / "in").symlink_to(tree)
    (tmp_path / "alias").symlink_to(tree)
    (tree / "file").write_text("x")
    assert not await storage(f"{tree}/**").has_locally(source(tree / "out"))
    assert await storage(f"{tree}/**").has_locally(source(tree / "in"))
    assert await storage(tree / "out").has_locally(source(tree / "out"))
    assert await storage(f"{tmp_path}/alias/**").has_locally(source(tmp_path / "alias" / "file"))


async def test_it_is_mounted_where_it_is(tmp_path):
    """T169: the path itself at the target, read-only unless asked, and kept afterwards."""
    prepared = await storage(f"{tmp_path}:rw").prepare(InputSource(source(tmp_path), "a", "/in"), tmp_path)
    assert PreparedInput(tmp_path, "/in", "a", read_only=True, input_target="/in", keep=True) == prepared
    writable = InputSource(source(tmp_path, ReadWrite=True), "a", "/in")
    assert not (await storage(f"{tmp_path}:rw").prepare(writable, tmp_path)).read_only


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (SpecConfig("localDirectory"), "invalid storage source params. cannot be nil"),
        (SpecConfig("s3", {"a": 1}), "invalid storage source type. expected localDirectory, but received: s3"),
        (SpecConfig("localDirectory", {"SourcePath": 1}), "invalid local directory params: SourcePath must be a text"),
        (SpecConfig("localDirectory", {"ReadWrite": "maybe"}), "invalid local directory params: ReadWrite must be"),
    ],
)
async def test_wrong_sources_are_told(spec, text):
    """The texts name the parameter."""
    with pytest.raises(AdapterError) as caught:
        await storage("**").size_bytes(spec)
    assert caught.value.message.startswith(text)


async def test_the_later_name_of_the_type_is_understood(tmp_path):
    """`local` is v1.9.3's name of the type."""
    assert await storage(tmp_path).has_locally(SpecConfig("local", {"sourcepath": str(tmp_path)}))
