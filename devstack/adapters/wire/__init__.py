"""Bacalhau's JSON: bodies of requests to values, values to bodies of answers.

text      JSON text to Python values, with Go's error texts and places
decoder   the one reader, driven by tables of fields
fields    those tables: Bacalhau's spelling on the left, ours on the right
encode    values to JSON objects, keys in Bacalhau's order
shapes    what those objects look like, as types
schema    tables and shapes as JSON Schema, for the API's document
"""

from __future__ import annotations

from devstack.adapters.wire.decoder import decode
from devstack.adapters.wire.encode import (
    encode_entry,
    encode_execution,
    encode_job,
    encode_node,
    encode_resources,
    encode_spec,
    encode_version,
)
from devstack.adapters.wire.fields import (
    LOGIN,
    NODE_ACTION,
    STOP,
    SUBMIT,
    VERSION,
    NodeAction,
    decode_base64,
    decode_job,
)
from devstack.adapters.wire.text import UnreadableError

__all__ = [
    "LOGIN",
    "NODE_ACTION",
    "STOP",
    "SUBMIT",
    "VERSION",
    "NodeAction",
    "UnreadableError",
    "decode",
    "decode_base64",
    "decode_job",
    "encode_entry",
    "encode_execution",
    "encode_job",
    "encode_node",
    "encode_resources",
    "encode_spec",
    "encode_version",
]
