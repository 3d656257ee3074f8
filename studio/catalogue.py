"""Who can draw: for menus, and for whoever wants to know how well each provider works."""

from collections.abc import Mapping
from datetime import UTC, datetime

from domain import Settings
from providers.kit.base import Provider, title_of
from storage.job_store import JobStore
from studio.intake.planning import Planner
from studio.work.breakers import Breakers
from studio.work.standing import LATELY, Standing, standing


class Catalogue:
    """The providers that are on, the default of each server, and how they do."""

    def __init__(self, planner: Planner, jobs: JobStore, breakers: Breakers) -> None:
        self.providers: Mapping[str, Provider] = planner.providers
        """By name."""
        self._planner = planner
        self._jobs = jobs
        self._breakers = breakers

    @property
    def default(self) -> Provider:
        """The bot's own."""
        return self.providers[self._planner.default]

    def default_for(self, settings: Settings) -> Provider:
        """The server's own choice while it is on, else the bot's."""
        return self._planner.default_for(settings)

    def chosen(self, name: str | None, settings: Settings) -> Provider:
        """The provider of that name, or the default where there is none."""
        return self.providers.get(name or "") or self.default_for(settings)

    def title(self, name: str) -> str:
        """How a provider is called, as far as that is known."""
        return title_of(self.providers, name)

    def is_up(self, name: str) -> bool:
        """Whether a provider is asked, or left alone for a while."""
        return not self._breakers.is_open(name)

    async def standings(self) -> Mapping[str, Standing]:
        """How well each provider works, by its latest jobs."""
        now = datetime.now(UTC)
        ended = await self._jobs.ended_since(now - LATELY)
        return {name: standing(name, ended, self._breakers.outage(name), now) for name in self.providers}
