"""`-i`, `-p`, `-o`, and label selectors."""

from __future__ import annotations

import pytest

from devstack.cli.selectors import check_label, parse_selector
from devstack.cli.sources import parse_input, parse_output, parse_publisher
from devstack.errors import UsageError

CID = "QmXaXu9N5GNetatsvwnTfQqNtSeKAD6uCmarbh3LMRYAcF"
S3 = dict.fromkeys(("Bucket", "Key", "Filter", "Region", "Endpoint", "VersionID", "ChecksumSHA256"), "")


def source(kind, params, alias, target="/inputs"):
    return {"Source": {"Type": kind, "Params": params}, "Alias": alias, "Target": target}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"ipfs://{CID}", source("ipfs", {"CID": CID}, f"ipfs://{CID}")),
        (f"ipfs://{CID},dst=/mount", source("ipfs", {"CID": CID}, f"ipfs://{CID}", "/mount")),
        (f"ipfs://{CID},target=/t", source("ipfs", {"CID": CID}, f"ipfs://{CID}", "/t")),
        (f"ipfs://{CID},destination=/t", source("ipfs", {"CID": CID}, f"ipfs://{CID}", "/t")),
        (f"ipfs://{CID}:/input,dst=/mount", source("ipfs", {"CID": CID}, f"ipfs://{CID}", "/mount")),
        (
            "https://host:9000/file:/mount/path",
            source("urlDownload", {"URL": "https://host:9000/file"}, "https://host:9000/file", "/mount/path"),
        ),
        ("http://host:8000/f", source("urlDownload", {"URL": "http://host:8000/f"}, "http://host:8000/f")),
        ("s3://b/a:b", source("s3", S3 | {"Bucket": "b", "Key": "a:b"}, "s3://b/a:b")),
        ("s3://myBucket/dir/f.txt", source("s3", S3 | {"Bucket": "myBucket", "Key": "dir/f.txt"}, "s3://myBucket/dir/f.txt")),
        (
            "s3://B/k,opt=endpoint=http://h:9000,option=region=us",
            source("s3", S3 | {"Bucket": "B", "Key": "k", "Endpoint": "http://h:9000", "Region": "us"}, "s3://B/k"),
        ),
        ("file:///d:/in", source("localDirectory", {"ReadWrite": False, "SourcePath": "/d"}, "file:///d", "/in")),
        ("src=file:///d,opt=rw=true", source("localDirectory", {"ReadWrite": True, "SourcePath": "/d"}, "file:///d")),
        ('"http://h/a,b",dst=/x', source("urlDownload", {"URL": "http://h/a,b"}, "http://h/a,b", "/x")),
    ],
)  # fmt: skip
def test_input_forms(text, expected):
    """Scheme, options and target give source, alias (the URI without the target) and target."""
    assert expected == parse_input(text)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "empty storage"),
        ("git://x/y", "unknown storage schema: 'git'"),
        ("s3://b/k,what", "invalid storage option: what. Must be a key=value pair"),
        ("s3://b/k,y=/path", "unexpected key y in field y=/path"),
        ("s3://b/k,opt=size=1", 'unknown option "size" for storage s3'),
        ("s3:///k", "an S3 source is s3://BUCKET/KEY"),
        ("http://host", "URL must end with a file name"),
        ("ipfs://", "an IPFS source is ipfs://CID"),
        (f"ipfs://{CID}/path", "an IPFS source is ipfs://CID"),
        ("file://etc/x", "a local source is file:///ABSOLUTE/PATH"),
        ("file:///x,opt=rw=perhaps", "it is true or false"),
    ],
)
def test_input_mistakes_are_named(text, error):
    """What cannot be read is named, with the right form beside it."""
    with pytest.raises(UsageError) as caught:
        parse_input(text)
    assert error in caught.value.message


def test_publisher_forms():
    """ipfs and local have no parameters; s3 takes a URI, options, or both."""
    s3 = {"Bucket": "b", "Endpoint": "", "Key": "k", "Region": ""}
    assert {"Type": "local", "Params": {}} == parse_publisher("local")
    assert {"Type": "ipfs", "Params": {}} == parse_publisher("ipfs://")
    assert {"Type": "s3", "Params": s3} == parse_publisher("s3://b/k")
    assert {"Type": "s3", "Params": s3 | {"Region": "R"}} == parse_publisher(
        "s3,opt=bucket=b,option=key=k,opt=region=R"
    )


@pytest.mark.parametrize(
    "text", ["", "noop", "s3://b/k,y=/path", "s3://b", "s3,opt=key=k", "s3://b/k,opt=colour=red", "local,x"]
)
def test_publisher_mistakes_are_refused(text):
    """Unknown types, keys and options, and missing buckets or keys."""
    with pytest.raises(UsageError):
        parse_publisher(text)


def test_output_is_a_name_and_a_path():
    """Exactly one colon, something on both sides."""
    assert {"Name": "outputs", "Path": "/outputs"} == parse_output("outputs:/outputs")
    for text in ("outputs", "a:/b:c", ":/x", "x:"):
        with pytest.raises(UsageError, match=f"invalid output volume: {text}"):
            parse_output(text)


def test_selector_is_sorted_by_key_with_sorted_values():
    """Kubernetes' grammar; constraints carry operators as words, and no values where there are none."""
    parsed = parse_selector("scale!=linear,env=prod,region notin (Utumno, Mordor, Isengard),size>42,!gpu,disk")
    assert [
        {"Key": "disk", "Operator": "exists"},
        {"Key": "env", "Operator": "=", "Values": ["prod"]},
        {"Key": "gpu", "Operator": "!"},
        {"Key": "region", "Operator": "notin", "Values": ["Isengard", "Mordor", "Utumno"]},
        {"Key": "scale", "Operator": "!=", "Values": ["linear"]},
        {"Key": "size", "Operator": "gt", "Values": ["42"]},
    ] == [requirement.as_constraint() for requirement in parsed]


def test_selector_s_canonical_text():
    """As the API takes it."""
    parsed = parse_selector("x notin (b,a), !z ,y > 3,w, v == 1")
    assert ["v=1", "w", "x notin (a,b)", "y>3", "!z"] == [str(requirement) for requirement in parsed]


@pytest.mark.parametrize("text", ["version>2.0", "a b", "a in ()x", "=x", "a=b=c", ",", "a in (b"])
def test_selector_mistakes_are_refused(text):
    """What is no requirement is an error, also numbers with a fraction."""
    with pytest.raises(UsageError):
        parse_selector(text)


def test_labels_obey_kubernetes_rules():
    """No emoji, no blanks; a prefix is fine."""
    check_label("example.org/name", "")
    for key, value in (("🐟", ""), ("a b", ""), ("", "x"), ("a", "b c"), ("a" * 64, "")):
        with pytest.raises(UsageError):
            check_label(key, value)
