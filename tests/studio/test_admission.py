# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportOptionalMemberAccess=false
"""Suspensions: which members, after which refusals, and for how long."""

import asyncio
from contextlib import nullcontext, suppress
from datetime import timedelta

import pytest

import studio.intake.admission
from domain import ContentRejected, EaselError, Job, Suspended, Unavailable
from studio.intake.admission import Suspensions
from tests.conftest import make_job
from tests.studio.conftest import Clock, FakeProvider, paint

BANS = timedelta(minutes=10)
REFUSED = ContentRejected("no", counts_against_member=True)


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(studio.intake.admission, "datetime", made)
    return made


@pytest.fixture
def suspensions(store) -> Suspensions:
    strict, other = FakeProvider(paint), FakeProvider(paint)
    strict.suspension_time = other.suspension_time = BANS
    return Suspensions({"fake": strict, "other": other, "calm": FakeProvider(paint)}, store.meta)


async def ends(suspensions: Suspensions, error: EaselError, **changes) -> None:
    with suppress(EaselError):
        async with suspensions.guard_request(make_job(1, **changes)):
            raise error


@pytest.mark.parametrize(
    ("error", "changes", "minutes", "held_back"),
    [
        (REFUSED, {}, 0, True),
        (REFUSED, {}, 9, True),
        (REFUSED, {}, 11, False),
        (REFUSED, {"user_id": 401}, 0, False),
        (REFUSED, {"provider": "other"}, 0, False),
        (REFUSED, {"provider": "calm"}, 0, False),
        (ContentRejected("censored"), {}, 0, False),
        (Unavailable("no"), {}, 0, False),
    ],
)
async def test_only_a_recent_refusal_by_the_same_provider_suspends(
    suspensions, clock, error, changes, minutes, held_back
):
    await ends(suspensions, error, **changes)
    clock.advance(60 * minutes)
    with pytest.raises(Suspended) if held_back else nullcontext() as caught:
        await suspensions.check(make_job(2))
    if held_back:
        assert caught.value.seconds == 600


async def test_providers_that_do_not_ban_suspend_no_member(suspensions):
    await ends(suspensions, REFUSED, provider="calm")
    await suspensions.check(make_job(2, provider="calm"))


async def test_a_suspension_survives_the_deletion_of_the_members_data(suspensions, store):
    job = make_job(1, state="refused", failure=REFUSED)
    await store.jobs.add(job)
    await ends(suspensions, REFUSED)
    assert await store.jobs.delete_finished(user_id=job.user_id) == ["1"]
    with pytest.raises(Suspended):
        await suspensions.check(make_job(2))


async def test_expired_suspensions_are_deleted(suspensions, clock, store):
    await ends(suspensions, REFUSED)
    await ends(suspensions, REFUSED, user_id=401)
    clock.advance(60 * 11)
    await store.meta.set("commands:1", "0")
    await ends(suspensions, REFUSED, user_id=402)
    await suspensions.sweep()
    kept = [await store.meta.get(f"held back:fake:{user}") is not None for user in (400, 401, 402)]
    assert kept == [False, False, True]
    assert await store.meta.get("commands:1") == "0"


class Asked:
    """Counts the requests that run at once."""

    def __init__(self, suspensions: Suspensions) -> None:
        self.suspensions, self.accept = suspensions, asyncio.Event()
        self.now = self.most = self.accepted = 0

    async def ask(self, job: Job) -> None:
        async with self.suspensions.guard_request(job) as accepted:
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0)
            self.now -= 1
            accepted()
            self.accepted += 1
            await self.accept.wait()


@pytest.mark.parametrize(
    ("provider", "users", "at_once"),
    [("fake", (400, 400, 400), 1), ("calm", (400, 400, 400), 3), ("fake", (1, 2, 3), 3)],
)
async def test_a_members_requests_are_serialised_until_each_is_accepted(suspensions, provider, users, at_once):
    asked = Asked(suspensions)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for user in users:
            group.create_task(asked.ask(make_job(user_id=user, provider=provider)))
        while asked.accepted < len(users):
            await asyncio.sleep(0)
        asked.accept.set()
    assert asked.most == at_once


async def test_an_accepted_request_does_not_wait_for_others(suspensions):
    async with (
        asyncio.timeout(5),
        suspensions.guard_request(make_job(1)),
        suspensions.guard_request(make_job(2, remote={"id": "there"})),
    ):
        pass


async def test_a_waiting_request_is_refused_after_the_suspension(suspensions):
    sent = []

    async def ask(number: int) -> None:
        async with suspensions.guard_request(make_job(number)):
            await suspensions.check(make_job(number))
            sent.append(number)
            await asyncio.sleep(0)
            raise ContentRejected("no", counts_against_member=True)

    ended = await asyncio.gather(*map(ask, range(4)), return_exceptions=True)
    assert [type(error) for error in ended] == [ContentRejected, Suspended, Suspended, Suspended]
    assert sent == [0]
