"""The folder that a module sees as `/` (compute reference 6, "Filesystem")."""

import pytest

from devstack.adapters.wasm.filesystem import GuestRoot, Layout
from devstack.errors import AdapterError
from devstack.models.job import ResultPath
from devstack.runtime.ports import PreparedInput


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_text("text")
    return folder


@pytest.fixture
def make_root(tmp_path):
    results_dir = tmp_path / "e-1"
    results_dir.mkdir()
    roots = []

    def make(*inputs, results=(), results_by_name=False, url_input_at_target=False):
        layout = Layout.of(inputs, results, results_by_name=results_by_name, url_input_at_target=url_input_at_target)
        roots.append(GuestRoot(layout, results_dir))
        roots[-1].fill()
        return roots[-1]

    yield make
    for root in roots:
        root.remove()


def below(path):
    return sorted(str(one.relative_to(path)) for one in path.rglob("*"))


def test_folders_and_files_lie_at_their_targets(make_root, source):
    """Targets are absolute whatever they look like, and stay inside."""
    file = source / "deep" / "file"
    root = make_root(PreparedInput(source, "data"), PreparedInput(file, "/../x/./file"))
    assert ["data", "data/deep", "data/deep/file", "x", "x/file"] == below(root.path)


@pytest.mark.parametrize(("at_target", "place"), [(False, "in/page"), (True, "in")])
def test_a_url_input_is_a_file_below_its_target(make_root, source, at_target, place):
    """As for docker; in v1.4.0 the file is the target itself."""
    page = PreparedInput(source / "deep" / "file", "/in/page", input_target="/in")
    root = make_root(page, url_input_at_target=at_target)
    assert "text" == (root.path / place).read_text()


@pytest.mark.parametrize("keep", [True, False])
def test_the_users_own_files_cannot_be_changed(make_root, source, keep):
    """A kept input is copied; one that nobody else uses need not be."""
    root = make_root(PreparedInput(source, "/data", keep=keep))
    with (root.path / "data" / "deep" / "file").open("a") as file:
        file.write(" changed")
    assert ("text" if keep else "text changed") == (source / "deep" / "file").read_text()


def test_results_are_found_at_path_and_at_name(make_root, tmp_path):
    """The folder is at Path; Name leads to it too, and is where the results have it."""
    root = make_root(results=[ResultPath("out", "/some/where")])
    (root.path / "some" / "where" / "a").write_text("a")
    (root.path / "out" / "b").write_text("b")
    root.move_results()
    assert ["out", "out/a", "out/b"] == below(tmp_path / "e-1")


def test_v1_4_0_has_results_at_name_only(make_root):
    """There, Path is ignored."""
    root = make_root(results=[ResultPath("out", "/some/where")], results_by_name=True)
    assert ["out"] == below(root.path)


def test_an_input_inside_a_result_folder_is_no_result(make_root, source, tmp_path):
    """Only what the program put there is kept."""
    root = make_root(PreparedInput(source, "/out/in"), results=[ResultPath("out", "/out")])
    (root.path / "out" / "made").write_text("made")
    root.move_results()
    assert ["out", "out/made"] == below(tmp_path / "e-1")


def test_a_result_inside_another_is_a_result_of_its_own(make_root, tmp_path):
    """Inner folders go first."""
    root = make_root(results=[ResultPath("outer", "/a"), ResultPath("inner", "/a/b")])
    (root.path / "a" / "b" / "file").write_text("")
    root.move_results()
    assert ["inner", "inner/file", "outer"] == below(tmp_path / "e-1")


def test_a_result_folder_that_was_taken_away_is_empty(make_root, tmp_path):
    """The results always have their folder."""
    root = make_root(results=[ResultPath("out", "/out")])
    (root.path / "out").rmdir()
    root.move_results()
    assert ["out"] == below(tmp_path / "e-1")


def test_a_link_to_the_outside_is_not_followed(make_root, source, tmp_path):
    """A program that puts a link in the way of its result folder gets nothing from outside."""
    root = make_root(results=[ResultPath("out", "/a/deep")])
    (root.path / "a" / "deep").rmdir()
    (root.path / "a").rmdir()
    (root.path / "a").symlink_to(source)
    root.move_results()
    assert ["out"] == below(tmp_path / "e-1")
    assert ["deep", "deep/file"] == below(source)


def test_a_result_cannot_leave_the_results(make_root, tmp_path):
    """A name with dots stays below the results folder."""
    make_root(results=[ResultPath("../../out", "/out")]).move_results()
    assert ["out"] == below(tmp_path / "e-1")


@pytest.mark.parametrize(
    ("results", "text"),
    [
        ([ResultPath("", "/out")], "output volume has no name"),
        ([ResultPath("out", "")], "output volume has no path"),
        ([ResultPath("a", "/out"), ResultPath("b", "/out/")], 'a filesystem with prefix "/out" is already mounted'),
    ],
)
def test_what_cannot_be_laid_out_is_refused(make_root, results, text):
    """Results need a name and a path, and each place is used once."""
    with pytest.raises(AdapterError, match=text):
        make_root(results=results)


def test_an_input_that_is_gone_is_an_error_for_people(make_root, tmp_path):
    """What the file system says ends up in our error."""
    with pytest.raises(AdapterError, match="cannot lay out the module's files"):
        make_root(PreparedInput(tmp_path / "gone", "/data", keep=True))
