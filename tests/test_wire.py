# pyright: basic
"""What time it is on Discord, by the Date headers of its answers."""

from datetime import UTC, datetime, timedelta

import pytest

from wire import DiscordClock, clock_trouble

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def learn(clock: DiscordClock, ahead: float, *moments: float, took: float = 0.2) -> None:
    """Answers that a machine so many seconds before Discord gets, at moments by Discord's own time."""
    for moment in moments:
        told = NOON + seconds(moment // 1)
        clock.learn(told, NOON + seconds(moment + took / 2 + ahead), seconds(took))


def test_a_machine_that_has_heard_nothing_is_right():
    assert DiscordClock().ahead == timedelta()


@pytest.mark.parametrize("off", [0.0, 0.4, -0.4])
def test_what_a_header_cannot_tell_is_not_reckoned_with(off):
    clock = DiscordClock()
    learn(clock, off, 0.5)
    assert clock.ahead == timedelta()


@pytest.mark.parametrize("off", [900.0, -900.0, 3.0, -75.5])
def test_each_answer_narrows_the_difference_down(off):
    clock = DiscordClock()
    learn(clock, off, 0.5, took=30)
    learn(clock, off, 40.0, 47.3, 52.6, 61.95)
    assert abs(clock.ahead - seconds(off)) < seconds(0.3)


def test_a_slow_answer_says_little_and_spoils_nothing():
    clock = DiscordClock()
    learn(clock, 900, 1.0, 2.95)
    before = clock.ahead
    learn(clock, 900, 70.5, took=120)
    assert clock.ahead == before


def test_a_clock_that_has_been_set_meanwhile_is_believed():
    clock = DiscordClock()
    learn(clock, 900, 1.0, 2.95)
    learn(clock, 0, 10.5)
    assert clock.ahead == timedelta()


def test_the_host_is_told_of_a_minute_once(caplog):
    clock = DiscordClock()
    learn(clock, 58, 1.5)
    assert not caplog.records
    learn(clock, 62, 10.5, 11.5)
    learn(clock, 900, 20.5)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert clock_trouble(seconds(-90)) == "This machine's clock is 90 s behind Discord's: let NTP set it."
