"""Base models of providers' settings."""

from typing import ClassVar

from pydantic import ConfigDict, Field

from domain.frozen import Frozen
from providers.kit.model_facts import ModelFacts
from providers.kit.variables import Hosts, Integer, Pairs, Secret, Switch, Url

SWITCH_FIELD = "enabled"
"""Name of the field that is read from a variable named like the provider."""


class ProviderSettings(Frozen):
    """Settings that every provider has: the field `base_url` of `bfl` is read from BFL_BASE_URL.

    A provider with more settings has a subclass, which may also redefine these fields.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    without_variable: ClassVar[frozenset[str]] = frozenset({"facts"})
    """Fields without an environment variable."""

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
    facts: ModelFacts | None = None
    """What is known of its models, with what MODELS_FILE mends; None: what Easel itself knows."""

    @classmethod
    def variables(cls, name: str) -> dict[str, str]:
        """Environment variable of each field, for a provider's name."""
        read = [field for field in cls.model_fields if field not in cls.without_variable]
        return {field: name.upper() if field == SWITCH_FIELD else f"{name}_{field}".upper() for field in read}

    def facts_file(self, name: str) -> str:
        """The name of the file in `providers/facts` about its models, for a provider's name."""
        return name

    @property
    def has_unused_values(self) -> bool:
        """Whether any value is set, which has no effect while the provider is disabled."""
        return self != type(self).model_construct()


class SwitchableSettings(ProviderSettings):
    """Settings of a provider with an on/off variable of its own name."""

    enabled: Switch = Field(default=True, description="`off` switches it off.")

    @property
    def has_unused_values(self) -> bool:
        return False
