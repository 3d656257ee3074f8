# pyright: basic, reportOptionalMemberAccess=false, reportAttributeAccessIssue=false, reportArgumentType=false
"""How well providers work, and who is held back: told from the jobs table."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest

from domain import ContentRejected, Job, State, Tried, Unavailable
from storage.outages import Outage
from studio.conduct import Conduct
from studio.standing import ENOUGH, Standing, standing
from tests.conftest import make_job
from tests.studio.conftest import FakeProvider, paint

NOW = datetime.now(UTC)


@pytest.fixture
def told(store):
    """What is told of "fake" after these jobs, oldest first."""

    async def told(*jobs: dict, outage: Outage | None = None) -> Standing:
        for number, changes in enumerate(jobs):
            job = make_job(100 + number, **{"state": State.DELIVERED, "seconds": 4.0} | changes)
            await store.jobs.add(job.having(created=NOW - timedelta(minutes=len(jobs) - number)))
        return standing("fake", await store.jobs.ended(NOW - timedelta(hours=24)), outage, NOW)

    return told


async def test_of_nothing_nothing_is_told(told):
    assert await told() == Standing("up", None, None, None)


async def test_what_was_drawn_and_what_failed(told):
    done = await told({}, {"seconds": 8.0}, {"seconds": 6.0}, {"state": State.FAILED, "failure": Unavailable().failure})
    assert done == Standing("up", None, 0.75, 6.0)


async def test_refusals_cancellations_and_unfinished_jobs_say_nothing_of_it(told):
    states = (State.REFUSED, State.CANCELLED, State.QUEUED, State.DRAWN)
    assert await told({}, *({"state": state} for state in states)) == Standing("up", None, 1.0, 4.0)


async def test_what_another_had_to_draw_is_a_failure_of_the_first_and_no_measure_of_the_second(told, store):
    moved = {"provider": "other", "tried": (Tried(provider="fake", kind="Unavailable"),), "seconds": 90.0}
    assert await told({}, moved) == Standing("up", None, 0.5, 4.0)
    assert standing("other", await store.jobs.ended(NOW - timedelta(hours=24)), None, NOW).seconds is None


async def test_who_was_not_asked_has_not_failed(told):
    shut = Unavailable("down", field="outage").failure
    passed_over = {"provider": "other", "tried": (Tried(provider="fake", kind="Unavailable", asked=False),)}
    assert await told({}, {"state": State.FAILED, "failure": shut}, passed_over) == Standing("up", None, 1.0, 4.0)


async def test_slow_is_what_lately_takes_twice_the_usual(told):
    assert (await told(*[{}] * 2 * ENOUGH, *[{"seconds": 9.0}] * ENOUGH)).state == "slow"


async def test_a_few_slow_ones_are_not_slow(told):
    assert (await told(*[{}] * 2 * ENOUGH, *[{"seconds": 9.0}] * (ENOUGH // 2))).state == "up"


@pytest.mark.parametrize(("left", "state"), [(30, "down"), (0, "untested"), (-600, "untested")])
async def test_an_outage_is_told_with_its_beginning(told, left, state):
    outage = Outage("fake", "Unavailable", NOW, NOW + timedelta(seconds=left), 30.0)
    assert await told({}, outage=outage) == Standing(state, NOW, 1.0, 4.0)


def refused(id: int, *, ago: float = 0.0, **changes) -> Job:
    """ago: minutes since it was begun."""
    values = {
        "state": State.REFUSED,
        "failure": ContentRejected("no", field="prompt").failure,
        "started": datetime.now(UTC) - timedelta(minutes=ago),
        "seconds": 1.0,
    }
    return make_job(id, **values | changes)


@pytest.mark.parametrize(
    ("changes", "held_back"),
    [
        ({}, True),
        ({"ago": 11}, False),
        ({"ago": 12, "seconds": 300.0}, True),
        ({"state": State.DRAWN}, True),
        ({"user_id": 401}, False),
        ({"failure": ContentRejected("censored").failure}, False),
        ({"provider": "other"}, False),
        ({"state": State.FAILED, "failure": Unavailable("no").failure}, False),
    ],
)
async def test_only_who_was_refused_lately_and_there_is_held_back(store, changes, held_back):
    await store.jobs.add(refused(1, **changes))
    strict = FakeProvider(paint)
    strict.bans = timedelta(minutes=10)
    conduct = Conduct({"fake": strict}, store.jobs)
    with pytest.raises(ContentRejected) if held_back else nullcontext() as caught:
        await conduct.check(make_job(2))
    if held_back:
        assert (caught.value.failure.field, caught.value.failure.takes) == ("member", "10")


async def test_where_nobody_is_shut_out_nobody_is_held_back(store):
    await store.jobs.add(refused(1))
    await Conduct({"fake": FakeProvider(paint)}, store.jobs).check(make_job(2))
