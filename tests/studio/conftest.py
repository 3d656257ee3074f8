# pyright: basic
"""Fakes of a provider and a delivery, and fixtures with a real store."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any, ClassVar

import pytest
from PIL import Image

from domain import Capabilities, FailedDelivery, Job, Model, Picture, Size
from providers.kit.base import Health, Progress, Provider
from providers.kit.settings import ProviderSettings
from storage.store import Store, open_store
from studio.display import ReadyPicture, Report
from studio.lease import HeldJob, Leases
from tests.conftest import make_job

Script = Callable[..., Awaitable[None]]


def png(colour: str = "red", size: tuple[int, int] = (64, 64)) -> bytes:
    return saved(Image.new("RGB", size, colour), "PNG")


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


class Clock:
    """Replaces `datetime` where the time is read; moves only by `advance`."""

    fromisoformat = staticmethod(datetime.fromisoformat)

    def __init__(self) -> None:
        self.time = datetime(2026, 5, 1, 12, 3, tzinfo=UTC)

    def now(self, zone) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class FakeProvider(Provider):
    """Each call to `generate` runs the next script, and the last one again and again."""

    name: ClassVar = "fake"
    title: ClassVar = "Fake"

    def __init__(
        self, *scripts: Script, models: Sequence[Model] = (), settings: ProviderSettings | None = None
    ) -> None:
        super().__init__(settings or ProviderSettings(), None)  # pyright: ignore
        self.scripts = list(scripts)
        self.listed = models or [Model(id="one", title="One", capabilities=Capabilities(sizes=(Size(64, 64),)))]
        self.requests = []

    async def offered(self):
        return self.listed

    async def generate(self, request, sources, progress):
        self.requests.append(request)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        await script(request, sources, progress)

    async def check(self):
        return Health(True, None, "")


async def paint(request, sources, progress: Progress) -> None:
    await progress.keep(Picture(data=png(), seed=request.seed))


class FakeDelivery:
    """Records what it gets, and raises the errors in `answers` one by one."""

    def __init__(self) -> None:
        self.answers: list[Exception] = []
        self.delivered: list[tuple[Job, list[ReadyPicture]]] = []
        self.later: list[int] = []
        self.explained: list[tuple[Job, FailedDelivery]] = []
        self.explanation_errors: list[Exception] = []
        """Errors that the next explanations raise."""
        self.reports: list[Report] = []
        self.acknowledgement: int | Exception | None = 500
        """Id of the message that acknowledged the job; None if it was not acknowledged; or an error to raise."""

    async def deliver(self, job: Job, pictures: Sequence[ReadyPicture], later: int = 0) -> None:
        self.delivered.append((job, list(pictures)))
        self.later.append(later)
        if self.answers:
            raise self.answers.pop(0)

    async def explain_refusal(self, job: Job, refused: FailedDelivery) -> None:
        self.explained.append((job, refused))
        if self.explanation_errors:
            raise self.explanation_errors.pop(0)

    async def find_acknowledgement(self, job: Job) -> Job | None:
        if isinstance(self.acknowledgement, Exception):
            raise self.acknowledgement
        return None if self.acknowledgement is None else job.having(message_id=self.acknowledgement)

    def report(self, job: Job, report: Report) -> None:
        self.reports.append(report)

    async def show(self, job: Job, report: Report) -> None:
        self.reports.append(report)

    async def stop_reports(self, job: Job) -> None:
        pass


@pytest.fixture
async def store(tmp_path) -> AsyncGenerator[Store]:
    async with open_store(f"sqlite:///{tmp_path / 'easel.db'}", tmp_path) as opened:
        yield opened


@pytest.fixture
def delivery() -> FakeDelivery:
    return FakeDelivery()


@pytest.fixture
def holding(store):
    """`async with holding(**changes) as held`: a new row, held as by a worker."""

    @asynccontextmanager
    async def add_and_hold(**changes) -> AsyncGenerator[HeldJob]:
        job = make_job(**changes)
        await store.jobs.add(job)
        async with Leases(store.jobs).hold(job.id) as held:
            assert held is not None
            yield held

    return add_and_hold
