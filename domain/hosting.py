"""Settings of the host, as the other rooms get them."""

from collections.abc import Mapping

from pydantic import SecretStr

from domain.frozen import Frozen


class SpoolPlace(Frozen):
    """An S3 bucket that several machines share as their spool."""

    url: str
    """`s3://bucket/folder`."""
    options: Mapping[str, SecretStr]
    """AWS's own variables, in lower case: `aws_access_key_id` and so on."""
    client: Mapping[str, SecretStr] = {}
    """Of obstore's client: its proxy and certificates."""


class Limits(Frozen):
    """Limits for unfinished jobs, and for members' images in the spool."""

    per_member: int = 10
    per_server: int = 100
    uploads_mib: int = 2048
