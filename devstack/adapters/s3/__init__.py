"""S3 and what speaks like it: results that go there, inputs that come from there. Needs the extra `s3`.

clients    the credentials of this machine, a client for each server, calls off the event loop
errors     what servers and boto3 say, in words for people
objects    which objects an input means, and where they stand on the disk
source     fetches them
folder     what of a results folder may leave this machine
publisher  sends it
signing    addresses under which a client without credentials can fetch results
"""

from devstack.adapters.s3.clients import S3Clients, open_s3
from devstack.adapters.s3.publisher import S3Publisher
from devstack.adapters.s3.signing import S3Signer
from devstack.adapters.s3.source import S3Storage

__all__ = ["S3Clients", "S3Publisher", "S3Signer", "S3Storage", "open_s3"]
