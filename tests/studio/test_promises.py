# pyright: basic
"""Between the word to wait and the job: the row is there, and held by somebody who lives."""

import asyncio

import pytest

from domain import State
from studio.promises import Promises
from tests.conftest import make_job


@pytest.fixture
def holders() -> set[str]:
    return set()


@pytest.fixture
def promises(store, holders):
    return Promises(store.jobs, holders)


async def told() -> int:
    return 500


async def test_the_row_is_written_while_the_member_is_told(store, promises):
    async def telling() -> int:
        async with asyncio.timeout(5):
            while await store.jobs.get("1") is None:
                await asyncio.sleep(0)
        return 500

    promised = await promises.make(make_job(message_id=None), telling)
    assert promised.message_id == 500
    assert await store.jobs.abandoned() == []
    await promises.fulfil(promised)
    assert (await store.jobs.get("1")).message_id == 500
    assert [job.id for job in await store.jobs.abandoned()] == ["1"]


async def test_a_member_who_could_not_be_told_leaves_nothing(store, promises, holders):
    async def failing() -> int:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await promises.make(make_job(), failing)
    assert await store.jobs.get("1") is None
    assert not holders


async def test_who_may_have_been_told_as_the_process_ended_keeps_the_row(store, promises, holders):
    async def cut_off() -> int:
        promises.close()
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await promises.make(make_job(), cut_off)
    await store.jobs.disown()
    assert [job.id for job in await store.jobs.abandoned()] == ["1"]


async def test_the_same_interaction_again_leaves_the_first_alone(store, promises, holders):
    first = await promises.make(make_job(), told)
    assert await promises.make(make_job(state=State.WAITING), told) is None
    assert len(holders) == 1
    await promises.fulfil(first)
    assert not holders
    assert (await store.jobs.get("1")).state is State.QUEUED


async def test_what_is_dropped_is_found_by_the_table(store, promises, holders):
    promised = await promises.make(make_job(), told)
    promises.drop(promised)
    promises.drop(promised)
    assert not holders
    await store.jobs.disown()
    assert [job.id for job in await store.jobs.abandoned()] == ["1"]


async def test_what_is_withdrawn_is_gone(store, promises, holders):
    await promises.withdraw(await promises.make(make_job(), told))
    assert await store.jobs.get("1") is None
    assert not holders
