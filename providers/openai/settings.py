"""Settings of an OpenAI-compatible server."""

from pydantic import Field

from providers.kit.settings import ProviderSettings
from providers.openai.profiles import PROFILES


class CompatibleSettings(ProviderSettings):
    """Settings of a server listed in OPENAI_COMPATIBLE."""

    profile: str | None = Field(
        default=None,
        description=f"What a server that `OPENAI_COMPATIBLE` names understands: {', '.join(PROFILES)}. Unset: its name "
        "tells.",
    )

    @property
    def has_unused_values(self) -> bool:
        return True  # it is listed in OPENAI_COMPATIBLE
