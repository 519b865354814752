"""Clients of S3 servers, with the credentials of this machine. boto3 is imported when the first is made."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlsplit

import trio

from devstack.adapters.s3.errors import failure
from devstack.errors import AdapterError

__all__ = ["CONNECTIONS", "S3Clients", "open_s3"]

_T = TypeVar("_T")
CONNECTIONS: Final = 8  # At once to one server.
_THREADS: Final = 32
_MOST_CLIENTS: Final = 16
_DEFAULT_REGION: Final = "us-east-1"
_LOOK_LIMIT_S: Final = 5.0
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")

# boto3 takes a second to import: only where one of these says that there may be credentials.
_VARIABLES: Final = (
    "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE",
    "AWS_CREDENTIAL_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI", "BOTO_CONFIG",
)  # fmt: skip
_FILES: Final = ("~/.aws/credentials", "~/.aws/config", "~/.boto", "/etc/boto.cfg")
_VENDOR_FILE: Final = Path("/sys/devices/virtual/dmi/id/sys_vendor")


class S3Clients:
    """One client for each endpoint and region, made when it is wanted; any thread may use them.

    Args:
        session: A boto3 session that has found credentials.
        connect_timeout_s: How long a server may take to be reached; it is tried three times.
        read_timeout_s: How long a server may be silent.
        clear_up_limit_s: How long a cancelled caller waits until its changes are taken back.
    """

    def __init__(
        self,
        session: Any,
        *,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 60.0,
        clear_up_limit_s: float = 2.0,
    ) -> None:
        self._session = session
        self._clear_up_limit_s = clear_up_limit_s
        self._timeouts = {"connect_timeout": connect_timeout_s, "read_timeout": read_timeout_s}
        self._clients: OrderedDict[tuple[str, str], Any] = OrderedDict()
        self._lock = threading.Lock()
        # Of its own: servers that do not answer must not take the threads that others need.
        self._limiter = trio.CapacityLimiter(_THREADS)

    def client(self, endpoint: str, region: str) -> Any:
        """The client of this server; an empty endpoint is Amazon's, and never one that the environment names.

        Raises:
            AdapterError: the endpoint is no web address.
        """
        where = (endpoint.strip(), region.strip())
        with self._lock:  # botocore makes one client at a time.
            if where not in self._clients:
                self._clients[where] = self._make(*where)
            self._clients.move_to_end(where)
            if len(self._clients) > _MOST_CLIENTS:
                self._clients.popitem(last=False)[1].close()
            return self._clients[where]

    async def call(self, function: Callable[[], _T]) -> _T:
        """What the function, which asks a server and changes nothing, returns; off the event loop.

        A cancelled caller goes at once, so that a silent server holds nothing up; the thread ends by itself.
        """
        return await trio.to_thread.run_sync(function, abandon_on_cancel=True, limiter=self._limiter)

    async def change(self, function: Callable[[], _T], take_back: Callable[[], None]) -> _T:
        """The same for a function that changes something.

        A cancelled caller waits until that is taken back, but not for ever: then the thread goes on alone.

        Args:
            take_back: Called, off the event loop, when the function fails or its result reaches nobody.
        """
        change = _Change(function, take_back)
        try:
            return await self.call(change.run)
        except trio.Cancelled:
            change.give_up()
            with trio.move_on_after(self._clear_up_limit_s, shield=True):
                await self.call(change.wait_nothing_left)
            raise

    def close(self) -> None:
        """Close all connections that are not in use."""
        with self._lock:
            while self._clients:
                self._clients.popitem()[1].close()

    def _make(self, endpoint: str, region: str) -> Any:
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        host = urlsplit(endpoint).hostname if "://" in endpoint else ""
        if endpoint and not (host and endpoint.lower().startswith(("http://", "https://"))):
            raise AdapterError(
                f"invalid s3 endpoint {endpoint!r}: it is no web address",
                "write it as http://HOST:PORT or https://HOST",
            )
        config = Config(
            **self._timeouts,
            signature_version="s3v4",
            max_pool_connections=CONNECTIONS,
            retries={"mode": "standard", "total_max_attempts": 3},
            ignore_configured_endpoint_urls=True,
            proxies={} if host in _LOOPBACK else None,  # Never through a proxy.
            # Servers of other makers do not know the checksums that boto3 adds by itself; ours say more.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path" if endpoint else "auto"},
        )
        region = region or self._session.region_name or _DEFAULT_REGION
        try:
            return self._session.client("s3", region_name=region, endpoint_url=endpoint or None, config=config)
        except (BotoCoreError, ValueError) as exc:
            raise failure("cannot make a client", exc) from None


class _Change(Generic[_T]):
    """Work in a thread whose result is either taken by its caller or taken back."""

    def __init__(self, function: Callable[[], _T], take_back: Callable[[], None]) -> None:
        self._function, self._take_back = function, take_back
        self._lock, self._nothing_left = threading.Lock(), threading.Event()
        self._has_begun = self._is_done = self._is_given_up = False

    def run(self) -> _T:
        with self._lock:
            if self._is_given_up:
                raise AdapterError("cancelled before it began")
            self._has_begun = True
        try:
            result = self._function()
            with self._lock:
                self._is_done = not self._is_given_up
        finally:
            if not self._is_done:
                self._clear_up()
        return result

    def give_up(self) -> None:
        """The caller takes no result any more. Never waits."""
        with self._lock:
            self._is_given_up = True
            if not self._has_begun:
                self._nothing_left.set()
        if self._is_done:
            threading.Thread(target=self._clear_up, daemon=True).start()

    def wait_nothing_left(self) -> None:
        """Return when all is taken back that was to be."""
        self._nothing_left.wait()

    def _clear_up(self) -> None:
        self._take_back()
        self._nothing_left.set()


async def open_s3() -> tuple[S3Clients | None, str]:
    """Clients with the credentials that are found in the usual places; else None, and in one line what is missing."""
    if find_spec("boto3") is None or find_spec("re2") is None:
        return None, "it needs more packages: pip install 'bacalhau-devstack[s3]'"
    missing = (
        "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or write ~/.aws/credentials"
    )
    if not _may_have_credentials():
        return None, missing
    with trio.move_on_after(_LOOK_LIMIT_S):
        try:
            session = await trio.to_thread.run_sync(_session, abandon_on_cancel=True)
        except AdapterError as exc:
            return None, exc.message
        return (None, missing) if session is None else (S3Clients(session), "")
    return None, f"AWS credentials were not found within {_LOOK_LIMIT_S:.0f} s"


def _may_have_credentials() -> bool:
    return any(os.environ.get(name) for name in _VARIABLES) or any(map(_exists, _FILES)) or _is_amazons_machine()


def _exists(path: str) -> bool:
    return Path(path).expanduser().exists()


def _is_amazons_machine() -> bool:
    try:
        return _VENDOR_FILE.read_text().strip() == "Amazon EC2"
    except OSError:
        return False


def _session() -> Any:
    """A session with credentials; None if there are none."""
    import boto3
    from botocore.exceptions import BotoCoreError
    from botocore.session import get_session

    session = get_session()
    try:
        if not _is_amazons_machine():
            # Nobody else has that service, and asking for it takes seconds.
            session.get_component("credential_provider").remove("iam-role")
        return boto3.Session(botocore_session=session) if session.get_credentials() is not None else None
    except BotoCoreError as exc:
        raise failure("cannot read the AWS credentials", exc) from None
