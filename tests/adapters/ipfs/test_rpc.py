"""The routes of Kubo's API."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from devstack.adapters.ipfs.store import BlockStore
from tests.adapters.ipfs.kubo import RECORDED
from tests.adapters.ipfs.trees import TREES, build

HELLO = "QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o"  # `hello world\n`, as everybody's first `ipfs add` says.
EMPTY_FOLDER = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"


@pytest.fixture
async def api(rpc_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{rpc_url}/api/v0") as client:
        yield client


async def add(api: httpx.AsyncClient, files: dict[str, bytes | None], **params: str) -> list[dict[str, str]]:
    """Files by name; None: a folder."""
    parts = [
        ("file", (name, content or b"", "application/x-directory" if content is None else "application/octet-stream"))
        for name, content in files.items()
    ]
    answer = await api.post("/add", params=params, files=parts)
    assert 200 == answer.status_code, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def said(api: httpx.AsyncClient, route: str, **params: str) -> str:
    answer = await api.post(route, params=params)
    error: dict[str, Any] = answer.json()
    assert (500, 0, "error") == (answer.status_code, error["Code"], error["Type"])
    return str(error["Message"])


async def test_a_file_is_added_and_read(api: httpx.AsyncClient):
    """With the CID that everybody knows."""
    assert [{"Name": "hello.txt", "Hash": HELLO, "Size": "20"}] == await add(api, {"hello.txt": b"hello world\n"})
    assert b"hello world\n" == (await api.post("/cat", params={"arg": HELLO})).content
    assert b"lo wo" == (await api.post("/cat", params={"arg": HELLO, "offset": "3", "length": "5"})).content
    stat = {"Hash": HELLO, "Size": 12, "CumulativeSize": 20, "Blocks": 0, "Type": "file"}
    assert stat == (await api.post("/files/stat", params={"arg": f"/ipfs/{HELLO}"})).json()


async def test_a_folder_is_added_and_listed(api: httpx.AsyncClient):
    """Each file in the order in which it came, each folder after what is in it; paths lead into it."""
    events = await add(api, {"top": None, "top%2Fa%20b": b"1", "top/c/d": b"hello world\n", "top/e": None})
    assert ["top/a b", "top/c/d", "top/c", "top/e", "top"] == [event["Name"] for event in events]
    assert EMPTY_FOLDER == events[3]["Hash"]
    root = events[-1]["Hash"]
    assert b"hello world\n" == (await api.post("/cat", params={"arg": f"/ipfs/{root}/c/d"})).content
    listed = (await api.post("/ls", params={"arg": root})).json()
    assert [("a b", 2, 1), ("c", 1, 0), ("e", 1, 0)] == [
        (link["Name"], link["Type"], link["Size"]) for link in listed["Objects"][0]["Links"]
    ]
    lines = (await api.post("/ls", params={"arg": root, "stream": "true"})).text.splitlines()
    assert listed["Objects"][0]["Links"] == [json.loads(line)["Objects"][0]["Links"][0] for line in lines]
    assert [("", 12)] == [
        (link["Name"], link["Size"])
        for link in (await api.post("/ls", params={"arg": f"{root}/c/d"})).json()["Objects"][0]["Links"]
    ]


async def test_files_are_wrapped_when_asked(api: httpx.AsyncClient):
    """And added as nobody's, or under their CID, if they have no name."""
    events = await add(api, {"a": b"1", "b": b"2"}, **{"wrap-with-directory": "true"})
    assert ["a", "b", ""] == [event["Name"] for event in events]
    assert [HELLO] == [event["Name"] for event in await add(api, {"/": b"hello world\n"})]


async def test_only_the_hash_may_be_asked_for(api: httpx.AsyncClient, block_store: BlockStore):
    """Nothing is stored."""
    assert [HELLO] == [e["Hash"] for e in await add(api, {"x": b"hello world\n"}, **{"only-hash": "true"})]
    assert 0 == block_store.used_bytes


async def test_a_tree_is_given_as_a_tar_archive(api: httpx.AsyncClient):
    """Below its CID, as `ipfs get` wants it."""
    parts = {"t/x": bytes(1000), "t/y/z": b"z", "t/empty": None}
    root = (await add(api, parts))[-1]["Hash"]
    content = (await api.post("/get", params={"arg": root})).content
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert [root, f"{root}/empty", f"{root}/x", f"{root}/y", f"{root}/y/z"] == archive.getnames()
        file = archive.extractfile(f"{root}/x")
        assert file is not None
        assert bytes(1000) == file.read()


