# pyright: basic
"""The jobs table: leases, queries, retries, deletion, and that every field of a job is stored."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import storage.job_store
from domain import (
    UNFINISHED,
    Acceptance,
    AuthError,
    BadResponse,
    BadUpload,
    Cause,
    Defect,
    DeliveryRefusal,
    Down,
    Drawn,
    FailedDelivery,
    Flaw,
    ImageRequest,
    Interrupted,
    InvalidRequest,
    Job,
    NoRoom,
    OutOfRange,
    Paused,
    Price,
    QueueFull,
    RateLimited,
    Room,
    Size,
    SizeNotTaken,
    Span,
    State,
    Suspended,
    Tried,
    Unavailable,
    Unexpected,
    Upload,
)
from domain.errors import OutageKind
from domain.outcomes import EarlierNote, ModelGone, NoAI, Passed, Recognised, SizeFitted, TookOver
from domain.prices import EarlierPrice, PriceUnit
from storage.job_store import LEASE_TIMEOUT
from storage.tables import jobs as table
from tests.conftest import make_job

FINISHED = tuple(state for state in State if state not in UNFINISHED)


@pytest.fixture
def pass_time(monkeypatch):
    """Moves the job store's clock forward."""
    moment = datetime.now(UTC)

    def move(passed: timedelta) -> None:
        nonlocal moment
        moment += passed

    monkeypatch.setattr(storage.job_store, "_now", lambda: moment)
    return move


@pytest.fixture
async def jobs(either):
    return either.jobs


async def test_the_same_job_twice_is_one_row(jobs):
    assert await jobs.add(make_job(model_title="first"))
    assert not await jobs.add(make_job(model_title="second"))
    assert (await jobs.get("1")).model_title == "first"
    assert await jobs.get("2") is None


async def test_adding_a_row_is_idempotent_for_its_owner(jobs):
    """A commit whose response was lost is retried."""
    assert await jobs.add(make_job(), "us")
    assert await jobs.add(make_job(), "us")
    assert not await jobs.add(make_job(), "them")
    assert not await jobs.add(make_job())


async def test_only_one_of_many_claims_succeeds(jobs):
    await jobs.add(make_job())
    claimed = await asyncio.gather(*(jobs.claim("1", f"owner {n}") for n in range(10)))
    assert [job for job in claimed if job] == [await jobs.get("1")]


async def test_a_row_is_held_until_released(jobs):
    await jobs.add(make_job())
    assert await jobs.claim("1", "a")
    assert await jobs.claim("1", "b") is None
    assert not await jobs.save(make_job(model_title="b's"), "b")
    await jobs.release("1", "b")
    assert await jobs.claim("1", "b") is None
    assert await jobs.save(make_job(model_title="a's"), "a")
    await jobs.release("1", "a")
    assert not await jobs.save(make_job(model_title="too late"), "a")
    assert (await jobs.claim("1", "b")).model_title == "a's"


@pytest.mark.parametrize("state", State)
async def test_only_an_unfinished_row_can_be_claimed(jobs, state):
    await jobs.add(make_job(state=state))
    assert (await jobs.claim("1", "a") is not None) is (state in UNFINISHED)


async def test_a_lease_without_heartbeats_expires(jobs, pass_time):
    await jobs.add(make_job())
    await jobs.claim("1", "silent")
    pass_time(LEASE_TIMEOUT)
    assert await jobs.unheld() == []
    pass_time(timedelta(seconds=1))
    assert [job.id for job in await jobs.unheld()] == ["1"]
    assert await jobs.claim("1", "next")
    assert not await jobs.save(make_job(model_title="late"), "silent")
    await jobs.release("1", "silent")
    assert await jobs.save(make_job(model_title="mine"), "next")


async def test_heartbeats_renew_leases(jobs, pass_time):
    for id in (1, 2):
        await jobs.add(make_job(id))
    await jobs.claim("1", "alive")
    await jobs.claim("2", "silent")
    pass_time(LEASE_TIMEOUT)
    await jobs.heartbeat({"alive"})
    pass_time(timedelta(seconds=1))
    assert await jobs.claim("1", "other") is None
    assert await jobs.claim("2", "other")


async def test_release_all_ends_every_lease(jobs):
    await jobs.add(make_job())
    await jobs.claim("1", "dead")
    assert await jobs.unheld() == []
    await jobs.release_all()
    assert [job.id for job in await jobs.unheld()] == ["1"]


