"""The providers that are switched on, for menus and /providers."""

from collections.abc import Mapping
from datetime import UTC, datetime

from domain import Settings
from providers.kit.base import Provider, title_of
from storage.job_store import JobStore
from studio.intake.planning import Planner
from studio.work.breakers import Breakers
from studio.work.provider_health import HEALTH_PERIOD, ProviderHealth, health_of


class Catalogue:
    """The providers that are switched on, each server's default, and their health."""

    def __init__(self, planner: Planner, jobs: JobStore, breakers: Breakers) -> None:
        self.providers: Mapping[str, Provider] = planner.providers
        """By name."""
        self._planner = planner
        self._jobs = jobs
        self._breakers = breakers

    @property
    def default(self) -> Provider:
        """The bot's default provider."""
        return self.providers[self._planner.default]

    def default_for(self, settings: Settings) -> Provider:
        """The server's default provider if it is switched on, else the bot's."""
        return self._planner.default_for(settings)

    def chosen(self, name: str | None, settings: Settings) -> Provider:
        """The provider of that name, or the server's default if there is none."""
        return self.providers.get(name or "") or self.default_for(settings)

    def title(self, name: str) -> str:
        """A provider's title, or its name if it is switched off."""
        return title_of(self.providers, name)

    def is_up(self, name: str) -> bool:
        """Whether the provider's circuit breaker is closed or half-open."""
        return not self._breakers.is_open(name)

    async def health(self) -> Mapping[str, ProviderHealth]:
        """The health of each provider, from its latest jobs."""
        now = datetime.now(UTC)
        ended = await self._jobs.ended_since(now - HEALTH_PERIOD)
        return {name: health_of(name, ended, self._breakers.outage(name), now) for name in self.providers}
