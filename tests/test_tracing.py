# pyright: basic
"""Discord's time, from the Date headers of its answers."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import formatdate

import aiohttp
import pytest

from tests.discord_server import DiscordServer, headed
from tracing import DiscordClock, add_hooks, clock_warning

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def observe(clock: DiscordClock, offset: float, *moments: float, took: float = 0.2) -> None:
    """Observe answers at these moments of Discord's time, on a machine whose clock is `offset` seconds ahead."""
    for moment in moments:
        told = NOON + seconds(moment // 1)
        clock.observe(told, NOON + seconds(moment + took / 2 + offset), seconds(took))


def test_without_any_answer_the_offset_is_0():
    assert DiscordClock().offset == timedelta()


@pytest.mark.parametrize("off", [0.0, 0.4, -0.4])
def test_an_offset_within_a_headers_resolution_is_ignored(off):
    clock = DiscordClock()
    observe(clock, off, 0.5)
    assert clock.offset == timedelta()


@pytest.mark.parametrize("off", [900.0, -900.0, 3.0, -75.5])
def test_each_answer_narrows_the_offset(off):
    clock = DiscordClock()
    observe(clock, off, 0.5, took=30)
    observe(clock, off, 40.0, 47.3, 52.6, 61.95)
    assert abs(clock.offset - seconds(off)) < seconds(0.3)


def test_a_slow_answer_does_not_widen_the_bounds():
    clock = DiscordClock()
    observe(clock, 900, 1.0, 2.95)
    before = clock.offset
    observe(clock, 900, 70.5, took=120)
    assert clock.offset == before


def test_a_changed_clock_is_followed_after_two_answers():
    clock = DiscordClock()
    observe(clock, 900, 1.0, 2.95)
    observe(clock, 0, 10.5)
    assert abs(clock.offset - seconds(900)) < seconds(1)
    observe(clock, 0, 11.5)
    assert clock.offset == timedelta()


@pytest.mark.parametrize("known", [(), (1.0, 2.95)])
def test_a_single_contradicting_answer_is_ignored(known, caplog):
    clock = DiscordClock()
    observe(clock, 0, *known)
    observe(clock, -7200, 10.5)
    assert clock.offset == timedelta()
    observe(clock, 0, 11.5)
    observe(clock, -7200, 12.5)
    observe(clock, 0, 13.5)
    observe(clock, -3600, 14.5)
    assert clock.offset == timedelta()
    assert not caplog.records


def test_an_offset_of_a_minute_is_logged_once(caplog):
    clock = DiscordClock()
    observe(clock, 58, 1.5)
    assert not caplog.records
    observe(clock, 62, 10.5, 11.5)
    observe(clock, 900, 20.5)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert clock_warning(seconds(-90)) == "This machine's clock is 90 s behind Discord's: let NTP set it."


@pytest.fixture
async def clock_of() -> AsyncGenerator[Callable[..., Awaitable[DiscordClock]]]:
    """The clock after answers with these headers, on a machine whose own clock is right."""
    async with DiscordServer("token") as discord:

        async def learnt(*heads: dict[str, str]) -> DiscordClock:
            clock = DiscordClock()
            trace = add_hooks(aiohttp.TraceConfig(), clock)
            async with aiohttp.ClientSession(trace_configs=[trace]) as session:
                for head in heads:
                    discord.fault(lambda _: True, headed(head))
                    async with session.get(f"{discord.api_url}/gateway") as answer:
                        assert answer.status == 200
            return clock

        yield learnt


def ago(hours: float) -> str:
    return formatdate(time.time() - hours * 3600, usegmt=True)


async def test_the_offset_is_learnt_from_answers(clock_of):
    assert abs((await clock_of({"Date": ago(2)}, {"Date": ago(2)})).offset - seconds(7200)) < seconds(2)


async def test_the_date_of_a_cached_answer_is_ignored(clock_of):
    cached = {"Date": ago(2), "Age": "7200"}
    assert (await clock_of(cached, cached, {}, cached, cached)).offset == timedelta()


@pytest.mark.parametrize(
    "date",
    [
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Mon, 01 Jan 0001 00:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Tue, 01 Jun 2026 12:00:00 +9999",
        "Tue, 31 Feb 2026 12:00:00 GMT",
        "Tue, 1 Jun " + "9" * 400 + " 12:00:00 GMT",
        "Tue, 01 Jun 2026 12.00.00.00.00 GMT",
        "-1",
        ",",
        "soon",
        "\udcff",
        "",
    ],
)
async def test_unusable_dates_are_ignored(clock_of, date):
    clock = await clock_of(*[{"Date": date}] * 3)
    assert clock.offset == timedelta()
    assert clock.now().year < 9999
