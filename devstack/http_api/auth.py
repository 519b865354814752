"""Login by client key: the client signs a phrase, and gets a token that nobody asks for later.

The signature is RSA PKCS#1 v1.5 with SHA-256 over the phrase. It proves nothing here (any key is welcome), but real
clients take the trouble, so a wrong one is told. Source: http_api reference 1.7, client_calls 2.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, NotRequired, TypedDict

from starlette.responses import Response

from devstack.adapters import wire
from devstack.http_api.answers import json_answer
from devstack.http_api.call import Call
from devstack.http_api.errors import LateRefusalError, RefusedError
from devstack.http_api.operation import Routes, operation

__all__ = ["ROUTES", "check_proof"]

_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
_METHOD: Final = "clientkey"
# The DER prefix of a SHA-256 digest in a PKCS#1 signature.
_SHA256_PREFIX: Final = bytes.fromhex("3031300d060960864801650304020105000420")
_MAX_KEY_BITS: Final = 16_384
_SMALLEST_KEY_BYTES: Final = 62  # 0x00 0x01, eight 0xff, 0x00, and the digest with its prefix


class MethodJson(TypedDict):
    type: str
    params: Mapping[str, str]


class MethodsJson(TypedDict):
    NextToken: str
    Methods: Mapping[str, MethodJson]


class LoginJson(TypedDict):
    """A token, or the reason why there is none."""

    success: bool
    token: NotRequired[str]
    reason: NotRequired[str]


class LoginAnswerJson(TypedDict):
    Authentication: LoginJson


def _challenge(call: Call) -> dict[str, Any]:
    phrase = base64.b64encode(call.backend.node_id.encode()).decode()
    return {"type": "challenge", "params": {"InputPhrase": phrase}}


@operation(MethodsJson)
async def list_methods(call: Call) -> Response:
    """How a client may log in. It need not."""
    return json_answer({"NextToken": "", "Methods": {_METHOD: _challenge(call)}})


def _require_known(call: Call) -> None:
    if call.id != _METHOD:
        raise RefusedError(404, "Not Found")


_METHOD_ID: Final = "a method's name"


@operation(MethodJson, path_id=_METHOD_ID)
async def get_method(call: Call) -> Response:
    """One way to log in."""
    _require_known(call)
    return json_answer(_challenge(call))


@operation(
    LoginAnswerJson,
    body=wire.LOGIN,
    example={"MethodData": base64.b64encode(b'{"PhraseSignature": "", "PublicKey": ""}').decode()},
    path_id=_METHOD_ID,
    refusals=(LateRefusalError,),
    others={401: LoginAnswerJson},
)
async def log_in(call: Call) -> Response:
    """Log in: MethodData is the base64 of a JSON object with PhraseSignature and PublicKey."""
    _require_known(call)
    proof = _proof(wire.decode_base64(await call.content() or ""))
    try:
        client = check_proof(proof, call.backend.node_id.encode())
    except ValueError as exc:
        # On 200 the command line would try again for ever.
        return json_answer({"Authentication": {"success": False, "reason": str(exc)}}, 401)
    return json_answer({"Authentication": {"success": True, "token": f"devstack-{client}"}})


def _proof(data: bytes) -> dict[str, Any]:
    try:
        proof = json.loads(data)
        if isinstance(proof, dict):
            return proof
    except (ValueError, RecursionError):
        pass
    raise LateRefusalError("invalid authentication data: an object with PhraseSignature and PublicKey is wanted")


def check_proof(proof: Mapping[str, Any], phrase: bytes) -> str:
    """The client's id if it has signed the phrase: the hex SHA-256 of its key's modulus.

    Raises:
        ValueError: it has not, or key or signature cannot be read; the text says which.
    """
    modulus, exponent = _public_key(_decoded(proof, "PublicKey", "public key"))
    signature = _decoded(proof, "PhraseSignature", "signature")
    size_bytes = (modulus.bit_length() + 7) // 8
    if len(signature) != size_bytes or int.from_bytes(signature, "big") >= modulus:
        raise ValueError("failed to verify signature: verification error")
    signed = pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size_bytes, "big")
    digest = _SHA256_PREFIX + sha256(phrase).digest()
    if signed != b"\x00\x01" + b"\xff" * (size_bytes - len(digest) - 3) + b"\x00" + digest:
        raise ValueError("failed to verify signature: verification error")
    return sha256(modulus.to_bytes(size_bytes, "big")).hexdigest()


def _decoded(proof: Mapping[str, Any], name: str, what: str) -> bytes:
    try:
        return base64.b64decode(proof[name], validate=True)
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"failed to decode {what}: {name} is not base64") from None


def _public_key(der: bytes) -> tuple[int, int]:
    """Modulus and exponent of a PKCS#1 public key: a sequence of two integers."""
    try:
        content, rest = _element(der, _SEQUENCE)
        modulus_bytes, content = _element(content, _INTEGER)
        exponent_bytes, content = _element(content, _INTEGER)
    except IndexError:
        raise ValueError("failed to decode public key: syntax error: truncated tag or length") from None
    modulus, exponent = int.from_bytes(modulus_bytes, "big"), int.from_bytes(exponent_bytes, "big")
    if rest or content or modulus_bytes[0] & 0x80 or modulus % 2 == 0:
        raise ValueError("failed to decode public key: it is no RSA key")
    if not _SMALLEST_KEY_BYTES * 8 <= modulus.bit_length() <= _MAX_KEY_BITS or not 2 <= exponent < 2**31:
        raise ValueError("failed to decode public key: modulus or exponent is too small or too large")
    return modulus, exponent


def _element(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the DER element that begins the data, and what follows it.

    Raises:
        IndexError: the data ends too early.
        ValueError: the element has another tag.
    """
    if data[0] != tag:
        raise ValueError("failed to decode public key: syntax error: it is no PKCS#1 public key")
    length, start = data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    if not 0 < length <= len(data) - start:
        raise IndexError(length)
    return data[start : start + length], data[start + length :]


ROUTES: Routes = {
    "/api/v1/auth": {"GET": list_methods},
    "/api/v1/auth/{id}": {"GET": get_method, "POST": log_in},
}
