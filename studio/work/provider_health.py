"""The health of each provider, from the outcomes of its latest jobs."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Literal, NamedTuple

from domain import State
from storage.job_store import Ended
from storage.outages import Outage

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
