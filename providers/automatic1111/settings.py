"""Settings of Automatic1111."""

from pydantic import Field

from providers.kit.settings import ProviderSettings
from providers.kit.variables import Secret, Url


class Automatic1111Settings(ProviderSettings):
    base_url: Url | None = Field(
        default=None,
        description="Where Automatic1111, Forge, SD.Next or stable-diffusion.cpp runs, started with `--api`, such as "
        "`http://127.0.0.1:7860`.",
    )
    api_key: Secret | None = Field(default=None, description="With `--api-auth`: `user:password`.")
