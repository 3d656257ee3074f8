"""How well each provider works, from what became of the latest jobs."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Literal, NamedTuple

from domain import State
from storage.job_store import Ended
from storage.outages import Outage

LATELY = timedelta(hours=24)
ENOUGH = 5
"""Drawn jobs: from fewer nothing is concluded."""
SLOW = 2.0
"""Times the usual seconds: a provider whose newest jobs take longer is slow."""
FAILED = State.FAILED
"""What was refused or cancelled, or cut off by our own end, says nothing of the provider."""


class Standing(NamedTuple):
    state: Literal["up", "slow", "down", "untested"]
    """Untested: it was down, and nobody has asked it since its time is over."""
    since: datetime | None
    """When the outage began."""
    rate: float | None
    """The share of its latest jobs that were drawn, 0 to 1."""
    seconds: float | None
    """How long they took, in the median."""


def standing(provider: str, ended: Sequence[Ended], outage: Outage | None, now: datetime) -> Standing:
    """ended: newest first."""
    drawn = [job.seconds for job in ended if job.provider == provider and _is_drawn(job) and job.seconds]
    failed = sum(map(len, _failures(provider, ended)))
    rate = len(drawn) / (len(drawn) + failed) if drawn or failed else None
    usual = median(drawn) if drawn else None
    if outage:
        return Standing("down" if now < outage.until else "untested", outage.since, rate, usual)
    slow = usual is not None and len(drawn) >= 2 * ENOUGH and median(drawn[:ENOUGH]) > SLOW * usual
    return Standing("slow" if slow else "up", None, rate, usual)


def _is_drawn(job: Ended) -> bool:
    """Whether it was delivered or, without a place to be delivered to, is parked."""
    return job.state == State.DELIVERED or (job.state == State.DRAWN and not job.has_failed)


def _failures(provider: str, ended: Iterable[Ended]) -> Iterable[list[str]]:
    for job in ended:
        own = [str(job.state)] if job.provider == provider and job.state == FAILED and job.asked else []
        yield own + [tried["kind"] for tried in job.tried if tried["provider"] == provider and tried.get("asked", True)]
