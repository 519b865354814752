"""What went wrong between us and a server, in words for people. Texts of servers are shown short and never trusted."""

from __future__ import annotations

import re
from typing import Any, Final

from devstack.errors import AdapterError

__all__ = ["failure"]

_LONGEST_TEXT: Final = 200
_CREDENTIALS_HINT: Final = "look at AWS_ACCESS_KEY_ID and its like where the stack was started, or into ~/.aws"
_REASONS: Final = {
    "NoSuchBucket": "the bucket does not exist",
    "NoSuchKey": "there is no such object",
    "NoSuchVersion": "the object has no such version",
    "404": "there is no such object",
    "AccessDenied": "the credentials of this node do not allow it",
    "403": "the credentials of this node do not allow it",
    "ExpiredToken": "the credentials of this node have expired",
    "TokenRefreshRequired": "the credentials of this node have expired",
    "InvalidAccessKeyId": "the credentials of this node are not accepted",
    "InvalidToken": "the credentials of this node are not accepted",
    "SignatureDoesNotMatch": "the credentials of this node are not accepted",
    "PreconditionFailed": "the object was changed meanwhile",
    "412": "the object was changed meanwhile",
    "BadDigest": "it was damaged on its way",
    "InvalidDigest": "it was damaged on its way",
}
# Key ids and session tokens, which a server may send back to whoever reads the job's state.
_SECRET: Final = re.compile(r"\b(?:A[A-Z]{3}[A-Z0-9]{12,}|[A-Za-z0-9+/=_-]{30,})")


def failure(doing: str, error: Exception) -> AdapterError:
    """The error as one reason: `{doing}: {reason}`; none of it shows credentials.

    Args:
        error: Of botocore, or of the disk.
    """
    reason, hint = _reason(error)
    return AdapterError(f"{doing}: {reason}", hint)


def _reason(error: Exception) -> tuple[str, str]:
    from botocore import exceptions as boto

    match error:
        case boto.ClientError():
            return _answer(error.response)
        case boto.NoCredentialsError() | boto.PartialCredentialsError() | boto.CredentialRetrievalError():
            return "this node has no usable credentials", _CREDENTIALS_HINT
        case boto.ReadTimeoutError() | boto.ConnectTimeoutError():
            return "the server does not answer in time", ""
        case boto.EndpointConnectionError() | boto.ConnectionError():
            return "the server cannot be reached", "look at the endpoint and the region"
        case boto.HTTPClientError() | boto.IncompleteReadError():
            return "the connection broke", ""
        case OSError():
            return error.strerror or str(error), ""
    return _short(str(error)), ""


def _answer(response: dict[str, Any]) -> tuple[str, str]:
    said = response.get("Error", {})
    code = str(said.get("Code", ""))
    reason = _REASONS.get(code)
    if reason is None:
        return _short(f"{code} {said.get('Message', '')}") or "the server refuses without a reason", ""
    return reason, _CREDENTIALS_HINT if "credentials" in reason else ""


def _short(text: str) -> str:
    line = _SECRET.sub("...", " ".join(text.split()))
    return line if len(line) <= _LONGEST_TEXT else f"{line[:_LONGEST_TEXT]}..."