async def test_blocks_go_and_come(api: httpx.AsyncClient):
    """One by one; a tree can be pinned when all of it is there."""
    leaf = bytes.fromhex("0a0408021800")
    put = await api.post("/block/put", params={"cid-codec": "dag-pb"}, files={"data": leaf})
    key = put.json()["Key"]
    assert {"Key": key, "Size": 6} == put.json() == (await api.post("/block/stat", params={"arg": key})).json()
    assert leaf == (await api.post("/block/get", params={"arg": key})).content
    assert {"Pins": [key]} == (await api.post("/pin/add", params={"arg": key})).json()
    folder = bytes.fromhex("12290a221220" + "11" * 32 + "1201611806" + "0a020801")
    key = (await api.post("/block/put", params={"cid-codec": "dag-pb"}, files={"data": folder})).json()["Key"]
    assert "does not have the content" in await said(api, "/pin/add", arg=key)


async def test_who_and_what(api: httpx.AsyncClient):
    """What clients ask first."""
    assert "0.29.0" == (await api.post("/version")).json()["Version"]
    assert (await api.post("/id")).json()["AgentVersion"].startswith("devstack/")


async def test_errors_are_those_of_kubo(api: httpx.AsyncClient):
    """An object with one line, status 500."""
    await add(api, {"hello.txt": b"hello world\n"})
    assert "invalid CID" in await said(api, "/cat")
    assert "invalid CID" in await said(api, "/cat", arg="x/../y")
    assert "does not have the content" in await said(api, "/cat", arg=EMPTY_FOLDER)
    assert f'no link named "x" under {HELLO}' == await said(api, "/cat", arg=f"{HELLO}/x")
    assert "offset must be a number" in await said(api, "/cat", arg=HELLO, offset="-1")
    assert "compressed archives are not given" == await said(api, "/get", arg=HELLO, compress="true")
    assert "chunker=size-1 is not done here" in await said(api, "/add", chunker="size-1")
    assert "there is no file to add" == await said(api, "/add")


@pytest.mark.parametrize("name", ["../up", "a/../../b", "..", "a%00b", "/".join("a" * 200)])
async def test_names_that_lead_out_are_refused(api: httpx.AsyncClient, block_store: BlockStore, name: str):
    """Nothing is stored."""
    answer = await api.post("/add", files={"file": (name, b"x")})
    assert (500, True) == (answer.status_code, "is no name of a file" in answer.json()["Message"])
    assert 0 == block_store.used_bytes


async def test_a_name_cannot_be_file_and_folder(api: httpx.AsyncClient):
    """The reason names it."""
    answer = await api.post("/add", files=[("file", ("a", b"1")), ("file", ("a/b", b"2"))])
    assert "a is a file and a folder" == answer.json()["Message"]


async def test_pages_of_other_sites_are_not_answered(api: httpx.AsyncClient):
    """Whoever may ask may add. Reading by GET is not done, as at Kubo."""
    assert 403 == (await api.post("/version", headers={"Origin": "http://evil.example"})).status_code
    assert 403 == (await api.post("/version", headers={"Referer": "http://evil.example/x"})).status_code
    assert 405 == (await api.get("/version")).status_code
    assert 404 == (await api.post("/shutdown")).status_code


async def test_links_are_kept_as_links(api: httpx.AsyncClient, tmp_path: Path):
    """As Kubo's command line sends them; the CID of the folder is Kubo's."""
    made = build(TREES["links"], tmp_path / "made")
    parts = [
        ("file", (path.name, str(path.readlink()).encode(), "application/symlink"))
        if path.is_symlink()
        else ("file", (path.name, path.read_bytes(), "application/octet-stream"))
        for path in made.iterdir()
    ]
    answer = await api.post("/add", params={"wrap-with-directory": "true"}, files=parts)
    root = json.loads(answer.text.splitlines()[-1])["Hash"]
    assert json.loads(RECORDED.read_text())["links"] == root
    links = (await api.post("/ls", params={"arg": root})).json()["Objects"][0]["Links"]
    assert {"out": "/etc", "to here": "here", "to nowhere": "nothing/at/all", "up": "../.."} == {
        link["Name"]: link["Target"] for link in links if link["Type"] == 4
    }


@pytest.mark.parametrize("content", [b"--x zz", b"zz", b""])
async def test_what_is_wrong_in_a_form_is_told_to_its_sender_alone(api: httpx.AsyncClient, capfd: Any, content: bytes):
    """Nothing of it is written on the terminal of the stack."""
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await api.post("/add", content=content, headers=headers)
    assert answer.status_code in (400, 500)
    assert "" == capfd.readouterr().err
