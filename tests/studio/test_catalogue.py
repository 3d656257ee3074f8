# pyright: basic, reportOptionalMemberAccess=false, reportAttributeAccessIssue=false, reportArgumentType=false
"""The health of providers, computed from the jobs table."""

from datetime import UTC, datetime, timedelta

import pytest

from domain import Down, Interrupted, State, Tried, Unavailable
from storage.outages import Outage
from studio.catalogue import MIN_JOBS, ProviderHealth, health_of
from tests.conftest import make_job

NOW = datetime.now(UTC)


@pytest.fixture
def health(store):
    """The health of "fake" after these jobs, oldest first."""

    async def health(*jobs: dict, outage: Outage | None = None) -> ProviderHealth:
        for number, changes in enumerate(jobs):
            job = make_job(100 + number, **{"state": State.DELIVERED, "seconds": 4.0} | changes)
            await store.jobs.add(job.having(created=NOW - timedelta(minutes=len(jobs) - number)))
        return health_of("fake", await store.statistics.ended_since(NOW - timedelta(hours=24)), outage, NOW)

    return health


async def test_no_jobs_give_no_figures(health):
    assert await health() == ProviderHealth("up", None, None, None)


async def test_the_rate_counts_drawn_and_failed_jobs(health):
    done = await health({}, {"seconds": 8.0}, {"seconds": 6.0}, {"state": State.FAILED, "failure": Unavailable()})
    assert done == ProviderHealth("up", None, 0.75, 6.0)


async def test_refused_cancelled_and_unfinished_jobs_do_not_count(health):
    states = (State.REFUSED, State.CANCELLED, State.QUEUED, State.DRAWN)
    assert await health({}, *({"state": state} for state in states)) == ProviderHealth("up", None, 1.0, 4.0)


async def test_parked_jobs_count_as_drawn_and_interrupted_ones_do_not_count(health):
    parked = {"state": State.DRAWN, "parked": True}
    ended = {"state": State.INTERRUPTED, "failure": Interrupted()}
    failed = parked | {"failure": Unavailable()}
    assert await health(parked, ended, failed) == ProviderHealth("up", None, 1.0, 4.0)


async def test_a_fallback_is_a_failure_of_the_first_provider_and_a_success_of_the_second(health, store):
    moved = {"provider": "other", "tried": (Tried(provider="fake", kind="Unavailable"),), "seconds": 9.0}
    assert await health({}, moved) == ProviderHealth("up", None, 0.5, 4.0)
    ended = await store.statistics.ended_since(NOW - timedelta(hours=24))
    assert health_of("other", ended, None, NOW) == ProviderHealth("up", None, 1.0, 9.0)


async def test_a_provider_that_was_not_asked_has_not_failed(health):
    shut = Down("down", cause="Unavailable", since=NOW)
    passed_over = {"provider": "other", "tried": (Tried(provider="fake", kind="Unavailable", asked=False),)}
    assert await health({}, {"state": State.FAILED, "failure": shut}, passed_over) == ProviderHealth(
        "up", None, 1.0, 4.0
    )


async def test_a_provider_is_slow_when_new_jobs_take_twice_the_median(health):
    assert (await health(*[{}] * 2 * MIN_JOBS, *[{"seconds": 9.0}] * MIN_JOBS)).state == "slow"


async def test_a_few_slow_ones_are_not_slow(health):
    assert (await health(*[{}] * 2 * MIN_JOBS, *[{"seconds": 9.0}] * (MIN_JOBS // 2))).state == "up"


@pytest.mark.parametrize(("left", "state"), [(30, "down"), (0, "untested"), (-600, "untested")])
async def test_an_outage_is_shown_with_its_start(health, left, state):
    outage = Outage("fake", "Unavailable", NOW, NOW + timedelta(seconds=left), 30.0)
    assert await health({}, outage=outage) == ProviderHealth(state, NOW, 1.0, 4.0)
