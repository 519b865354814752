"""What the extra installs is asked for when it is first needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from devstack.errors import UsageError
from devstack.notebook import extra


def test_a_missing_package_is_a_line_that_says_how_to_install_it(monkeypatch):
    """Not a traceback of imports."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setattr(extra, "import_module", _missing)
    with pytest.raises(UsageError, match="tables need pandas, which is not installed") as caught:
        extra.pandas()
    assert "pip install 'bacalhau-devstack[notebook]'" == caught.value.hint


def _missing(name: str) -> None:
    raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_a_package_that_is_broken_says_so_itself(monkeypatch):
    """Another module is missing: that is not for us to hide."""
    monkeypatch.setattr(extra, "import_module", lambda name: _missing("numpy"))
    with pytest.raises(ModuleNotFoundError, match="numpy"):
        extra.pandas()


def test_a_lab_runs_without_the_extra():
    """Only tables and charts need it."""
    code = (
        "import sys\n"
        "from devstack import batch, noop\n"
        "from devstack.notebook import simulate\n"
        "lab = simulate(2); job = lab.submit(batch(noop())); lab.run('1m')\n"
        "print(repr(lab), lab.why(job), lab.network(), lab.compare(lab.fork()), lab._repr_html_(), job._repr_html_())\n"
        "assert not {'pandas', 'altair', 'numpy', 'IPython', 'cloudpickle'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
