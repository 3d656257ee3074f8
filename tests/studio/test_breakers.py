# pyright: basic, reportOptionalMemberAccess=false
"""Who is down: when a breaker opens, who tries again, and how everybody hears of it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

import studio.breakers
from domain import (
    AuthError,
    BadResponse,
    Cancelled,
    ContentRejected,
    EaselError,
    InvalidRequest,
    QuotaError,
    RateLimited,
    Timeout,
    Unavailable,
)
from storage.store import open_store
from studio.breakers import IN_A_ROW, LONGEST, LONGEST_TOLD, PROBE_SECONDS, SHORTEST, Breakers

DOWN = Unavailable("500").failure


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 5, 1, 12, 3, tzinfo=UTC)

    def now(self, zone) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(studio.breakers, "datetime", made)
    return made


@pytest.fixture
def breakers(store, clock) -> Breakers:
    return Breakers(store)


async def opened(breakers, failure=DOWN, times=IN_A_ROW) -> None:
    for member in range(times):
        await breakers.learn("popcord", failure, member)


@pytest.mark.parametrize("kind", [Unavailable, Timeout, QuotaError, AuthError, RateLimited])
async def test_some_failures_in_a_row_open_it(breakers, kind):
    await opened(breakers, kind("no").failure, IN_A_ROW - 1)
    assert await breakers.admit("popcord") is None
    await breakers.learn("popcord", kind("no").failure, 1)
    refusal = await breakers.admit("popcord")
    assert (refusal.kind, refusal.field, refusal.retry_after) == (kind.__name__, "outage", SHORTEST)
    assert refusal.unaccepted
    assert breakers.is_shut("popcord")
    assert await breakers.admit("other") is None


@pytest.mark.parametrize("between", [None, ContentRejected("no").failure, BadResponse("what").failure])
async def test_an_answer_in_between_starts_the_count_anew(breakers, between):
    for _ in range(2):
        await opened(breakers, times=IN_A_ROW - 1)
        await breakers.learn("popcord", between, 1)
    assert await breakers.admit("popcord") is None


@pytest.mark.parametrize("kind", [Cancelled, InvalidRequest, EaselError])
async def test_what_says_nothing_of_the_provider_does_not_count(breakers, kind):
    await opened(breakers, kind("no").failure, 2 * IN_A_ROW)
    assert await breakers.admit("popcord") is None
    await opened(breakers, times=IN_A_ROW - 1)
    await breakers.learn("popcord", kind("no").failure, 1)
    await breakers.learn("popcord", DOWN, 1)
    assert breakers.is_shut("popcord")


async def test_a_provider_that_says_for_how_long_is_believed_at_once(breakers, clock):
    await breakers.learn("popcord", RateLimited("slow down", retry_after=7).failure, 1)
    assert (await breakers.admit("popcord")).retry_after == 7
    clock.advance(6.9)
    assert breakers.is_shut("popcord")
    clock.advance(0.1)
    assert not breakers.is_shut("popcord")
    assert await breakers.admit("popcord") is None


async def test_one_job_tries_again_and_the_others_wait_for_it(breakers, clock):
    await opened(breakers)
    clock.advance(SHORTEST)
    assert await breakers.admit("popcord") is None
    assert (await breakers.admit("popcord")).retry_after == PROBE_SECONDS
    clock.advance(PROBE_SECONDS)
    assert await breakers.admit("popcord") is None, "whoever tried has died"


async def test_each_further_failure_keeps_it_shut_for_longer(breakers, clock):
    await opened(breakers)
    pause = SHORTEST
    for _ in range(8):
        clock.advance(pause)
        assert await breakers.admit("popcord") is None
        await breakers.learn("popcord", DOWN, 1)
        pause = min(2 * pause, LONGEST)
        assert (await breakers.admit("popcord")).retry_after == pause
    assert breakers.outage("popcord").since == datetime(2026, 5, 1, 12, 3, tzinfo=UTC)


async def test_a_success_opens_the_door(breakers, clock):
    await opened(breakers)
    clock.advance(SHORTEST)
    await breakers.admit("popcord")
    await breakers.learn("popcord", None, 1)
    assert breakers.outage("popcord") is None
    assert [await breakers.admit("popcord") for _ in range(3)] == [None] * 3
    await opened(breakers, times=IN_A_ROW - 1)
    assert not breakers.is_shut("popcord")


async def test_one_member_alone_does_not_shut_out_the_others(breakers):
    for _ in range(2 * IN_A_ROW):
        await breakers.learn("popcord", QuotaError("kudos", unaccepted=True).failure, 1)
        await breakers.learn("popcord", Timeout("late").failure, 1)
    assert not breakers.is_shut("popcord")
    await breakers.learn("popcord", Timeout("late").failure, 2)
    assert breakers.is_shut("popcord")


async def test_nobody_there_shuts_it_whoever_asks(breakers):
    for _ in range(IN_A_ROW):
        await breakers.learn("popcord", Unavailable("no connection", unaccepted=True).failure, 1)
    assert breakers.is_shut("popcord")


async def test_what_was_asked_before_it_opened_changes_nothing_but_a_later_end(breakers):
    await opened(breakers, times=8)
    assert (await breakers.admit("popcord")).retry_after == SHORTEST
    await breakers.learn("popcord", RateLimited("429", retry_after=100).failure, 1)
    told = await breakers.admit("popcord")
    assert (told.kind, told.retry_after) == ("Unavailable", 100)
    await breakers.learn("popcord", RateLimited("429", retry_after=50).failure, 1)
    assert (await breakers.admit("popcord")).retry_after == 100


async def test_nobody_is_believed_for_more_than_an_hour(breakers):
    await breakers.learn("popcord", RateLimited("429", retry_after=1e7).failure, 1)
    assert (await breakers.admit("popcord")).retry_after == LONGEST_TOLD


async def test_whoever_gets_on_lets_the_others_in(breakers, clock):
    await opened(breakers)
    clock.advance(SHORTEST)
    await breakers.accepted("popcord")
    assert breakers.outage("popcord"), "nobody has tried yet"
    assert await breakers.admit("popcord") is None
    await breakers.accepted("popcord")
    assert breakers.outage("popcord") is None


@pytest.mark.parametrize("failure", [Cancelled().failure, ContentRejected("held back", field="member").failure])
async def test_a_try_that_told_nothing_is_given_to_another(breakers, clock, failure):
    await opened(breakers)
    clock.advance(SHORTEST)
    assert await breakers.admit("popcord") is None
    await breakers.learn("popcord", failure, 1)
    assert breakers.outage("popcord")
    assert await breakers.admit("popcord") is None


async def test_who_comes_too_late_for_the_try_is_let_in_where_it_is_over(store, clock, breakers):
    await opened(breakers)
    other = Breakers(store)
    await other.refresh()
    clock.advance(SHORTEST)
    assert await breakers.admit("popcord") is None
    await breakers.learn("popcord", None, 1)
    assert await other.admit("popcord") is None
    assert other.outage("popcord") is None


async def test_what_another_process_has_closed_is_counted_anew(store, clock, breakers):
    await opened(breakers)
    await store.outages.end("popcord")
    await breakers.refresh()
    await opened(breakers, times=IN_A_ROW - 1)
    assert not breakers.is_shut("popcord")


async def test_a_restart_remembers(store, clock, breakers):
    await opened(breakers)
    other = Breakers(store)
    await other.refresh()
    assert (await other.admit("popcord")).retry_after == SHORTEST


async def test_processes_share_it_and_one_of_them_tries(postgres, tmp_path, clock):
    url = await postgres.database()
    async with open_store(url, tmp_path / "1") as first, open_store(url, tmp_path / "2") as second:
        one, two = Breakers(first), Breakers(second)
        await opened(one)
        async with asyncio.timeout(5):
            while two.outage("popcord") is None:
                await asyncio.sleep(0.01)
        assert two.is_shut("popcord")
        clock.advance(SHORTEST)
        told = await asyncio.gather(one.admit("popcord"), two.admit("popcord"))
        assert sorted(each is None for each in told) == [False, True]
        await one.learn("popcord", None, 1)
        async with asyncio.timeout(5):
            while two.outage("popcord"):
                await asyncio.sleep(0.01)
