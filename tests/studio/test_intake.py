# pyright: basic, reportOptionalMemberAccess=false
"""Intake: the order of row, acknowledgement and file, and what happens if a file cannot be read."""

import asyncio

import pytest

from domain import BadUpload, Capabilities, ImageRequest, Limits, Model, NoRoom, Origin, QueueFull, Size, State
from storage.spool import Spool
from studio.intake.files import Files, IncomingFile, Unreadable
from studio.studio import Studio
from tests.conftest import make_job
from tests.studio.conftest import FakeProvider, paint, png

REQUEST = ImageRequest(prompt="a boat")


def origin(number: int) -> Origin:
    place = make_job(number, message_id=None)
    return Origin(**{name: getattr(place, name) for name in Origin.model_fields})


@pytest.fixture
def studio(store, delivery) -> Studio:
    """A studio in which each member may have one job."""
    takes = Capabilities(sizes=(Size(64, 64),), image_to_image=True)
    provider = FakeProvider(paint, models=[Model(id="one", title="One", capabilities=takes)])
    return Studio({"fake": provider}, "fake", store, delivery, limits=Limits(per_member=1))


class Member:
    """A member who sends an image; records the acknowledgements."""

    def __init__(self) -> None:
        self.acknowledged: list[bool] = []

    async def acknowledge(self, private: bool) -> int:
        self.acknowledged.append(private)
        return 500

    async def send(self, studio: Studio, read, length: int = 1000, private: bool | None = None) -> None:
        file = IncomingFile(length, "image/png", None, None, read)
        request = REQUEST.model_copy(update={"private": private})
        await studio.intake.take(request, Files(images=(file,)), origin(1), self.acknowledge)


@pytest.fixture
def member() -> Member:
    return Member()


def raises(error: BaseException):
    async def read() -> bytes:
        raise error

    return read


async def test_a_file_is_read_after_the_row_and_the_acknowledgement(studio, store, member):
    seen = []

    async def read() -> bytes:
        seen.append((list(member.acknowledged), (await store.jobs.get("1")).state, await store.jobs.unheld()))
        return png(size=(64, 48))

    await member.send(studio, read, private=True)
    assert seen == [([True], State.PROMISED, [])]
    job = await store.jobs.get("1")
    assert (job.state, job.message_id, job.request.images[0].size) == (State.QUEUED, 500, (64, 48))
    assert len(studio._leases) == 0


async def too_long() -> bytes:
    return b"x" * 1001


@pytest.mark.parametrize("read", [raises(Unreadable()), raises(TimeoutError()), too_long])
async def test_an_unreadable_file_leaves_no_row_and_frees_the_members_place(studio, store, member, read):
    for _ in range(2):
        with pytest.raises(BadUpload) as caught:
            await member.send(studio, read)
        assert caught.value.option == "image"
        assert await store.jobs.get("1") is None
    assert (member.acknowledged, len(studio._leases)) == ([False, False], 0)


@pytest.mark.parametrize("error", [RuntimeError, OSError, asyncio.CancelledError])
async def test_an_unexpected_error_leaves_the_row_to_recovery(studio, store, member, error):
    with pytest.raises(error):
        await member.send(studio, raises(error()))
    assert len(studio._leases) == 0
    await store.jobs.release_all()
    assert [(job.id, job.state) for job in await store.jobs.unheld()] == [("1", State.PROMISED)]
    assert studio._admission.place(make_job()) == 0


async def test_a_refused_request_does_not_count_as_waiting(studio, store, member, monkeypatch):
    """With a full disk or a full queue, there is neither a row nor an acknowledgement."""
    with monkeypatch.context() as patch:
        patch.setattr(Spool, "is_full", lambda _: True)
        with pytest.raises(NoRoom):
            await studio.intake.take(REQUEST, Files(), origin(1), member.acknowledge)
    await studio.intake.take(REQUEST, Files(), origin(2), member.acknowledge)
    with pytest.raises(QueueFull):
        await studio.intake.take(REQUEST, Files(), origin(3), member.acknowledge)
    assert member.acknowledged == [False]
    assert [await store.jobs.get(id) is not None for id in "123"] == [False, True, False]