ROWS = {
    "queued": {"state": State.QUEUED},
    "sending": {"state": State.SENDING},
    "drawn": {"state": State.DRAWN},
    "parked": {"state": State.DRAWN, "parked": True},
    "delivered": {"state": State.DELIVERED},
    "refused": {"state": State.REFUSED},
    "cancelled": {"state": State.CANCELLED},
    "interrupted": {"state": State.INTERRUPTED},
    "another's": {"user_id": 401, "guild_id": 201},
    "another's parked": {"user_id": 401, "guild_id": 201, "state": State.DRAWN, "parked": True},
    "another's finished": {"user_id": 401, "guild_id": 201, "state": State.FAILED},
    "another's here": {"user_id": 401, "state": State.DELIVERED},
    "in a direct message": {"guild_id": None, "state": State.DELIVERED},
}


@pytest.fixture
async def names(jobs) -> dict[str, str]:
    """Adds all of ROWS, the last one the oldest; their names by id."""
    now = datetime.now(UTC)
    for id, changes in enumerate(ROWS.values()):
        await jobs.add(make_job(id, created=now - timedelta(seconds=id), **changes))
    return {str(id): name for id, name in enumerate(ROWS)}


async def test_unheld_rows_are_the_unfinished_without_a_lease(jobs, names):
    found = [names[job.id] for job in await jobs.unheld()]
    assert found == ["another's", "drawn", "sending", "queued"]


async def test_parked_jobs_are_those_of_the_member(jobs, names):
    assert [names[job.id] for job in await jobs.parked(400)] == ["parked"]
    assert [names[job.id] for job in await jobs.parked(401)] == ["another's parked"]


async def test_parked_jobs_least_often_refused_come_first(jobs):
    """Or jobs that are always refused would block the others."""
    tries = {"1": 2, "2": 1, "3": 0, "4": 1}
    for id, times in tries.items():
        refused = FailedDelivery(kind=DeliveryRefusal.EXPLICIT, times=times) if times else None
        created = datetime.now(UTC) + timedelta(seconds=int(id))
        await jobs.add(make_job(id, created=created, state=State.DRAWN, parked=True, refused=refused))
    assert [job.id for job in await jobs.parked(400)] == ["3", "2", "4", "1"]


async def test_waiting_jobs_are_those_not_drawn_yet(either, names):
    load = await either.statistics.count_waiting()
    assert [load.by_member[user] for user in (400, 401, 402)] == [2, 1, 0]
    assert [load.by_server[guild] for guild in (200, 201, 999)] == [2, 1, 0]


@pytest.mark.parametrize(
    ("whose", "gone"),
    [
        (
            {"user_id": 400},
            {"parked", "delivered", "refused", "cancelled", "interrupted", "in a direct message"},
        ),
        ({"guild_id": 201}, {"another's parked", "another's finished"}),
        ({"guild_id": 999}, set()),
    ],
)
async def test_deleting_finished_jobs_keeps_those_under_way_and_of_others(jobs, names, whose, gone):
    assert {names[id] for id in await jobs.delete_finished(**whose)} == gone
    left = {name for id, name in names.items() if await jobs.get(id)}
    assert left == set(ROWS) - gone


SNOWFLAKES = st.integers(0, 2**63 - 1)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-7)), timezone(timedelta(hours=5, minutes=30))])
MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2100, 1, 1), timezones=ZONES)
SIZES = st.builds(Size, st.integers(1, 10**5), st.integers(1, 10**5))
TEXTS = st.text(max_size=50)


def maybe(strategy):
    return st.none() | strategy


