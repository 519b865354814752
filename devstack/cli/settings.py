"""Where the server is and which token it wants: flags, environment, `config.yaml`, defaults, in this order."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from devstack.cli.configuration import environment, lookup, read_file
from devstack.cli.flags import BOOL, Choice, FlagOption
from devstack.client import Address, Client
from devstack.errors import UsageError

__all__ = [
    "GLOBAL_FLAGS",
    "address",
    "connect",
    "key_file",
    "names_server",
    "program",
    "reader",
    "repository",
    "stored_token",
    "token_file",
    "tokens",
]

_META: Final = "devstack.settings."
_FALSE: Final = frozenset({"", "0", "f", "F", "FALSE", "false", "False"})

# Flag, key in config.yaml, the two environment variables.
_KEYS: Final = {
    "api_host": ("node.clientapi.host", "BACALHAU_API_HOST"),
    "api_port": ("node.clientapi.port", "BACALHAU_API_PORT"),
    "tls": ("node.clientapi.clienttls.usetls", "BACALHAU_API_TLS"),
    "cacert": ("node.clientapi.clienttls.cacert", "BACALHAU_API_CACERT"),
    "insecure": ("node.clientapi.clienttls.insecure", "BACALHAU_API_INSECURE"),
    "key_path": ("user.keypath", ""),
    "tokens_path": ("auth.tokenspath", ""),
}


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    # A flag may stand before or behind the command; the later one is parsed later, so it wins.
    if value is not None:
        ctx.meta[_META + str(param.name)] = value


def _global(name: str, **attributes: Any) -> FlagOption:
    return FlagOption([name], expose_value=False, callback=_remember, **attributes)


GLOBAL_FLAGS: Final = (
    _global("--api-host", metavar="HOST", help="Host or URL of the API server.  [default: 127.0.0.1]"),
    _global("--api-port", metavar="PORT", type=click.IntRange(1, 65535), help="Port of it.  [default: 1234]"),
    _global("--tls", type=BOOL, help="Speak https with it."),
    _global("--cacert", metavar="FILE", help="Trust certificates signed by this authority."),
    _global("--insecure", type=BOOL, help="Do not check the server's certificate."),
    _global(
        "--log-mode",
        type=Choice("default", "station", "json", "combined", "event"),
        hidden=True,
        help="Accepted for Bacalhau's sake; has no effect.",
    ),
    _global("--repo", metavar="DIR", help="Folder of config.yaml and tokens.json.  [default: ~/.bacalhau]"),
)


def program() -> str:
    """What to type to run us again, for hints."""
    ctx = click.get_current_context(silent=True)
    return (ctx.find_root().info_name if ctx else None) or "devstack"


def connect(limit_s: float | None = None) -> Client:
    """A client for the server that the flags and the environment name; closed with the running command."""
    ctx = click.get_current_context()
    where = address()
    token = stored_token(where)
    client = Client(where, token=token, log_in=_log_in, **({} if limit_s is None else {"limit_s": limit_s}))
    ctx.call_on_close(client.close)
    return client


def address() -> Address:
    """The server to speak to.

    Raises:
        UsageError: a value that is no host, port or file.
    """
    read = reader()
    host, port, tls = _host_and_port(read("api_host"), read("api_port"))
    certificate = read("cacert")
    if certificate and not Path(certificate).is_file():
        raise UsageError(f"--cacert: there is no file {certificate}")
    wants_tls = tls or read("tls") not in _FALSE
    return Address(host, port, wants_tls, certificate, read("insecure") not in _FALSE)


def names_server() -> bool:
    """Whether a flag of this command names the server; the environment does not count."""
    meta = click.get_current_context().meta
    return _META + "api_host" in meta or _META + "api_port" in meta


def repository() -> Path:
    """The folder of config.yaml and tokens.json; it need not exist."""
    flag = click.get_current_context().meta.get(_META + "repo")
    chosen = flag or os.environ.get("BACALHAU_DIR")
    return Path(chosen).expanduser() if chosen else Path.home() / ".bacalhau"


def key_file() -> Path:
    """The client's private key, for servers that want a login; it need not exist."""
    named = reader()("key_path")
    return Path(named).expanduser() if named else repository() / "user_id.pem"


def token_file() -> Path:
    """Where tokens are kept, by server; it need not exist."""
    named = reader()("tokens_path")
    return Path(named).expanduser() if named else repository() / "tokens.json"


def tokens() -> dict[str, str]:
    """The tokens that logins have left, by the server's URL."""
    import json

    path = token_file()
    try:
        found = json.loads(path.read_bytes() or b"{}")
    except OSError:
        return {}
    except (ValueError, RecursionError):
        raise UsageError(f"{path} is not JSON: mend or remove it") from None
    return {str(where): str(token) for where, token in found.items()} if isinstance(found, dict) else {}


def stored_token(where: Address) -> str:
    """The token that a login has left for this server, if any."""
    return tokens().get(where.base_url, "")


def _log_in(client: Client) -> str:
    from devstack.cli.login import log_in

    return log_in(client)


def reader() -> Callable[[str], str]:
    """Looks up one of the client's settings, by its flag's name; empty if it is set nowhere."""
    meta = click.get_current_context().meta
    variables = environment()
    file: Mapping[str, Any] | None = None

    def read(name: str) -> str:
        nonlocal file
        key, short_name = _KEYS[name]
        flag = meta.get(_META + name)
        if flag is not None:
            return str(flag)
        found = variables.get("BACALHAU_" + key.upper().replace(".", "_")) or variables.get(short_name)
        if found:
            return found
        if file is None:
            file = read_file(repository())
        value = lookup(file, key)
        return "" if value is None else str(value)

    return read


def _host_and_port(given: str, port: str) -> tuple[str, int, bool]:
    """The parts of a host that may be a URL; a port of its own beats the separate one."""
    match = _HOST.fullmatch(given)
    if match is None:
        raise UsageError(f"{given!r} is no host: give a name, an IP address or http://HOST:PORT")
    scheme, bracketed, address6, name, own_port = match.groups()
    host = bracketed or address6 or name or "127.0.0.1"
    return host, _port(own_port or port or "1234"), (scheme or "").lower() == "https"


# A name or an IPv4 address, an IPv6 address with or without brackets; with http(s):// before and a port behind.
_HOST: Final = re.compile(
    r"(?:(https?)://)?(?:\[([0-9a-fA-F:.]+)\]|([0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)|([^\s/@?#:\[\]]*))(?::(\d*))?/?",
    re.IGNORECASE,
)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise UsageError(f"{text!r} is no port: give a whole number from 1 to 65535 (--api-port or BACALHAU_API_PORT)")
    return int(text)
