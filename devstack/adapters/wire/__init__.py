"""Bacalhau's JSON: bodies of requests to values, values to bodies of answers.

text      JSON text to Python values, with Go's error texts and places
decoder   the one reader, driven by tables of fields
fields    those tables: Bacalhau's spelling on the left, ours on the right
encode    values to JSON objects, keys in Bacalhau's order
"""

from __future__ import annotations

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
    NodeAction,
    decode_job,
    decode_login,
    decode_node_action,
    decode_stop,
    decode_submit,
)
from devstack.adapters.wire.text import UnreadableError

__all__ = [
    "NodeAction",
    "UnreadableError",
    "decode_job",
    "decode_login",
    "decode_node_action",
    "decode_stop",
    "decode_submit",
    "encode_entry",
    "encode_execution",
    "encode_job",
    "encode_node",
    "encode_resources",
    "encode_spec",
    "encode_version",
]
