"""What the host may set of a provider."""

from typing import ClassVar

from pydantic import ConfigDict, Field

from domain.frozen import Frozen
from providers.kit.variables import Hosts, Integer, Pairs, Secret, Switch, Url

SWITCH_FIELD = "enabled"
"""The field that is read from a variable of the provider's bare name."""


class ProviderSettings(Frozen):
    """What every provider reads from the environment: the field `base_url` of `bfl` from BFL_BASE_URL, and so on.

    A provider with variables of its own has a subclass, which may also describe one of these fields anew.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    without_variable: ClassVar[frozenset[str]] = frozenset()
    """Fields that have no variable, and keep their default."""

    api_key: Secret | None = Field(default=None, description="The provider's key. Most providers are on only with one.")
    base_url: Url | None = Field(default=None, description="Another address than the provider's own.")
    concurrency: Integer = Field(default=4, ge=1, le=100, description="How many of its jobs run at once.")
    models: Pairs = Field(
        default=(),
        description="The models to offer, in this order, as `id=title, id=title`. Unset: all that it lists.",
    )
    quality: str | None = Field(
        default=None,
        description="The best quality that members may choose where a model has several, such as `medium` for "
        "OpenAI's, and what is drawn where they choose none. A word that a model does not know stands for its "
        "cheapest. Unset: any.",
    )
    link_hosts: Hosts = Field(
        default=(),
        description="Machines of yours at private addresses that links to its pictures may lead to, as "
        "`host, host:port`.",
    )

    @classmethod
    def variables(cls, name: str) -> dict[str, str]:
        """The variable that each field is read from, for the provider of that name."""
        read = [field for field in cls.model_fields if field not in cls.without_variable]
        return {field: name.upper() if field == SWITCH_FIELD else f"{name}_{field}".upper() for field in read}

    @property
    def has_unused_values(self) -> bool:
        """Whether something is set that does nothing while the provider is off."""
        return self != type(self).model_construct()


class SwitchableSettings(ProviderSettings):
    """Those of a provider that is switched by a variable of its name, and may be off whatever else is set."""

    enabled: Switch = Field(default=True, description="`off` switches it off.")

    @property
    def has_unused_values(self) -> bool:
        return False