UPLOADS = st.builds(Upload, url=maybe(TEXTS), size=maybe(SIZES), key=maybe(TEXTS))
REQUESTS = st.builds(
    ImageRequest,
    prompt=st.text(),
    negative_prompt=maybe(TEXTS),
    provider=maybe(TEXTS),
    model=maybe(TEXTS),
    size=maybe(SIZES),
    images=st.lists(UPLOADS, max_size=3).map(tuple),
    mask=maybe(UPLOADS),
    strength=maybe(NUMBERS),
    count=st.integers(1, 10),
    seed=maybe(st.integers(0, 2**32)),
    steps=maybe(st.integers(1, 500)),
    guidance_scale=maybe(NUMBERS),
    scheduler=maybe(TEXTS),
    refiner=maybe(st.booleans()),
    safety_checker=maybe(st.booleans()),
    private=maybe(st.booleans()),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
DRAWN = st.builds(
    Drawn,
    call=st.integers(0, 9),
    key=maybe(TEXTS),
    link=maybe(TEXTS),
    size=maybe(SIZES),
    seed=maybe(st.integers(0, 2**64)),
    seconds=maybe(NUMBERS),
)
TAKEN = st.sampled_from(Acceptance)
FAILURES = st.one_of(
    st.builds(AuthError, TEXTS, said=TEXTS, reference=maybe(TEXTS), taken=TAKEN, blames_model=st.booleans()),
    st.builds(RateLimited, TEXTS, said=TEXTS, taken=TAKEN, retry_after=maybe(NUMBERS)),
    st.builds(Unavailable, TEXTS, said=TEXTS, option=maybe(TEXTS), cause=maybe(st.sampled_from(Cause))),
    st.builds(InvalidRequest, TEXTS, said=TEXTS, option=maybe(TEXTS)),
    st.builds(BadResponse, TEXTS, flaw=maybe(st.sampled_from(Flaw))),
    st.builds(Down, TEXTS, cause=st.sampled_from(["Timeout", "QuotaError"]), since=MOMENTS, retry_after=maybe(NUMBERS)),
    st.builds(Paused, TEXTS, cause=st.just("RateLimited"), retry_after=maybe(NUMBERS)),
    st.builds(OutOfRange, option=TEXTS, asked=NUMBERS, model=TEXTS, takes=st.builds(Span, low=NUMBERS, high=NUMBERS)),
    st.builds(SizeNotTaken, asked=SIZES, model=TEXTS, sizes=st.lists(SIZES, max_size=2).map(tuple)),
    st.builds(BadUpload, TEXTS, option=TEXTS, defect=st.sampled_from(Defect)),
    st.builds(Suspended, provider=TEXTS, seconds=NUMBERS),
    st.builds(QueueFull, whose=st.sampled_from(["member", "server"]), limit=st.integers(1, 100)),
    st.builds(NoRoom, TEXTS, room=st.sampled_from(Room)),
    st.builds(Interrupted, TEXTS),
    st.builds(Unexpected, TEXTS),
)
CAUSES = st.sampled_from(get_args(OutageKind))
NOTES = st.one_of(
    st.builds(NoAI),
    st.builds(Recognised, known=st.lists(TEXTS, max_size=2).map(tuple), unknown=st.lists(TEXTS, max_size=2).map(tuple)),
    st.builds(ModelGone),
    st.builds(SizeFitted, size=SIZES, wanted=SIZES, whose=st.sampled_from(["server", "image"])),
    st.builds(
        TookOver, passed=st.lists(st.builds(Passed, title=TEXTS, cause=CAUSES), max_size=2).map(tuple), title=TEXTS
    ),
    st.builds(EarlierNote, text=TEXTS),
)
WORDS = TEXTS.map(lambda text: text.replace("\0", ""))
TIMES = st.integers(1, 10)
PRICES = st.one_of(
    st.builds(
        Price,
        amount=st.decimals(0, 10**9, places=12),
        currency=maybe(TEXTS),
        unit=maybe(st.sampled_from(get_args(PriceUnit))),
    ),
    st.builds(EarlierPrice, text=TEXTS),
)
REFUSED = st.builds(FailedDelivery, kind=st.sampled_from(DeliveryRefusal), code=maybe(st.integers()), times=TIMES)
FIELDS = {
    "application_id": SNOWFLAKES,
    "guild_id": maybe(SNOWFLAKES),
    "channel_id": maybe(SNOWFLAKES),
    "user_id": SNOWFLAKES,
    "reply_token": maybe(WORDS),
    "reply_deadline": MOMENTS,
    "file_limit": SNOWFLAKES,
    "message_id": maybe(SNOWFLAKES),
    "private": st.booleans(),
    "request": REQUESTS,
    "asked": maybe(REQUESTS),
    "tried": st.lists(st.builds(Tried, provider=TEXTS, kind=CAUSES, asked=st.booleans()), max_size=3).map(tuple),
    "upscales": st.booleans(),
    "provider": st.sampled_from(["popcord", "sketch"]),
    "model": WORDS,
    "model_title": WORDS,
    "calls": st.integers(1, 10),
    "notes": st.lists(NOTES, max_size=3).map(tuple),
    "state": st.sampled_from(State),
    "calls_done": st.integers(0, 10),
    "remote": maybe(st.dictionaries(TEXTS, JSON, max_size=3)),
    "drawn": st.lists(DRAWN, max_size=3).map(tuple),
    "failure": maybe(FAILURES),
    "parked": st.booleans(),
    "refused": maybe(
        st.builds(FailedDelivery, kind=st.sampled_from(DeliveryRefusal), code=maybe(st.integers()), times=TIMES)
    ),
    "parent": maybe(SNOWFLAKES.map(str)),
    "cost": maybe(PRICES),
    "seconds": maybe(NUMBERS),
    "created": MOMENTS,
    "started": maybe(MOMENTS),
}
JOBS = st.fixed_dictionaries(FIELDS).map(lambda fields: Job(id="0", **fields))
IDS = itertools.count()


def test_every_field_of_a_job_is_covered_and_has_a_column():
    assert {"id", "cancelled", *FIELDS} == set(Job.model_fields)
    assert set(Job.model_fields) | {"owner", "heartbeat", "retried_by"} == set(table.columns.keys())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(first=JOBS, second=JOBS)
async def test_a_job_comes_back_as_it_was(jobs, first, second):
    first = first.having(id=str(next(IDS)))
    second = second.having(id=first.id)
    await jobs.add(first.having(state=State.QUEUED))
    assert await jobs.claim(first.id, "a") == first.having(state=State.QUEUED)
    assert await jobs.save(second, "a")
    assert await jobs.get(first.id) == second


async def test_a_nul_character_in_a_title_is_dropped(jobs):
    await jobs.add(make_job(model_title="One\0", model="\0"))
    job = await jobs.get("1")
    assert (job.model_title, job.model) == ("One", "")


async def test_only_undecided_jobs_can_be_cancelled(jobs, names):
    wanted = {name: await jobs.cancel(id) for id, name in names.items()}
    assert {name for name, done in wanted.items() if done} == {"queued", "sending", "another's"}
    assert [(await jobs.get(id)).cancelled for id, name in names.items() if name == "queued"] == [True]


async def test_a_heartbeat_returns_the_cancelled_jobs(jobs):
    for id in "123":
        await jobs.add(make_job(id))
    await jobs.claim("1", "a")
    await jobs.claim("2", "b")
    for id in "123":
        await jobs.cancel(id)
    assert await jobs.heartbeat({"a"}) == ["1"]
    held = await jobs.get("1")
    assert await jobs.save(held.having(cancelled=False), "a")
    assert (await jobs.get("1")).cancelled, "a holder that has not been notified must not undo it"


async def test_only_one_of_many_retries_succeeds(jobs):
    await jobs.add(make_job(state=State.FAILED))
    retries = [make_job(id, parent="1") for id in range(2, 7)]
    added = await asyncio.gather(*(jobs.add(each, f"owner {each.id}", retry=True) for each in retries))
    assert sorted(added) == [False] * 4 + [True]
    assert [await jobs.get(each.id) is not None for each in retries] == added


async def test_a_retry_and_its_mark_are_one_idempotent_write(jobs):
    """A commit whose response was lost is retried."""
    await jobs.add(make_job(state=State.FAILED))
    assert await jobs.add(make_job(2, parent="1"), "us", retry=True)
    assert await jobs.add(make_job(2, parent="1"), "us", retry=True)
    assert not await jobs.add(make_job(3, parent="1"), "them", retry=True)


async def test_a_discarded_retry_allows_another(jobs):
    await jobs.add(make_job(state=State.FAILED))
    await jobs.add(make_job(2, parent="1"), "us", retry=True)
    await jobs.discard(make_job(2, parent="1"), "us")
    assert await jobs.add(make_job(3, parent="1"), "them", retry=True)
    assert await jobs.get("2") is None


async def test_a_retry_taken_over_by_another_owner_stays_the_only_one(jobs):
    await jobs.add(make_job(state=State.FAILED))
    await jobs.add(make_job(2, parent="1"), "us", retry=True)
    await jobs.release_all()
    assert await jobs.claim("2", "them")
    await jobs.discard(make_job(2, parent="1"), "us")
    assert not await jobs.add(make_job(3, parent="1"), "others", retry=True)
    assert await jobs.get("2")


async def test_a_deleted_job_cannot_be_retried(jobs):
    assert not await jobs.add(make_job(2, parent="1"), "us", retry=True)


async def test_orphaned_rows_have_an_expired_lease(jobs, pass_time):
    for id in "12":
        await jobs.add(make_job(id))
    await jobs.claim("1", "a")
    assert await jobs.orphaned() == []
    pass_time(LEASE_TIMEOUT + timedelta(seconds=1))
    assert [job.id for job in await jobs.orphaned()] == ["1"]


async def test_unfinished_jobs_are_counted_by_provider_and_state(either, names):
    assert sorted(await either.statistics.count_unfinished()) == [
        ("fake", "drawn", 1),
        ("fake", "queued", 2),
        ("fake", "sending", 1),
    ]


async def test_finished_jobs_are_deleted_after_their_retention(jobs):
    old = datetime.now(UTC) - storage.job_store.RETENTION - timedelta(days=1)
    await jobs.add(make_job("1", state=State.DELIVERED, created=old))
    await jobs.add(make_job("2", state=State.DRAWN, parked=True, created=old))
    await jobs.add(make_job("3", state=State.DELIVERED))
    await jobs.add(make_job("4", state=State.WAITING, created=old))
    await jobs.delete_old()
    assert [await jobs.get(id) is not None for id in "1234"] == [False, False, True, True]


async def test_old_jobs_are_deleted_in_batches(jobs, monkeypatch):
    monkeypatch.setattr(storage.job_store, "DELETE_BATCH_SIZE", 2)
    old = datetime.now(UTC) - storage.job_store.RETENTION - timedelta(days=1)
    for id in range(5):
        await jobs.add(make_job(id, state=State.DELIVERED, created=old))
    await jobs.delete_old()
    assert [await jobs.get(str(id)) for id in range(5)] == [None] * 5
