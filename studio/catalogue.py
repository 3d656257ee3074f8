"""The providers that are switched on, and how well each works, for menus and /providers."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Literal, NamedTuple

from domain import Settings, State
from providers.kit.base import Provider, title_of
from storage.job_statistics import Ended, JobStatistics
from storage.outages import Outage
from studio.intake.planning import Planner
from studio.work.breakers import Breakers

HEALTH_PERIOD = timedelta(hours=24)
MIN_JOBS = 5
"""Minimum number of drawn jobs for a comparison."""
SLOW_FACTOR = 2.0
"""A provider is slow if the median of its newest jobs exceeds its overall median by this factor."""
FAILED = State.FAILED
"""The only state that counts as a failure: refused, cancelled and interrupted jobs are not the provider's fault."""


class ProviderHealth(NamedTuple):
    state: Literal["up", "slow", "down", "untested"]
    """Untested: the back-off of an outage is over, and no job has asked the provider since."""
    since: datetime | None
    """When the outage began."""
    rate: float | None
    """Fraction of its latest jobs that were drawn, 0 to 1."""
    seconds: float | None
    """Median duration of the drawn jobs."""


class Catalogue:
    """The providers that are switched on, each server's default, and their health."""

    def __init__(self, planner: Planner, statistics: JobStatistics, breakers: Breakers) -> None:
        self.providers: Mapping[str, Provider] = planner.providers
        """By name."""
        self._planner = planner
        self._statistics = statistics
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
        ended = await self._statistics.ended_since(now - HEALTH_PERIOD)
        return {name: health_of(name, ended, self._breakers.outage(name), now) for name in self.providers}


def health_of(provider: str, ended: Sequence[Ended], outage: Outage | None, now: datetime) -> ProviderHealth:
    """The provider's health. ended: latest jobs of all providers, newest first."""
    drawn = [job.seconds for job in ended if job.provider == provider and _is_drawn(job) and job.seconds]
    failed = sum(map(len, _failures(provider, ended)))
    rate = len(drawn) / (len(drawn) + failed) if drawn or failed else None
    usual = median(drawn) if drawn else None
    if outage:
        return ProviderHealth("down" if now < outage.until else "untested", outage.since, rate, usual)
    slow = usual is not None and len(drawn) >= 2 * MIN_JOBS and median(drawn[:MIN_JOBS]) > SLOW_FACTOR * usual
    return ProviderHealth("slow" if slow else "up", None, rate, usual)


def _is_drawn(job: Ended) -> bool:
    """Whether the job's pictures are delivered or waiting for delivery."""
    return job.state == State.DELIVERED or (job.state == State.DRAWN and not job.has_failed)


def _failures(provider: str, ended: Iterable[Ended]) -> Iterable[list[str]]:
    for job in ended:
        own = [str(job.state)] if job.provider == provider and job.state == FAILED and job.asked else []
        yield own + [tried["kind"] for tried in job.tried if tried["provider"] == provider and tried.get("asked", True)]
