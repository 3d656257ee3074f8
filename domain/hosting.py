"""What the host sets, in the form in which each part of the bot gets it."""

from collections.abc import Mapping

from pydantic import SecretStr

from domain.frozen import Frozen


class SpoolPlace(Frozen):
    """A bucket that several machines share."""

    url: str
    """`s3://bucket/folder`."""
    options: Mapping[str, SecretStr]
    """AWS's own variables, in lower case: `aws_access_key_id` and so on."""


class Limits(Frozen):
    """How many unfinished jobs there may be, and how much may be kept of members' images."""

    per_member: int = 10
    per_server: int = 100
    uploads_mib: int = 2048
