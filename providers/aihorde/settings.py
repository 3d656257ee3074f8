"""Settings of AI Horde."""

from pydantic import Field

from providers.kit.settings import SwitchableSettings
from providers.kit.variables import Secret, Switch


class AIHordeSettings(SwitchableSettings):
    api_key: Secret | None = Field(default=None, description="A key of your own waits less, and may draw larger.")
    enabled: Switch = Field(
        default_factory=lambda read: read["api_key"] is not None,
        examples=["on"],
        description="Volunteers draw on their own machines, for nothing, and could read the prompts; no key is needed. "
        "`off` switches it off. Unset: on where there is a key.",
    )
