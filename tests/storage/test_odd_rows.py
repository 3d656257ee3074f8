# pyright: basic
"""Malformed rows, and rows of builds before 69d7f13: none may hide the others, or be claimed for ever."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from domain import State
from storage.tables import jobs as table
from tests.conftest import make_job

OLD = {
    "kind": "Unavailable",
    "detail": "503: out of order",
    "field": None,
    "takes": None,
    "subject": None,
    "retry_after": None,
    "reference": None,
    "unaccepted": True,
    "unsure": False,
}
"""As written from 21 to 30 November 2026 (d588b61 to f9a68f5): without `answered`, which 69d7f13 read as False."""
FIRST = {name: OLD[name] for name in ("kind", "detail", "field", "takes", "subject", "retry_after", "reference")}
"""As written before d588b61: without `unaccepted`."""
ODD = {
    "before answered": OLD,
    "before unsure": {name: value for name, value in OLD.items() if name != "unsure"},
    "first, our own": FIRST | {"kind": "EaselError", "detail": "unexpected"},
    "first, full": FIRST | {"kind": "QueueFull", "field": "disk"},
    "first, outage": FIRST | {"field": "outage"},
    "outage without its time": OLD | {"answered": False, "field": "outage"},
    "unknown kind": {"kind": "FromTomorrow", "detail": ""},
    "unknown cause": {"kind": "Unavailable", "cause": "from tomorrow"},
    "lacking a field": {"kind": "Down", "cause": "Timeout"},
}


@pytest.fixture(params=ODD.values(), ids=list(ODD))
async def odd(request, store):
    """A store with malformed rows, failed, drawn and parked, and one valid row."""
    await store.jobs.add(make_job(id="1", state=State.FAILED, created=datetime.now(UTC)))
    await store.jobs.add(make_job(id="2", state=State.DRAWN))
    await store.jobs.add(make_job(id="3", state=State.DRAWN, parked=True))
    await store.jobs.add(make_job(id="4"))
    await store.jobs._run(update(table).where(table.c.id != "4").values(failure=request.param))
    return store


async def test_a_malformed_failure_can_be_read(odd):
    assert (await odd.jobs.get("1")).state is State.FAILED, "or its buttons do nothing for 90 days"


async def test_a_malformed_failure_does_not_keep_others_out_of_the_queue(odd):
    job = make_job()
    assert "4" in {each.id for each in await odd.jobs.unfinished(user_id=job.user_id)}


async def test_a_malformed_failure_does_not_stop_recover(odd):
    assert [each.id for each in await odd.jobs.parked(make_job().user_id)] == ["3"]


async def test_a_malformed_failure_can_be_claimed_and_ended(odd):
    assert await odd.jobs.claim("2", "a"), "or it is claimed, fails, and is claimed again, for ever"


async def test_a_malformed_failure_does_not_break_the_health_of_providers(odd):
    assert [each.provider for each in await odd.statistics.ended_since(datetime.now(UTC) - timedelta(hours=1))]


async def test_a_drawn_row_that_cannot_be_read_is_parked_with_its_pictures(store):
    await store.jobs.add(make_job(id="2", state=State.DRAWN))
    await store.jobs._run(update(table).where(table.c.id == "2").values(request={"prompt": 7}))
    assert await store.jobs.claim("2", "a") is None
    rows = (await store.jobs._run(select(table))).rows
    assert [(row["state"], row["parked"], row["owner"], row["reply_token"]) for row in rows] == [
        (State.DRAWN, True, None, None)
    ]
    assert await store.jobs.unheld() == [], "or it is claimed again and again"


@pytest.mark.parametrize(
    "odd",
    [
        {"tried": [{"provider": "x", "kind": "FromTomorrow"}]},
        {"refused": {"kind": "from tomorrow"}},
        {"cost": {"kind": "from tomorrow"}},
    ],
)
async def test_malformed_details_cost_no_picture(store, odd):
    await store.jobs.add(make_job(id="2", state=State.DRAWN))
    await store.jobs._run(update(table).where(table.c.id == "2").values(**odd))
    assert (await store.jobs.claim("2", "a")).state is State.DRAWN
