"""Addresses under which whoever has them can fetch a published archive for a while. Source: http_api reference 4.8."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from devstack.adapters.s3.clients import S3Clients
from devstack.adapters.s3.objects import read_source
from devstack.errors import AdapterError
from devstack.models.job import SpecConfig

__all__ = ["S3Signer"]

_LIMIT_S: Final = 30 * 60
_SUFFIX: Final = ".tar.gz"


class S3Signer:
    """Signs with the requester's credentials."""

    def __init__(self, clients: S3Clients) -> None:
        self._clients = clients

    async def sign(self, results: Sequence[SpecConfig]) -> Sequence[SpecConfig]:
        """The results, each archive on S3 with an address for half an hour; what cannot be signed stays as it is."""
        if not any(_is_archive(result) for result in results):
            return results
        return await self._clients.call(lambda: [self._signed(result) for result in results])

    def _signed(self, result: SpecConfig) -> SpecConfig:
        from botocore.exceptions import BotoCoreError

        if not _is_archive(result):
            return result
        try:
            where = read_source(result)
            wanted = {"Bucket": where.bucket, "Key": where.key}
            if where.version_id:
                wanted["VersionId"] = where.version_id
            client = self._clients.client(where.endpoint, where.region)
            url = client.generate_presigned_url("get_object", Params=wanted, ExpiresIn=_LIMIT_S)
        except (AdapterError, BotoCoreError):
            return result
        return SpecConfig("s3PreSigned", {"SourceSpec": dict(result.params), "PreSignedURL": url})


def _is_archive(result: SpecConfig) -> bool:
    return result.key == "s3" and str(result.param("Key", "")).endswith(_SUFFIX)
