"""What the host sets, in the form in which each part of the bot gets it."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from domain.frozen import Frozen


class Access(Frozen):
    """How the host reaches one provider: its variables, read and checked by config."""

    key: SecretStr | None = None
    base_url: str | None = None
    concurrency: int = 4
    models: tuple[tuple[str, str], ...] = ()
    """Ids and titles: what an API that lists none has, or what the host wants to offer of a long list."""
    quality: str | None = None
    """The best that members may choose, where a model has several."""
    link_hosts: tuple[tuple[str, int | None], ...] = ()
    """Hosts at private addresses that links to its pictures may lead to; without a port, at each of theirs."""
    generation: int = 1
    enabled: bool = True
    profile: str | None = None
    """Which dialect a server that speaks like OpenAI has; None for every other provider."""
    workflow: Path | None = None
    image_workflow: Path | None = None
    mask_workflow: Path | None = None
    """ComfyUI's, in its API format: from words, from words and an image, and from both and a mask."""


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
