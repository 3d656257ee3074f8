# pyright: basic, reportOptionalMemberAccess=false
"""Circuit breakers: when one opens, which job probes, and how processes share an outage."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

import studio.work.breakers
from domain import (
    Acceptance,
    AuthError,
    BadResponse,
    Cancelled,
    ContentRejected,
    Down,
    InvalidRequest,
    Job,
    Paused,
    QuotaError,
    RateLimited,
    Suspended,
    Timeout,
    Unavailable,
    Unexpected,
)
from storage.store import open_store
from studio.work.breakers import FAILURES_IN_A_ROW, MAX_BACK_OFF, MIN_BACK_OFF, PROBE_SECONDS, Breakers
from tests.conftest import make_job
from tests.studio.conftest import Clock

DOWN = Unavailable("500")


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(studio.work.breakers, "datetime", made)
    return made


@pytest.fixture
def breakers(store, clock) -> Breakers:
    return Breakers(store)


def asking(member: int, provider: str = "popcord") -> Job:
    """A job of this member."""
    return make_job(member + 1, provider=provider, user_id=member)


async def opened(breakers, failure=DOWN, times=FAILURES_IN_A_ROW) -> None:
    for member in range(times):
        await breakers.record(asking(member), failure)


@pytest.mark.parametrize("kind", [Unavailable, Timeout, QuotaError, AuthError, RateLimited])
async def test_three_failures_in_a_row_open_the_breaker(breakers, kind):
    await opened(breakers, kind("no"), FAILURES_IN_A_ROW - 1)
    assert await breakers.enter(asking(1)) is None
    await breakers.record(asking(1), kind("no"))
    refusal = await breakers.enter(asking(1))
    assert (type(refusal), refusal.cause, refusal.retry_after) == (Down, kind.__name__, MIN_BACK_OFF)
    assert breakers.is_open("popcord")
    assert await breakers.enter(asking(1, "other")) is None


@pytest.mark.parametrize("between", [None, ContentRejected("no"), BadResponse("what")])
async def test_a_success_resets_the_failure_count(breakers, between):
    for _ in range(2):
        await opened(breakers, times=FAILURES_IN_A_ROW - 1)
        await breakers.record(asking(1), between)
    assert await breakers.enter(asking(1)) is None


@pytest.mark.parametrize("kind", [Cancelled, InvalidRequest, Unexpected])
async def test_failures_that_are_not_the_providers_fault_do_not_count(breakers, kind):
    await opened(breakers, kind("no"), 2 * FAILURES_IN_A_ROW)
    assert await breakers.enter(asking(1)) is None
    await opened(breakers, times=FAILURES_IN_A_ROW - 1)
    await breakers.record(asking(1), kind("no"))
    await breakers.record(asking(1), DOWN)
    assert breakers.is_open("popcord")


async def test_a_retry_after_opens_the_breaker_at_once(breakers, clock):
    await breakers.record(asking(1), RateLimited("slow down", retry_after=7))
    assert (await breakers.enter(asking(1))).retry_after == 7
    clock.advance(6.9)
    assert breakers.is_open("popcord")
    clock.advance(0.1)
    assert not breakers.is_open("popcord")
    assert await breakers.enter(asking(1)) is None


async def test_after_the_back_off_one_job_probes_and_the_others_wait(breakers, clock):
    await opened(breakers)
    clock.advance(MIN_BACK_OFF)
    assert await breakers.enter(asking(1)) is None
    refusal = await breakers.enter(asking(1))
    assert (type(refusal), refusal.retry_after) == (Down, None), "the length is unknown while a job probes"
    clock.advance(PROBE_SECONDS)
    assert await breakers.enter(asking(1)) is None, "the first probe has timed out"


async def test_each_failed_probe_doubles_the_back_off(breakers, clock):
    await opened(breakers)
    pause = MIN_BACK_OFF
    for _ in range(8):
        clock.advance(pause)
        assert await breakers.enter(asking(1)) is None
        await breakers.record(asking(1), DOWN)
        pause = min(2 * pause, MAX_BACK_OFF)
        assert (await breakers.enter(asking(1))).retry_after == pause
    assert breakers.outage("popcord").since == datetime(2026, 5, 1, 12, 3, tzinfo=UTC)


async def test_a_successful_probe_ends_the_outage(breakers, clock):
    await opened(breakers)
    clock.advance(MIN_BACK_OFF)
    await breakers.enter(asking(1))
    await breakers.record(asking(1), None)
    assert breakers.outage("popcord") is None
    assert [await breakers.enter(asking(1)) for _ in range(3)] == [None] * 3
    await opened(breakers, times=FAILURES_IN_A_ROW - 1)
    assert not breakers.is_open("popcord")


async def test_failures_of_one_member_alone_do_not_open_the_breaker(breakers):
    for _ in range(2 * FAILURES_IN_A_ROW):
        await breakers.record(asking(1), QuotaError("kudos", taken=Acceptance.NOT_TAKEN))
        await breakers.record(asking(1), Timeout("late"))
    assert not breakers.is_open("popcord")
    await breakers.record(asking(2), Timeout("late"))
    assert breakers.is_open("popcord")


BROKEN = Unavailable("500: no such header", blames_model=True)


def asking_for(model: str, member: int = 1) -> Job:
    return asking(member).having(model=model)


@pytest.mark.parametrize("kind", [Unavailable, AuthError, QuotaError])
async def test_failures_of_one_model_do_not_open_the_breaker(breakers, kind):
    for member in range(3 * FAILURES_IN_A_ROW):
        await breakers.record(asking_for("broken", member), kind("no", blames_model=True))
    assert not breakers.is_open("popcord")


async def test_a_provider_whose_only_model_fails_is_down(breakers):
    await breakers.record(asking(9), DOWN)
    for member in range(FAILURES_IN_A_ROW - 2):
        await breakers.record(asking_for("broken", member), BROKEN, models=1)
    assert not breakers.is_open("popcord")
    await breakers.record(asking_for("broken", 7), BROKEN, models=1)
    assert breakers.is_open("popcord")


async def test_failures_of_one_model_do_not_count_beside_other_failures(breakers):
    for member in range(FAILURES_IN_A_ROW - 1):
        await breakers.record(asking_for("broken", member), BROKEN)
        await breakers.record(asking_for("good", member), DOWN)
    await breakers.record(asking_for("broken", 7), BROKEN)
    assert not breakers.is_open("popcord")


@pytest.mark.parametrize(("fail", "offered", "is_down"), [(2, 2, True), (2, 3, False), (3, 3, True), (3, 9, True)])
async def test_a_provider_is_down_when_all_or_three_of_its_models_fail(breakers, fail, offered, is_down):
    for member in range(2 * FAILURES_IN_A_ROW):
        await breakers.record(asking_for(f"model {member % fail}", member), BROKEN, models=offered)
    assert breakers.is_open("popcord") is is_down


async def test_three_failures_are_enough_where_each_was_of_another_model(breakers):
    for member in range(FAILURES_IN_A_ROW):
        assert not breakers.is_open("popcord")
        await breakers.record(asking_for(f"model {member}", member), BROKEN, models=9)
    assert breakers.is_open("popcord")


async def test_failures_of_all_models_count_beside_other_failures(breakers):
    for model in ("first", "second"):
        await breakers.record(asking_for(model), BROKEN, models=2)
    await breakers.record(asking(2), DOWN)
    assert breakers.is_open("popcord")


@pytest.mark.parametrize("kind", [RateLimited, Unavailable])
async def test_a_retry_after_opens_the_breaker_whatever_model_failed(breakers, kind):
    for model in ("first", "second"):
        await breakers.record(asking_for(model), BROKEN)
    await breakers.record(asking(2), kind("503", retry_after=7, taken=Acceptance.NOT_TAKEN))
    refusal = await breakers.enter(asking(3))
    assert (type(refusal), refusal.cause, refusal.retry_after) == (Paused, kind.__name__, 7)


async def test_failures_of_one_model_do_not_count_beside_one_other_failure(breakers):
    """The number of models does not matter if no model is to blame."""
    for member in range(FAILURES_IN_A_ROW):
        await breakers.record(asking_for("broken", member), BROKEN, models=5)
    await breakers.record(asking(7), DOWN)
    assert not breakers.is_open("popcord")


async def test_a_success_resets_the_count_of_failed_models(breakers):
    for member in range(2 * FAILURES_IN_A_ROW):
        await breakers.record(asking_for(f"model {member}", member), BROKEN)
        await breakers.record(asking_for("good", member), None)
    assert not breakers.is_open("popcord")


async def test_a_broken_model_does_not_prolong_an_outage(breakers, clock):
    await opened(breakers)
    clock.advance(MIN_BACK_OFF)
    assert await breakers.enter(asking_for("broken")) is None
    await breakers.record(asking_for("broken"), BROKEN)
    assert await breakers.enter(asking_for("good", 2)) is None, "it has no outcome: another job may probe"


async def test_refused_connections_open_the_breaker_even_for_one_member(breakers):
    for _ in range(FAILURES_IN_A_ROW):
        await breakers.record(asking(1), Unavailable("no connection", taken=Acceptance.NOT_TAKEN))
    assert breakers.is_open("popcord")


async def test_jobs_sent_before_the_outage_can_only_extend_it(breakers):
    await opened(breakers, times=8)
    assert (await breakers.enter(asking(1))).retry_after == MIN_BACK_OFF
    await breakers.record(asking(1), RateLimited("429", retry_after=100))
    refusal = await breakers.enter(asking(1))
    assert (refusal.cause, refusal.retry_after) == ("Unavailable", 100)
    await breakers.record(asking(1), RateLimited("429", retry_after=50))
    assert (await breakers.enter(asking(1))).retry_after == 100


async def test_a_retry_after_is_capped_at_ten_minutes(breakers):
    await breakers.record(asking(1), RateLimited("429", retry_after=1e7))
    assert (await breakers.enter(asking(1))).retry_after == MAX_BACK_OFF


async def test_an_accepted_probe_allows_the_next_one(breakers, clock):
    await opened(breakers)
    clock.advance(MIN_BACK_OFF)
    await breakers.accepted(asking(1).id)
    assert await breakers.enter(asking(1)) is None
    assert await breakers.enter(asking(2))
    await breakers.accepted(asking(3).id)
    assert await breakers.enter(asking(2)), "a job from before the outage proves nothing"
    clock.advance(1)
    await breakers.accepted(asking(1).id)
    assert await breakers.enter(asking(2)) is None
    await breakers.accepted(asking(1).id)
    assert await breakers.enter(asking(3)), "each probe allows only one more"
    await breakers.record(asking(1), None)
    assert breakers.outage("popcord") is None


async def test_the_back_off_grows_for_a_provider_that_accepts_and_then_fails(breakers, clock):
    await opened(breakers)
    since, pause = breakers.outage("popcord").since, MIN_BACK_OFF
    for _ in range(3):
        clock.advance(pause)
        for member in (1, 2):
            assert await breakers.enter(asking(member)) is None
            await breakers.accepted(asking(member).id)
        pause *= 2
        for member in (1, 2):
            await breakers.record(asking(member), DOWN)
            await breakers.leave(asking(member))
            assert (await breakers.enter(asking(3))).retry_after == pause
    assert breakers.outage("popcord").since == since


@pytest.mark.parametrize("failure", [None, Cancelled(), DOWN, BadResponse("what")])
async def test_the_success_of_a_job_from_before_the_outage_does_not_end_it(breakers, clock, failure):
    await opened(breakers)
    clock.advance(MIN_BACK_OFF)
    assert await breakers.enter(asking(1)) is None
    await breakers.record(asking(2), failure)
    assert (await breakers.enter(asking(3))).retry_after is None
    await breakers.record(asking(1), DOWN)
    assert (await breakers.enter(asking(3))).retry_after == 2 * MIN_BACK_OFF


async def test_a_retry_after_is_not_shortened_by_older_jobs(breakers, clock):
    await breakers.record(asking(1), RateLimited("429", retry_after=120, taken=Acceptance.NOT_TAKEN))
    clock.advance(1)
    await breakers.record(asking(2), None)
    refusal = await breakers.enter(asking(2))
    assert (type(refusal), refusal.retry_after) == (Paused, 119)


async def test_a_probe_of_an_older_outage_does_not_end_a_newer_one(breakers, clock):
    await opened(breakers)
    clock.advance(MIN_BACK_OFF)
    assert await breakers.enter(asking(1)) is None
    await breakers.accepted(asking(1).id)
    assert await breakers.enter(asking(2)) is None
    await breakers.record(asking(2), None)
    clock.advance(60)
    await opened(breakers)
    await breakers.record(asking(1), None)
    assert breakers.is_open("popcord")


@pytest.mark.parametrize("late", [None, Timeout("late"), RateLimited("429", retry_after=2)])
@pytest.mark.parametrize("first", [DOWN, RateLimited("429", retry_after=10)])
async def test_a_probes_retry_after_is_not_shortened_by_another_probe(breakers, clock, first, late):
    await opened(breakers, first)
    clock.advance(MIN_BACK_OFF)
    for member in (1, 2):
        assert await breakers.enter(asking(member)) is None
        await breakers.accepted(asking(member).id)
        clock.advance(1)
    await breakers.record(asking(2), RateLimited("429", retry_after=120))
    await breakers.record(asking(1), late)
    assert (await breakers.enter(asking(3))).retry_after == 120


async def test_a_success_does_not_end_an_outage_that_another_process_has_extended(store, clock, breakers):
    await opened(breakers)
    clock.advance(MIN_BACK_OFF)
    assert await breakers.enter(asking(1)) is None
    known = breakers.outage("popcord")
    extended = known._replace(generation=known.generation + 1, until=clock.time + timedelta(seconds=99), probing=False)
    await store.outages.write(extended)
    await breakers.record(asking(1), None)
    assert (await breakers.enter(asking(2))).retry_after == 99


async def test_a_probe_without_an_outcome_allows_the_next_one(breakers, clock):
    await opened(breakers)
    clock.advance(MIN_BACK_OFF)
    assert await breakers.enter(asking(1)) is None
    assert await breakers.enter(asking(2))
    await breakers.leave(asking(1))
    assert await breakers.enter(asking(2)) is None
    await breakers.accepted(asking(1).id)
    assert await breakers.enter(asking(3))


async def test_two_concurrent_failures_open_one_outage(breakers, clock):
    failures = [RateLimited("429", retry_after=seconds, taken=Acceptance.NOT_TAKEN) for seconds in (120, 5, 60)]
    await asyncio.gather(*(breakers.record(asking(member), each) for member, each in enumerate(failures)))
    assert (await breakers.enter(asking(4))).retry_after == pytest.approx(120, abs=1)
    clock.advance(121)
    assert await breakers.enter(asking(4)) is None
    await breakers.record(asking(4), None)
    assert breakers.outage("popcord") is None


@pytest.mark.parametrize("news", [RateLimited("429", retry_after=120, taken=Acceptance.NOT_TAKEN), None])
async def test_allowing_the_next_probe_keeps_another_processs_extension(breakers, store, clock, news):
    other = Breakers(store)
    await opened(breakers)
    clock.advance(MIN_BACK_OFF)
    assert await breakers.enter(asking(1)) is None
    clock.advance(PROBE_SECONDS + 1)
    await other.refresh()
    assert await other.enter(asking(2)) is None
    await other.record(asking(2), news)
    await breakers.accepted(asking(1).id)  # the notification has not arrived yet
    for each in (breakers, other):
        await each.refresh()
        assert each.is_open("popcord") is (news is not None)


async def test_refresh_reads_exactly_the_stored_outages(postgres, tmp_path):
    async with open_store(await postgres.database(), tmp_path) as store:
        for turn in range(10):
            breakers, name = Breakers(store), f"provider {turn}"
            failures = [RateLimited("429", retry_after=each, taken=Acceptance.NOT_TAKEN) for each in (120, 5, 60, 7)]
            jobs = [make_job(member, provider=name, user_id=member) for member in range(4)]
            await asyncio.gather(*map(breakers.record, jobs, failures))
            known = breakers.outage(name)
            await breakers.refresh()
            assert known == breakers.outage(name)
            assert known.until > datetime.now(UTC) + timedelta(seconds=100)


async def test_an_unavailable_model_does_not_open_the_breaker(breakers):
    for member in (1, 1, 1, 2, 3):
        await breakers.record(
            asking(member), Unavailable("no", option="model", retry_after=60, taken=Acceptance.NOT_TAKEN)
        )
    assert not breakers.is_open("popcord")


@pytest.mark.parametrize("error", [OSError("the database is away"), RuntimeError("a bug")])
async def test_an_outcome_that_cannot_be_recorded_ends_no_job(breakers, clock, monkeypatch, error):
    await opened(breakers)
    clock.advance(MIN_BACK_OFF)
    assert await breakers.enter(asking(1)) is None

    async def away(*_):
        raise error

    for name in ("write", "end"):
        monkeypatch.setattr(breakers._store, name, away)
    await breakers.accepted(asking(1).id)
    await breakers.record(asking(1), None)
    await breakers.record(asking(1), DOWN)


async def test_a_write_during_a_refresh_is_kept(breakers, monkeypatch):
    read, reads = breakers._store.all, []

    async def slowly():
        reads.append(1)
        known = await read()
        if len(reads) == 1:
            await opened(breakers)
        return known

    monkeypatch.setattr(breakers._store, "all", slowly)
    await breakers.refresh()
    assert breakers.is_open("popcord")


@pytest.mark.parametrize("failure", [Cancelled(), Suspended(provider="Horde", seconds=60)])
async def test_a_probe_that_proves_nothing_about_the_provider_allows_the_next(breakers, clock, failure):
    await opened(breakers)
    clock.advance(MIN_BACK_OFF)
    assert await breakers.enter(asking(1)) is None
    await breakers.record(asking(1), failure)
    assert breakers.outage("popcord")
    assert await breakers.enter(asking(1)) is None


async def test_beginning_a_probe_is_idempotent(store, clock, breakers):
    """A commit whose response was lost is retried."""
    await opened(breakers)
    known, until = breakers.outage("popcord"), clock.time + timedelta(seconds=PROBE_SECONDS)
    assert [await store.outages.begin_probe(known, until) for _ in range(2)] == [True, True]
    assert not await store.outages.begin_probe(known, until + timedelta(microseconds=1))


async def test_a_job_that_lost_the_race_for_the_probe_enters_if_the_outage_has_ended(store, clock, breakers):
    await opened(breakers)
    other = Breakers(store)
    await other.refresh()
    clock.advance(MIN_BACK_OFF)
    assert await breakers.enter(asking(1)) is None
    await breakers.record(asking(1), None)
    assert await other.enter(asking(1)) is None
    assert other.outage("popcord") is None


async def test_an_outage_ended_by_another_process_resets_the_failure_count(store, clock, breakers):
    await opened(breakers)
    await store.outages.end(breakers.outage("popcord"))
    await breakers.refresh()
    await opened(breakers, times=FAILURES_IN_A_ROW - 1)
    assert not breakers.is_open("popcord")


async def test_an_outage_survives_a_restart(store, clock, breakers):
    await opened(breakers)
    other = Breakers(store)
    await other.refresh()
    assert (await other.enter(asking(1))).retry_after == MIN_BACK_OFF


async def test_processes_share_an_outage_and_only_one_probes(postgres, tmp_path, clock):
    url = await postgres.database()
    async with open_store(url, tmp_path / "1") as first, open_store(url, tmp_path / "2") as second:
        one, two = Breakers(first), Breakers(second)
        await opened(one)
        async with asyncio.timeout(5):
            while two.outage("popcord") is None:
                await asyncio.sleep(0.01)
        assert two.is_open("popcord")
        clock.advance(MIN_BACK_OFF)
        refusals = await asyncio.gather(one.enter(asking(1)), two.enter(asking(1)))
        assert sorted(each is None for each in refusals) == [False, True]
        await (two if refusals[0] else one).record(asking(1), None)
        async with asyncio.timeout(5):
            while one.outage("popcord") or two.outage("popcord"):
                await asyncio.sleep(0.01)
