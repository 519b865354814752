"""Logging in where a server asks for it: signing a phrase, or answering its questions. Source: client calls 2.

Bacalhau's client logs in before its first request. Ours tries without, so that a network that asks nobody is left
alone, and logs in once when the answer is 401.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import click

from devstack.cli.configuration import write_privately
from devstack.cli.settings import key_file, token_file, tokens
from devstack.client import ApiError, Client
from devstack.errors import UsageError

__all__ = ["choose", "log_in", "store_token"]

Method = Mapping[str, Any]

_AUTH: Final = "/api/v1/auth"
_KEY_BITS: Final = 2048
_KNOWN: Final = ("challenge", "ask")


def log_in(client: Client) -> str:
    """A new token for the client's server, which is kept in tokens.json; empty if nobody is there to answer.

    Raises:
        ApiError: the server knows no way to log in that we know, or refuses.
        UsageError: the key cannot be used.
    """
    where = client.address.base_url
    store_token(where, "")
    try:
        methods = client.request("GET", _AUTH, holding="Methods")["Methods"] or {}
        name = _chosen({name: method for name, method in methods.items() if method.get("type") in _KNOWN}, methods)
        if not name:
            return ""
        answer = client.request("POST", f"{_AUTH}/{quote(name, safe='')}", body=_proof(name, methods[name]))
    except ApiError as exc:
        raise exc.while_doing("failed to authorize user") from None
    found = answer.get("Authentication") or {}
    if not found.get("success"):
        raise ApiError(f"failed to authorize user: {found.get('reason') or 'invalid token'}")
    token = str(found.get("token") or "")
    store_token(where, token)
    return token


def store_token(where: str, token: str) -> None:
    """Keep the token under the server's address; an empty one removes what is there."""
    known = tokens()
    if known.get(where, "") != token:
        others = {address: kept for address, kept in known.items() if address != where}
        write_privately(token_file(), json.dumps(others | ({where: token} if token else {})))


def choose(names: list[str]) -> str:
    """The one name, or the one whose number is read from standard input; empty at the end of the input."""
    if len(names) == 1:
        return names[0]
    for number, name in enumerate(names, 1):
        click.echo(f"{number}. {name}", err=True)
    while True:
        click.echo(f"How do you want to log in (1 to {len(names)})? ", err=True, nl=False)
        line = sys.stdin.readline()
        if not line:
            return ""
        if line.strip().isdecimal() and 1 <= int(line) <= len(names):
            return names[int(line) - 1]


def _chosen(usable: Mapping[str, Method], offered: Mapping[str, Method]) -> str:
    if not usable:
        types = " ".join(sorted(str(method.get("type")) for method in offered.values()))
        raise ApiError(
            f"no common authentication method: client supports [{' '.join(_KNOWN)}], server supports [{types}]"
        )
    return choose(sorted(usable))


def _proof(name: str, method: Method) -> dict[str, Any]:
    params = method.get("params") or {}
    data = _signed(params) if method["type"] == "challenge" else _answers(params)
    encoded = base64.b64encode(json.dumps(data).encode()).decode()
    return {"Namespace": "", "Credential": None, "Name": name, "MethodData": encoded}


def _answers(schema: Mapping[str, Any]) -> dict[str, str]:
    """A line of standard input for each property that the server wants; a password is not shown."""
    found = {}
    for name, property_ in (schema.get("properties") or {}).items():
        hidden = sys.stdin.isatty() and (property_ or {}).get("writeOnly", name.lower() in ("password", "secret"))
        click.echo(f"{name}: ", err=True, nl=False)
        if hidden:
            from getpass import getpass

            found[name] = getpass("", sys.stderr)
        else:
            found[name] = sys.stdin.readline().rstrip("\r\n")
    return found


def _signed(params: Mapping[str, Any]) -> dict[str, str]:
    """The phrase signed with the client's key: RSA, PKCS#1 v1.5, SHA-256."""
    try:
        phrase = base64.b64decode(params["InputPhrase"], validate=True)
    except (KeyError, TypeError, ValueError):
        raise ApiError("the server asks for a signature, but its phrase cannot be read") from None
    try:
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import padding
    except ImportError:
        raise UsageError(
            "this network wants a signature", "install what makes one: pip install 'bacalhau-devstack[login]'"
        ) from None
    key = _key(key_file())
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    signature = key.sign(phrase, padding.PKCS1v15(), hashes.SHA256())
    return {
        "PhraseSignature": base64.b64encode(signature).decode(),
        "PublicKey": base64.b64encode(public).decode(),
    }


def _key(path: Path) -> Any:
    """The client's private key; made and kept with the first login."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    if not path.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        write_privately(path, pem.decode())
        return key
    try:
        found = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as exc:
        raise UsageError(f"{path}: {(exc.strerror or str(exc)).lower()}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UsageError(f"{path} is no private key in PEM form: mend it, or remove it for a new one") from None
    if not isinstance(found, rsa.RSAPrivateKey):
        raise UsageError(f"{path} is no RSA key: name another one in user.keypath")
    return found
