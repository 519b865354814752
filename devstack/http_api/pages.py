"""Web pages that talk to us. Browsers let any page that a person looks at send requests to this machine.

Any page may read, as it may with Bacalhau. One that could submit jobs would run programs here, so only pages of this
machine may act. A page's own name for this machine counts for nothing: names can be made to point here.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.types import Scope

from devstack.http_api.call import header

__all__ = ["is_foreign", "may_act"]


def is_foreign(scope: Scope) -> bool:
    """Whether a page of another place asks."""
    origin = header(scope, b"origin").decode("latin-1")
    return bool(origin) and _netloc(origin) != header(scope, b"host").decode("latin-1").lower()


def may_act(scope: Scope) -> bool:
    """Whether the request comes from no page, from one of this machine, or from one at the address that it asks."""
    origin = header(scope, b"origin").decode("latin-1")
    if not origin:
        return True
    address = _address(origin)
    return address is not None and (address.is_loopback or not is_foreign(scope))


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _address(origin: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The numeric address of the page's host; None if it has only a name."""
    try:
        host = urlsplit(origin).hostname or ""
        return ipaddress.ip_address("127.0.0.1" if host == "localhost" or host.endswith(".localhost") else host)
    except ValueError:
        return None
