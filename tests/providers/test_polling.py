# pyright: basic
"""Polling: which polls are repeated, after which pause, and what ends it."""

import asyncio
import json
from dataclasses import replace

import pytest

from domain import Acceptance, AuthError, QuotaError, RateLimited, Timeout, Unavailable
from providers.http.answers import Answer
from providers.kit.polling import PollIntervals, poll
from tests.providers.conftest import FakeProgress

DONE, AGAIN = Answer(200, {}, b'"done"'), Answer(200, {}, b'"again"')
LATE = 3
"""Number of polls within the grace period of a 404."""
GONE, BUSY = Answer(404, {}, b"{}"), Answer(429, {"Retry-After": "34"}, b"{}")


@pytest.fixture
def asked(transport):
    """Poll through the given responses."""

    async def run(*answers) -> FakeProgress:
        left, progress = list(answers), FakeProgress({"id": "7"})

        async def ask() -> Answer:
            step = left.pop(0)
            if isinstance(step, Exception):
                raise step
            return step

        async def is_done(answer: Answer) -> bool:
            return answer.body == DONE.body

        await poll(transport, progress, ask, is_done)
        assert left == []
        return progress

    return run


async def test_polls_until_done_with_back_off(asked, waits):
    await asked(*[AGAIN] * 10, DONE)
    assert all(0.9 * PollIntervals().first <= wait <= 1.1 * PollIntervals().longest for wait in waits)
    assert waits[0] < waits[3] < waits[9]


@pytest.mark.parametrize("trouble", [Unavailable(), Timeout(), Answer(500, {}, b""), Answer(503, {}, b""), BUSY])
async def test_a_failed_poll_is_repeated(asked, trouble):
    assert (await asked(trouble, AGAIN, trouble, DONE)).remembered == {"id": "7"}


async def test_a_silent_provider_is_given_up_and_the_job_stays_remembered(asked, waits):
    patient = PollIntervals().silence_limit
    few, many = [Unavailable()] * 15, [Timeout()] * 40
    assert (await asked(*few, BUSY, *few, DONE)).remembered == {"id": "7"}
    waits.clear()
    with pytest.raises(Unavailable) as caught:
        await asked(*many)
    assert patient < sum(waits) < patient + 2 * PollIntervals().longest
    assert caught.value.taken is Acceptance.TAKEN


async def test_a_requested_pause_does_not_count_as_silence(asked, waits):
    long = Answer(503, {"Retry-After": "120"}, b"")
    assert (await asked(long, Unavailable(), DONE)).remembered == {"id": "7"}
    assert sum(waits) > 0.9 * PollIntervals().silence_limit


async def test_one_slow_poll_does_not_count_as_silence(transport):
    async def ask() -> Answer:
        await asyncio.sleep(0.02)
        if not answers:
            answers.append(DONE)
            raise Timeout
        return DONE

    async def is_done(answer: Answer) -> bool:
        return True

    answers: list[Answer] = []
    await poll(transport, FakeProgress({"id": "7"}), ask, is_done, PollIntervals(silence_limit=0.01))


async def test_a_failed_poll_clears_the_last_report(asked):
    progress = await asked(AGAIN, Unavailable(), AGAIN, DONE)
    assert progress.reports == [(None, None, None)]


@pytest.mark.parametrize("said", [{}, {"detail": "6 requests per minute while you have less than $5 in credit"}])
async def test_retry_after_delays_the_next_poll(asked, waits, said):
    await asked(replace(BUSY, body=json.dumps(said).encode()), DONE)
    assert 0.9 * 34 <= waits[1] <= 1.1 * 34


async def test_an_early_404_is_polled_again(asked):
    await asked(*[GONE] * LATE, DONE)


@pytest.mark.parametrize("status", [404, 410])
async def test_a_late_404_ends_the_job(asked, status):
    with pytest.raises(Timeout, match="no longer knows"):
        await asked(*[AGAIN] * LATE, Answer(status, {}, b"{}"))


@pytest.mark.parametrize("status", [401, 402, 403])
async def test_a_refused_poll_raises_with_taken(asked, status):
    with pytest.raises((AuthError, QuotaError)) as caught:
        await asked(AGAIN, Answer(status, {}, b"{}"))
    assert caught.value.taken is Acceptance.TAKEN


def test_a_rate_limited_poll_is_repeated():
    assert isinstance(BUSY.error(), RateLimited)
