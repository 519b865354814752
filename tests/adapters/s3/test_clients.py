"""Where credentials come from, and which server is spoken to."""

from __future__ import annotations

from pathlib import Path

import pytest

from devstack.adapters.s3 import S3Clients, S3Signer, clients, open_s3
from devstack.models.job import SpecConfig
from tests.s3_server import KEY_ID, SECRET


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without credentials."""
    for name in clients._VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(clients, "_VENDOR_FILE", tmp_path / "absent")
    return tmp_path


async def test_without_the_packages_the_one_command_is_told(monkeypatch: pytest.MonkeyPatch):
    """boto3 comes with the extra only."""
    monkeypatch.setattr(clients, "find_spec", lambda name: None)
    assert (None, "it needs more packages: pip install 'bacalhau-devstack[s3]'") == await open_s3()


async def test_without_credentials_there_is_no_s3(monkeypatch: pytest.MonkeyPatch):
    """Nor is boto3 imported to find that out."""
    monkeypatch.setattr(clients, "_session", lambda: pytest.fail("imported"))
    found, missing = await open_s3()
    assert found is None
    assert missing.startswith("there are no AWS credentials: set AWS_ACCESS_KEY_ID")


async def test_credentials_come_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    """The most usual place."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    found, missing = await open_s3()
    assert (True, "") == (isinstance(found, S3Clients), missing)


async def test_credentials_come_from_the_file_in_the_home_folder(home: Path):
    """And so does the region."""
    (home / ".aws").mkdir()
    (home / ".aws" / "credentials").write_text(
        f"[default]\naws_access_key_id={KEY_ID}\naws_secret_access_key={SECRET}\n"
    )
    (home / ".aws" / "config").write_text("[default]\nregion=eu-west-3\n")
    found, _ = await open_s3()
    assert found is not None
    assert "eu-west-3" == found.client("", "").meta.region_name
    assert "eu-west-1" == found.client("", "eu-west-1").meta.region_name
    found.close()


async def test_half_credentials_are_none(monkeypatch: pytest.MonkeyPatch):
    """And are not shown."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    assert (None, "cannot read the AWS credentials: this node has no usable credentials") == await open_s3()


async def test_a_file_without_credentials_is_none(home: Path):
    """Such as one with settings only."""
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_text("[default]\nregion=eu-west-3\n")
    found, missing = await open_s3()
    assert found is None and missing.startswith("there are no AWS credentials")


def test_only_the_job_names_the_server(monkeypatch: pytest.MonkeyPatch):
    """An endpoint of the environment must not turn a job to another server; nor a proxy what is on this machine."""
    import boto3

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    ours = S3Clients(boto3.Session(aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET))
    assert "https://s3.amazonaws.com" == ours.client("", "").meta.endpoint_url
    assert "http://127.0.0.1:9" == ours.client("http://127.0.0.1:9", "").meta.endpoint_url
    assert {} == ours.client("http://127.0.0.1:9", "").meta.config.proxies
    assert ours.client("http://127.0.0.1:9", "") is ours.client(" http://127.0.0.1:9", "")
    ours.close()


async def test_results_are_signed_for_half_an_hour():
    """Archives only; their spec stays within."""
    import boto3

    ours = S3Clients(boto3.Session(aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET))
    spec = {"Bucket": "b", "Key": "p/r.tar.gz", "Filter": "", "Region": "eu-west-1", "Endpoint": "http://127.0.0.1:9",
            "VersionID": "v1", "ChecksumSHA256": ""}  # fmt: skip
    folder, other = SpecConfig("s3", spec | {"Key": "p/"}), SpecConfig("urlDownload", {"URL": "http://x/r.tar.gz"})
    broken = SpecConfig("s3", spec | {"Endpoint": "nonsense"})
    signed = list(await S3Signer(ours).sign([folder, SpecConfig("s3", spec), other, broken]))
    ours.close()
    assert [folder, other, broken] == [signed[0], *signed[2:]]
    assert ("s3PreSigned", spec) == (signed[1].type, signed[1].params["SourceSpec"])
    url = signed[1].params["PreSignedURL"]
    assert url.startswith("http://127.0.0.1:9/b/p/r.tar.gz?versionId=v1&X-Amz-Algorithm=AWS4-HMAC-SHA256")
    assert "&X-Amz-Expires=1800&" in url
    assert SECRET not in url
