"""The page's files: all there, ours alone, and nothing that a browser would have to fetch elsewhere."""

from __future__ import annotations

import re

import pytest
from trio.testing import MockClock

from devstack.dashboard.files import PAGE, page_files
from tests.dashboard.conftest import Desk

MOST_LINES = 300


async def test_the_page_and_its_files_are_served(desk: Desk, autojump_clock: MockClock):
    """Each with its type; the browser may neither run nor load nor send anything elsewhere."""
    for path, kind in (("", "html"), ("/app.js", "javascript"), ("/style.css", "css"), ("/icon.svg", "svg")):
        answer = await desk.client.get(f"/dashboard{path}")
        assert (200, True) == (answer.status_code, kind in answer.headers["content-type"])
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy and "http" not in policy and "*" not in policy
        assert "nosniff" == answer.headers["x-content-type-options"]


@pytest.mark.parametrize("name", ["none.js", "..%2ffiles.py", "__init__.py", "app.js/"])
async def test_nothing_else_is(desk: Desk, autojump_clock: MockClock, name: str):
    """Above all nothing of the disk."""
    assert 404 == (await desk.client.get(f"/dashboard/{name}")).status_code


def test_no_file_leads_elsewhere():
    """Nor makes markup or programs of texts."""
    for name, (_, content) in page_files().items():
        text = content.decode()
        assert [] == re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text), name
        assert [] == re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text
        ), name
        assert len(text.splitlines()) <= MOST_LINES, name


def test_the_page_has_no_program_of_its_own():
    """Nor styles: the browser would not take them."""
    page = page_files()[PAGE][1].decode()
    assert [] == re.findall(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=", page)


def test_every_file_that_another_names_is_there():
    """Modules, styles, the icon."""
    named = set()
    for _, content in page_files().values():
        named |= set(re.findall(r'(?:from "\./|="/dashboard/)([\w.]+)"', content.decode()))
    assert named | {PAGE} == set(page_files())
