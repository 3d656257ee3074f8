"""What the host may set of a server that speaks like OpenAI."""

from pydantic import Field

from providers.kit.settings import ProviderSettings
from providers.openai.profiles import PROFILES


class CompatibleSettings(ProviderSettings):
    """Those of a server that OPENAI_COMPATIBLE names."""

    profile: str | None = Field(
        default=None,
        description=f"What a server that `OPENAI_COMPATIBLE` names understands: {', '.join(PROFILES)}. Unset: its name "
        "tells.",
    )

    @property
    def has_unused_values(self) -> bool:
        return True  # the host has named it
