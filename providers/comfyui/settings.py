"""Settings of ComfyUI."""

from pathlib import Path

from pydantic import Field

from providers.kit.own_server import OwnServerSettings
from providers.kit.variables import Url


class ComfyUISettings(OwnServerSettings):
    base_url: Url | None = Field(
        default=None, description="Where ComfyUI runs, such as `http://127.0.0.1:8188`, or `http://user:password@host`."
    )
    workflow: Path | None = Field(
        default=None,
        description="A workflow of your own that draws from words, saved in the API format, with placeholders "
        "(docs/providers.md). Unset: Easel's own.",
    )
    image_workflow: Path | None = Field(
        default=None,
        description="The same, from words and an image. Unset: Easel's own.",
    )
    mask_workflow: Path | None = Field(default=None, description="The same, from both and a mask. Unset: Easel's own.")
