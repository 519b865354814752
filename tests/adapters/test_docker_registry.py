"""Images that only a registry has: a small registry on the loopback interface, which engines trust without TLS."""

import gzip
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from devstack.errors import AdapterError
from devstack.models.resources import NO_RESOURCES

pytestmark = pytest.mark.docker

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
MANIFEST_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


class Registry(BaseHTTPRequestHandler):
    """Serves what is in `documents`: path -> (media type, bytes)."""

    documents: dict
    asked: list

    def _answer(self, with_body):
        media_type, body = self.documents.get(self.path, ("", b""))
        self.asked.append(self.path)
        self.send_response(200 if media_type else 404)
        self.send_header("Content-Type", media_type or "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Content-Digest", digest(body))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def do_GET(self):  # noqa: N802  # the base class calls it so
        self._answer(True)

    def do_HEAD(self):  # noqa: N802
        self._answer(False)

    def log_message(self, *_):
        """An engine tries TLS first, which is no news."""


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def described(media_type, data, **more):
    return {"mediaType": media_type, "size": len(data), "digest": digest(data), **more}


def documents_of(name, root):
    """An image that runs here as `name:good`, and a list with a Windows image only as `name:windows`."""
    layer = gzip.compress(root, mtime=0)
    history = {"type": "layers", "diff_ids": [digest(root)]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": history}).encode()
    parts = {"config": described(CONFIG, config), "layers": [described(LAYER, layer)]}
    good = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, **parts}).encode()
    windows = described(MANIFEST, b"elsewhere", platform={"architecture": "amd64", "os": "windows"})
    listed = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST_LIST, "manifests": [windows]}).encode()
    answers = {"/v2/": ("application/json", b"{}")}
    for data, media_type in ((good, MANIFEST), (listed, MANIFEST_LIST)):
        answers[f"/v2/{name}/manifests/{digest(data)}"] = (media_type, data)
    for data in (config, layer):
        answers[f"/v2/{name}/blobs/{digest(data)}"] = ("application/octet-stream", data)
    answers[f"/v2/{name}/manifests/good"] = (MANIFEST, good)
    answers[f"/v2/{name}/manifests/windows"] = (MANIFEST_LIST, listed)
    return answers


@pytest.fixture
def registry(root_tar, docker_engine):
    """(prefix of image names, what was asked for); images pulled from it are gone afterwards."""
    asked = []
    handler = type("ThisRegistry", (Registry,), {"documents": documents_of("app", root_tar), "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    name = f"127.0.0.1:{server.server_port}/app"
    yield name, asked
    server.shutdown()
    server.server_close()
    thread.join()
    for image in docker_engine.images(name):
        docker_engine.remove_image(image["Id"], force=True)


async def test_an_image_for_another_platform_is_refused(registry, docker_runs):
    """The registry's list of platforms decides, and is asked for once."""
    name, asked = registry
    task = docker_runs.request(image=f"{name}:windows").task
    phrase = "support the available image platforms [windows/amd64] (supports [linux/amd64])"
    assert phrase == await docker_runs.executor.assess(task, NO_RESOURCES)
    count = len(asked)
    assert phrase == await docker_runs.executor.assess(task, NO_RESOURCES)
    assert count == len(asked)


async def test_a_missing_image_is_accepted_unfetched_and_fetched_by_the_run(registry, docker_runs, docker_engine):
    """Bidding asks for the platform only; the run fetches the image, and the next run finds it here."""
    name, asked = registry
    image = f"{name}:good"
    assert "" == await docker_runs.executor.assess(docker_runs.request(image=image).task, NO_RESOURCES)
    assert [] == docker_engine.images(name)
    assert "fetched\n" == (await docker_runs.run("echo", "fetched", image=image)).stdout
    count = len(asked)
    assert "here\n" == (await docker_runs.run("echo", "here", image=image)).stdout
    assert count == len(asked)


async def test_an_image_is_not_fetched_if_pulling_is_turned_off(registry, docker_runs, monkeypatch):
    """With SKIP_IMAGE_PULL the engine's `no such image` is the end."""
    monkeypatch.setenv("SKIP_IMAGE_PULL", "1")
    with pytest.raises(AdapterError, match=r"creating container: Error response from daemon: .*No such image"):
        await docker_runs.run(image=f"{registry[0]}:good")
