# pyright: basic
"""Drawing: what is written before each step, and how a job is resumed after a crash."""

import asyncio
import io
import logging
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from obstore.store import LocalStore
from PIL import Image

import storage.database
import storage.dialects
import studio.work.progress
from domain import (
    Acceptance,
    AuthError,
    BadResponse,
    ContentRejected,
    Credit,
    Drawn,
    ImageRequest,
    Model,
    Picture,
    QuotaError,
    RateLimited,
    Recognised,
    Size,
    SourceImage,
    Sources,
    State,
    Timeout,
    Unavailable,
    Upload,
)
from domain.kinds import kind_of
from providers.http.budget import MemoryBudget
from providers.kit.base import keep_all
from storage.outages import Outage
from storage.spool import Spool
from storage.store import Store, open_store
from studio import images
from studio.display import Report
from studio.handover import Handover
from studio.images import decoder_pool
from studio.intake.admission import Suspensions
from studio.intake.pending import Acknowledgements
from studio.intake.planning import Planner
from studio.lease import LeaseLost, Leases
from studio.timing import Timing
from studio.work.breakers import Breakers
from studio.work.drawing import Drawer
from studio.work.fallback_search import FallbackSearch
from studio.work.provider_calls import ProviderCalls
from tests.conftest import make_job
from tests.replay.pictures import foreign, noise
from tests.studio.conftest import FakeProvider, paint, png


class Killed(BaseException):
    """Stands for the end of the process: no code of ours catches it."""


FOUR = {"calls": 4, "request": ImageRequest(prompt="a boat", count=4, seed=10)}


def make_drawer(providers, store, delivery, draw_time=timedelta(minutes=10)) -> Drawer:
    breakers, suspensions = Breakers(store), Suspensions(providers, store.meta)
    chain = FallbackSearch(Planner(providers, next(iter(providers), "")), store, breakers, suspensions)
    timing = Timing(draw_time)
    calls = ProviderCalls(providers, store.spool, delivery, Acknowledgements(), breakers, suspensions, timing)
    return Drawer(providers, calls, chain, delivery, timing)


@pytest.fixture
def draw(store: Store, delivery):
    """Draw a held row with these scripts; the provider that ran them."""

    async def run(held, *scripts, draw_time=timedelta(minutes=10), **of_provider) -> FakeProvider:
        provider = FakeProvider(*scripts)
        for name, value in of_provider.items():
            setattr(provider, name, value)
        await make_drawer({"fake": provider}, store, delivery, draw_time).draw(held)
        return provider

    return run


async def test_the_row_is_written_before_each_step(store, holding, draw):
    seen = []

    async def watch(step: str) -> None:
        row = await store.jobs.get("1")
        seen.append((step, row.state, row.calls_done, row.remote, len(row.drawn), row.started is not None))

    async def generate(request, sources, progress):
        await watch("asked")
        await progress.remember({"id": request.seed})
        await watch("accepted")
        await paint(request, sources, progress)
        await watch("kept")

    async with holding(calls=2, request=ImageRequest(prompt="a boat", count=2, seed=10)) as held:
        await draw(held, generate)
        await watch("drawn")
    assert seen == [
        ("asked", State.SENDING, 0, None, 0, True),
        ("accepted", State.WAITING, 0, {"id": 10}, 0, True),
        ("kept", State.WAITING, 0, {"id": 10}, 1, True),
        ("asked", State.SENDING, 1, None, 1, True),
        ("accepted", State.WAITING, 1, {"id": 11}, 1, True),
        ("kept", State.WAITING, 1, {"id": 11}, 2, True),
        ("drawn", State.DRAWN, 2, None, 2, True),
    ]


NOTE = Recognised(known=("fox",), unknown=("zyzzyva",))
CREDIT = Credit(creator="Somebody", licence="CC BY-SA 4.0", url="https://licence.test/")


async def test_between_two_calls_the_row_says_that_none_is_under_way(store, delivery, holding, monkeypatch):
    async def killed(self):
        raise Killed

    monkeypatch.setattr(Acknowledgements, "give_way", killed)
    drawer = make_drawer({"fake": FakeProvider(paint)}, store, delivery)
    with pytest.raises(Killed):
        async with holding(calls=2, request=ImageRequest(prompt="a boat", count=2, seed=10)) as held:
            await drawer.draw(held)
    row = await store.jobs.get("1")
    assert (row.state, row.calls_done, len(row.drawn)) == (State.QUEUED, 1, 1)


async def test_reports_end_before_the_outcome_is_recorded(store, delivery, holding, monkeypatch):
    seen = []

    async def stopped(job):
        seen.append("stopped")

    async def recorded(job, failure, *, models=None):
        seen.append("recorded")

    drawer = make_drawer({"fake": FakeProvider(paint)}, store, delivery)
    monkeypatch.setattr(delivery, "stop_reports", stopped)
    monkeypatch.setattr(drawer._calls._breakers, "record", recorded)
    async with holding() as held:
        await drawer.draw(held)
    assert seen == ["stopped", "recorded"]


async def test_a_bug_in_recording_the_outcome_costs_no_picture(store, delivery, holding, monkeypatch):
    async def broken(*_):
        raise RuntimeError("a bug")

    drawer = make_drawer({"fake": FakeProvider(paint)}, store, delivery)
    monkeypatch.setattr(drawer._calls._breakers, "_record_success", broken)
    async with holding() as held:
        await drawer.draw(held)
    row = await store.jobs.get("1")
    assert (row.state, row.failure, len(row.drawn)) == (State.DRAWN, None, 1)


async def test_pictures_are_in_the_spool_as_they_arrive(store, holding, draw):
    async def generate(request, sources, progress):
        await progress.keep(Picture(data=png("blue", (32, 16)), seed=3, seconds=1.5, note=NOTE, credit=CREDIT))
        assert await store.spool.get("pictures/1/0-0") == png("blue", (32, 16))
        await progress.keep(Picture(link="https://h.test/x.png"))

    async with holding() as held:
        await draw(held, generate)
    assert (await store.jobs.get("1")).drawn == (
        Drawn(
            call=0, key="pictures/1/0-0", size=Size(32, 16), kind="png", seed=3, seconds=1.5, note=NOTE, credit=CREDIT
        ),
        Drawn(call=0, item=1, link="https://h.test/x.png"),
    )


HOLLOW = png()[:40]
"""Begins like a picture, but is none."""


async def paint_two(request, sources, progress):
    for colour in ("red", "blue"):
        await progress.keep(Picture(data=png(colour)))


@pytest.fixture
def looking(monkeypatch) -> asyncio.Event:
    """Set when the inspection of a picture begins, which then never ends."""
    begun = asyncio.Event()

    async def never(*_, **__):
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("studio.images.pictures.MAX_UNPACKED", 0)  # every picture is inspected in a process
    monkeypatch.setattr(images.DECODERS, "run", never)
    return begun


async def test_all_pictures_of_a_response_are_stored_before_any_is_inspected(store, holding, draw, looking):
    """As after a kill during the inspection."""
    async with holding() as held:
        drawing = asyncio.create_task(draw(held, paint_two))
        await looking.wait()
        kept = (await store.jobs.get("1")).drawn
        assert [(each.kind, each.way) for each in kept] == [("png", "unread")] * 2
        assert [await store.spool.get(each.key) for each in kept] == [png("red"), png("blue")]
        drawing.cancel()
        await asyncio.wait({drawing})


@pytest.mark.parametrize("end", ["a shutdown", "a cancellation"])
async def test_a_picture_being_inspected_at_the_deadline_is_delivered(
    store, delivery, holding, looking, monkeypatch, end
):
    drawer = make_drawer({"fake": FakeProvider(paint)}, store, delivery)
    async with holding() as held:
        drawing = asyncio.create_task(drawer.draw(held))
        await looking.wait()
        if end == "a shutdown":
            drawing.cancel()
        else:
            drawer.cancel("1")
        await asyncio.wait({drawing})
    monkeypatch.undo()
    if end == "a shutdown":
        async with Leases(store.jobs).hold("1") as held:
            assert held
            await drawer.draw(held)
    async with Leases(store.jobs).hold("1") as held:
        assert held
        await Handover({"fake": FakeProvider(paint)}, store.spool, delivery).deliver(held)
        assert held.job.state is State.DELIVERED
        assert held.job.failure and held.job.failure.kind == ("Interrupted" if end == "a shutdown" else "Cancelled")
    ((delivered, (picture,)),) = delivery.delivered
    assert (delivered.drawn[0].way, delivered.drawn[0].size) == ("shown", Size(64, 64))
    assert b"trainedAlgorithmicMedia" in picture.data
    assert await store.spool.get("pictures/1/0-0") is None


class SlowSpool(Spool):
    """Stores a file only after its event is set."""

    def __init__(self, *about) -> None:
        super().__init__(*about)
        self.putting, self.let = asyncio.Event(), asyncio.Event()

    async def _put(self, key, data):
        self.putting.set()
        await self.let.wait()
        await super()._put(key, data)


async def test_a_picture_being_stored_at_the_deadline_is_stored(tmp_path, store, holding, delivery):
    """Even if it is cancelled repeatedly, as pgqueuer does."""
    spool = SlowSpool(LocalStore(tmp_path / "slow", mkdir=True))
    async with holding() as held:
        drawer = make_drawer({"fake": FakeProvider(paint)}, replace(store, spool=spool), delivery)
        drawing = asyncio.create_task(drawer.draw(held))
        await spool.putting.wait()
        for _ in range(5):
            drawing.cancel()
            await asyncio.sleep(0)
        spool.let.set()
        await asyncio.wait({drawing})
    (drawn,) = (await store.jobs.get("1")).drawn
    assert await spool.get(drawn.key) == png()


async def test_invalid_pictures_are_deleted_and_the_others_kept(store, holding, draw):
    async def generate(request, sources, progress):
        await progress.remember({"id": 1})
        for data in (HOLLOW, png()):
            await progress.keep(Picture(data=data))

    async with holding(**FOUR) as held:
        provider = await draw(held, generate)
    row = await store.jobs.get("1")
    assert (row.failure.kind, row.remote, len(provider.requests)) == ("BadResponse", None, 1)
    assert [(each.key, each.way) for each in row.drawn] == [("pictures/1/0-1", "shown")]
    assert [await store.spool.get(f"pictures/1/0-{n}") for n in range(2)] == [None, png()]


async def test_a_converted_picture_replaces_the_original(store, holding, draw):
    async def generate(request, sources, progress):
        await progress.keep(Picture(data=foreign()["avif"][0]))

    async with holding() as held:
        await draw(held, generate)
    (drawn,) = (await store.jobs.get("1")).drawn
    assert (drawn.kind, drawn.way) == ("avif", "converted")
    assert kind_of(await store.spool.get(drawn.key)) == "png"
    assert [each["path"] for each in await store.spool._listed("pictures")] == [drawn.key]


@pytest.mark.parametrize("data", [HOLLOW, b"<html>"])
async def test_an_earlier_picture_is_not_replaced_by_an_invalid_one(store, holding, draw, data):
    async def generate(request, sources, progress):
        await progress.keep(Picture(data=data))

    earlier = (Drawn(call=0, key="pictures/1/0-0", size=Size(64, 64), kind="png"),)
    await store.spool.put("pictures/1/0-0", png())
    async with holding(state=State.WAITING, remote={"id": 1}, drawn=earlier) as held:
        await draw(held, generate)
    row = await store.jobs.get("1")
    assert (row.failure.kind, row.drawn) == ("BadResponse", earlier)
    assert await store.spool.get("pictures/1/0-0") == png()


async def test_an_earlier_picture_is_not_replaced_by_a_link(store, holding, draw):
    """A provider passes a link on if a download fails; the link expires earlier than the spooled picture."""

    async def generate(request, sources, progress):
        await progress.keep(Picture(link="https://h.test/gone.png"))
        await progress.keep(Picture(link="https://h.test/new.png"))

    earlier = Drawn(call=0, key="pictures/1/0-0", size=Size(64, 64), kind="png")
    await store.spool.put("pictures/1/0-0", png())
    async with holding(state=State.WAITING, remote={"id": 1}, drawn=(earlier,)) as held:
        await draw(held, generate)
    assert (await store.jobs.get("1")).drawn == (earlier, Drawn(call=0, item=1, link="https://h.test/new.png"))


async def test_an_earlier_picture_stays_when_it_cannot_be_fetched_again(store, holding, draw):
    """Its link has expired; the next picture must not replace it."""

    async def fetch(colour):
        if colour == "red":
            raise BadResponse("a page")
        return Picture(data=png(colour))

    async def generate(request, sources, progress):
        await keep_all(progress, ["red", "blue"], fetch)

    await store.spool.put("pictures/1/0-0", png("red"))
    earlier = Drawn(call=0, key="pictures/1/0-0", size=Size(64, 64), kind="png")
    async with holding(state=State.WAITING, remote={"id": 1}, drawn=(earlier,)) as held:
        await draw(held, generate)
    kept = (await store.jobs.get("1")).drawn
    assert [await store.spool.get(each.key) for each in kept] == [png("red"), png("blue")]


@pytest.mark.parametrize(("first", "second"), [("blue", "blue green"), ("blue", "red green"), ("red", "blue green")])
async def test_pictures_of_a_response_keep_their_numbers_when_others_fail(store, holding, draw, first, second):
    """Some arrived before the process died, and some after it: each is there once."""

    def generate(had):
        async def fetch(colour):
            if colour not in had.split():
                raise BadResponse("a page")
            return Picture(data=png(colour))

        async def run(request, sources, progress):
            await keep_all(progress, ["red", "blue", "green"], fetch)

        return run

    async with holding(state=State.WAITING, remote={"id": 1}) as held:
        await draw(held, generate(first))
    async with Leases(store.jobs).hold("1") as held:
        assert held
        held.set(state=State.WAITING, remote={"id": 1}, failure=None)
        await draw(held, generate(second))
    kept = [await store.spool.get(each.key) for each in (await store.jobs.get("1")).drawn]
    assert sorted(kept) == sorted(png(colour) for colour in {*first.split(), *second.split()})


async def test_a_newer_link_replaces_an_older_one(store, holding, draw):
    async def generate(request, sources, progress):
        await progress.keep(Picture(link="https://h.test/new.png"))

    earlier = Drawn(call=0, link="https://h.test/old.png")
    async with holding(state=State.WAITING, remote={"id": 1}, drawn=(earlier,)) as held:
        await draw(held, generate)
    assert [each.link for each in (await store.jobs.get("1")).drawn] == ["https://h.test/new.png"]


async def test_a_finished_call_releases_its_memory_budget(holding, draw):
    budget, others = MemoryBudget(10), []

    async def generate(request, sources, progress):
        if others:
            await asyncio.wait(others, timeout=5)
        assert all(other.done() for other in others)
        await budget.reserve(10)
        others.append(asyncio.create_task(budget.reserve(10)))
        await paint(request, sources, progress)

    async with holding(calls=2, request=ImageRequest(prompt="a boat", count=2)) as held:
        await draw(held, generate)
    assert (held.job.failure, len(others)) == (None, 2)


async def test_progress_is_reported(holding, draw, delivery):
    async def generate(request, sources, progress):
        await progress.report(0.5, 3, 12.0)
        await paint(request, sources, progress)

    async with holding() as held:
        await draw(held, generate)
    assert delivery.reports == [Report(), Report(0.5, 3, 12.0)]


async def test_a_large_unfinished_picture_is_shown_smaller(holding, draw, delivery, monkeypatch):
    large = noise((640, 480))
    monkeypatch.setattr(studio.work.progress, "MAX_PREVIEW_BYTES", 100_000)

    async def generate(request, sources, progress):
        await progress.report(preview=large)
        await paint(request, sources, progress)

    async with holding() as held:
        await draw(held, generate)
    (_, report) = delivery.reports
    shown = await report.preview()
    assert len(shown.data) <= 100_000 < len(large)
    assert b"trainedAlgorithmicMedia" in shown.data


async def test_reducing_a_preview_has_its_timeout_in_the_decoder_process_too(holding, draw, delivery, monkeypatch):
    """Or previews would occupy the processes that read uploads."""
    asked = []

    async def run(task, data, seconds, *_, **__):
        asked.append((task, seconds))
        raise decoder_pool.TooSlow

    monkeypatch.setattr(images.DECODERS, "run", run)
    monkeypatch.setattr(studio.work.progress, "MAX_PREVIEW_BYTES", 1)

    async def generate(request, sources, progress):
        await progress.report(preview=png())
        await paint(request, sources, progress)

    async with holding() as held:
        await draw(held, generate)
    assert await delivery.reports[-1].preview() is None
    assert asked == [("reduce", studio.work.progress.PREVIEW_SECONDS)]


@pytest.mark.parametrize("preview", [png(), b"no picture", b"", png()[:-20]])
async def test_an_unfinished_picture_is_shown_if_it_is_valid(holding, draw, delivery, preview):
    async def generate(request, sources, progress):
        await progress.report(fraction=0.5, preview=preview)
        await paint(request, sources, progress)

    async with holding() as held:
        await draw(held, generate)
    (_, report) = delivery.reports
    assert report.fraction == 0.5
    shown = await report.preview() if report.preview else None
    if preview == png():
        assert shown
        assert shown.extension == "png"
        assert b"trainedAlgorithmicMedia" in shown.data
    else:
        assert shown is None


async def test_an_unfinished_picture_that_takes_too_long_is_not_shown(holding, draw, delivery, looking, monkeypatch):
    monkeypatch.setattr(studio.work.progress, "MAX_PREVIEW_BYTES", 1)
    monkeypatch.setattr(studio.work.progress, "PREVIEW_SECONDS", 0.0)

    async def generate(request, sources, progress):
        await progress.report(fraction=0.5, preview=png())
        raise Unavailable("later")

    async with holding() as held:
        await draw(held, generate)
    assert await delivery.reports[-1].preview() is None


@pytest.mark.parametrize("trouble", [None, Unavailable("gone"), TimeoutError()])
async def test_cancelling_cancels_the_remote_job_best_effort(store, delivery, holding, trouble):
    waiting, cancelled = asyncio.Event(), []

    async def generate(request, sources, progress):
        await progress.remember({"id": "7"})
        waiting.set()
        await asyncio.Event().wait()

    async def cancel(ref):
        cancelled.append(ref)
        if trouble:
            raise trouble

    provider = FakeProvider(generate)
    provider.cancel = cancel
    drawer = make_drawer({"fake": provider}, store, delivery)
    async with holding() as held:
        drawing = asyncio.create_task(drawer.draw(held))
        await waiting.wait()
        drawer.cancel(held.job.id)
        await drawing
    assert (held.job.failure.kind, cancelled) == ("Cancelled", [{"id": "7"}])


async def test_after_a_crash_the_remembered_call_is_resumed(store, holding, draw):
    """The first process is killed between submit and poll."""
    submitted, polled = [], []

    async def generate(request, sources, progress):
        if progress.remembered is None:
            submitted.append(request.seed)
            await progress.remember({"id": request.seed})
            if request.seed == 11:
                raise Killed
        polled.append(progress.remembered)
        await paint(request, sources, progress)

    async with holding(**FOUR) as held:
        with pytest.raises(Killed):
            await draw(held, generate)
    row = await store.jobs.get("1")
    assert (row.state, row.calls_done, row.remote, len(row.drawn)) == (State.WAITING, 1, {"id": 11}, 1)
    async with Leases(store.jobs).hold("1") as held:
        await draw(held, generate)
    assert submitted == [10, 11, 12, 13]
    assert polled == [{"id": seed} for seed in (10, 11, 12, 13)]
    assert len((await store.jobs.get("1")).drawn) == 4


async def test_a_restarted_call_replaces_its_pictures(store, holding, draw):
    earlier = (Drawn(call=0, key="pictures/1/0-0", seed=10), Drawn(call=1, key="pictures/1/1-0", seed=11))
    async with holding(**FOUR, calls_done=1, state=State.WAITING, remote={"id": 1}, drawn=earlier) as held:
        await draw(held, paint)
    row = await store.jobs.get("1")
    assert [(each.call, each.key, each.seed) for each in row.drawn] == [
        (n, f"pictures/1/{n}-0", 10 + n) for n in range(4)
    ]


@pytest.mark.parametrize(("paid", "kind", "calls"), [(True, "Interrupted", 0), (False, None, 1)], ids=["paid", "free"])
async def test_a_paid_call_that_may_have_been_sent_is_not_repeated(holding, draw, paid, kind, calls):
    async with holding(state=State.SENDING) as held:
        provider = await draw(held, paint, is_paid=paid)
        assert (held.job.failure and held.job.failure.kind) == kind
    assert len(provider.requests) == calls


@pytest.mark.parametrize("kind", [AuthError, QuotaError, RateLimited, ContentRejected, Unavailable, BadResponse])
async def test_an_error_keeps_earlier_pictures(store, holding, draw, kind):
    async def fail(request, sources, progress):
        await progress.remember({"id": 1})
        raise kind("detail", reference="ref")

    async with holding(**FOUR) as held:
        provider = await draw(held, paint, paint, fail)
    row = await store.jobs.get("1")
    assert (row.state, row.failure.kind, row.failure.reference) == (State.DRAWN, kind.__name__, "ref")
    assert (len(row.drawn), row.remote, len(provider.requests)) == (2, {"id": 1}, 3)


async def test_a_bug_is_logged_and_becomes_unexpected(holding, draw, caplog):
    async def fail(request, sources, progress):
        raise KeyError("a bug")

    async with holding() as held:
        await draw(held, fail)
        assert (held.job.state, held.job.failure.kind) == (State.DRAWN, "Unexpected")
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert record.exc_info[0] is KeyError


async def test_an_invalid_picture_is_a_bad_response(store, holding, draw):
    async def generate(request, sources, progress):
        await progress.keep(Picture(data=b"<html>"))

    async with holding() as held:
        await draw(held, generate)
        assert held.job.failure.kind == "BadResponse"
        assert held.job.drawn == ()
    assert await store.spool.get("pictures/1/0-0") is None


async def test_a_timeout_is_reported_and_keeps_the_remote_job(store, holding, draw):
    async def late(request, sources, progress):
        await progress.remember({"id": 7})
        await asyncio.Event().wait()

    async with holding(**FOUR) as held:
        await draw(held, paint, late, draw_time=timedelta(milliseconds=200))
    row = await store.jobs.get("1")
    assert (row.state, row.failure.kind, row.remote, len(row.drawn)) == (State.DRAWN, "Timeout", {"id": 7}, 1)


async def test_a_provider_knows_how_long_the_job_has(holding, draw):
    seconds_left = []

    async def asks(request, sources, progress):
        seconds_left.append(progress.seconds_left())
        await paint(request, sources, progress)

    begun = datetime.now(UTC) - timedelta(minutes=7)
    async with holding(started=begun) as held:
        await draw(held, asks)
    async with holding(id=2, started=begun - timedelta(hours=1)) as held:
        await draw(held, asks)
    assert seconds_left == [pytest.approx(180, abs=5), pytest.approx(120, abs=5)]


async def test_a_providers_own_timeout_is_not_the_jobs(holding, draw):
    async def late(request, sources, progress):
        await progress.remember({"id": 7})
        raise Timeout("its own")

    async with holding() as held:
        await draw(held, late)
        assert str(held.job.failure) == "its own"
        assert held.job.remote == {"id": 7}


async def test_a_cancellation_after_the_deadline_has_no_effect(store, delivery, holding):
    late, go = asyncio.Event(), asyncio.Event()

    async def slow_to_end(request, sources, progress):
        try:
            await asyncio.Event().wait()
        finally:
            late.set()
            await go.wait()

    drawer = make_drawer({"fake": FakeProvider(slow_to_end)}, store, delivery, timedelta(milliseconds=50))
    async with holding() as held:
        drawing = asyncio.create_task(drawer.draw(held))
        await late.wait()
        drawer.cancel("1")
        go.set()
        await drawing
        assert held.job.failure.kind == "Timeout"


@pytest.mark.parametrize("field", ["drawn", "remote"])
async def test_fields_of_a_failed_update_are_written_with_the_next_one(store, holding, draw, monkeypatch, field):
    save, failed = store.jobs.save, []

    async def away_once(job, owner, fields=None, *, release=False):
        if field in (fields or ()) and not failed:
            failed.append(field)
            raise OSError("the database is away")
        return await save(job, owner, fields, release=release)

    async def script(request, sources, progress):
        if field == "remote":
            await progress.remember({"id": "7"})
        await paint(request, sources, progress)

    monkeypatch.setattr(store.jobs, "save", away_once)
    async with holding() as held:
        await draw(held, script)
    row = await store.jobs.get("1")
    assert (failed, row.state) == ([field], State.DRAWN)
    assert len(row.drawn) == 1 if field == "drawn" else row.remote == {"id": "7"}


async def test_a_paid_picture_survives_a_locked_database(tmp_path, delivery, monkeypatch):
    monkeypatch.setattr(storage.database, "UNREACHABLE_RETRY_SECONDS", 0.2)
    monkeypatch.setattr(storage.dialects, "BUSY_SECONDS", 0)
    async with open_store(f"sqlite:///{tmp_path / 'easel.db'}", tmp_path) as store:
        with closing(sqlite3.connect(tmp_path / "easel.db", isolation_level=None)) as other:

            async def while_it_is_locked(request, sources, progress):
                other.execute("BEGIN IMMEDIATE")
                try:
                    await paint(request, sources, progress)
                finally:
                    other.execute("ROLLBACK")

            await store.jobs.add(make_job())
            async with Leases(store.jobs).hold("1") as held:
                assert held
                await make_drawer({"fake": FakeProvider(while_it_is_locked)}, store, delivery).draw(held)
        row = await store.jobs.get("1")
        assert row and await store.spool.exists(row.drawn[0].key or "")


async def test_a_stopped_probe_allows_the_next_one(store, delivery, holding):
    begun = asyncio.Event()

    async def waits(request, sources, progress):
        begun.set()
        await asyncio.Event().wait()

    drawer, now = make_drawer({"fake": FakeProvider(waits)}, store, delivery), datetime.now(UTC)
    await store.outages.write(Outage("fake", "Unavailable", now, now, 30.0))
    await drawer._calls._breakers.refresh()
    async with holding() as held:
        drawing = asyncio.create_task(drawer.draw(held))
        await begun.wait()
        drawing.cancel()
        await asyncio.wait({drawing})
    assert await drawer._calls._breakers.enter(make_job(2)) is None


@pytest.mark.parametrize(
    ("asked", "error", "is_open"),
    [
        ("abab", Unavailable("500", blames_model=True), False),
        ("abc", Unavailable("500", blames_model=True), True),
        ("aaa", Unavailable("500", blames_model=True), False),
        ("aaa", AuthError("401", taken=Acceptance.NOT_TAKEN), True),
        ("aaa", AuthError("403", taken=Acceptance.NOT_TAKEN, blames_model=True), False),
    ],
)
async def test_the_number_of_failing_models_decides_whether_a_provider_is_down(
    store, delivery, holding, asked, error, is_open
):
    async def fail(request, sources, progress):
        raise error

    models = [Model(id=id, title=id) for id in "abc"]
    drawer = make_drawer({"fake": FakeProvider(fail, models=models)}, store, delivery)
    for member, model in enumerate(asked):
        async with holding(id=str(member), user_id=member, model=model) as held:
            await drawer.draw(held)
    assert drawer._calls._breakers.is_open("fake") is is_open


async def test_a_row_with_a_lost_lease_is_not_written(store, holding, draw):
    async def generate(request, sources, progress):
        await store.jobs.release_all()
        assert await store.jobs.claim("1", "another")
        await store.jobs.save((await store.jobs.get("1")).having(model_title="another's"), "another")
        await progress.remember({"id": 1})

    async with holding() as held:
        with pytest.raises(LeaseLost):
            await draw(held, generate, paint)
    row = await store.jobs.get("1")
    assert (row.model_title, row.remote, row.failure) == ("another's", None, None)
    assert await store.jobs.claim("1", "a third") is None


async def test_a_provider_that_is_switched_off_is_a_failure(store, holding, delivery):
    async with holding(provider="gone") as held:
        await make_drawer({}, store, delivery).draw(held)
        assert (held.job.state, held.job.failure.kind) == (State.DRAWN, "SwitchedOff")


async def test_uploads_come_from_the_spool(store, holding, draw):
    got = []

    async def generate(request, sources, progress):
        got.append(sources)
        await paint(request, sources, progress)

    await store.spool.put("uploads/1/image", b"image")
    image = Upload(url="https://cdn.test/x.png", key="uploads/1/image")
    async with holding(request=ImageRequest(prompt="a boat", images=(image,))) as held:
        await draw(held, generate)
    assert got == [Sources(images=(SourceImage(data=b"image", url="https://cdn.test/x.png"),))]


@pytest.mark.parametrize(("limit", "is_scaled"), [(None, False), (500_000, False), (60_000, True)])
async def test_an_image_of_more_bytes_than_the_api_takes_is_scaled_with_its_mask(
    store, holding, draw, monkeypatch, limit, is_scaled
):
    got = []

    async def generate(request, sources, progress):
        got.append(sources)
        await paint(request, sources, progress)

    monkeypatch.setattr(FakeProvider, "max_image_bytes", limit)
    photo, mask = noise((300, 200)), png(size=(300, 200))
    await store.spool.put("uploads/1/image", photo)
    await store.spool.put("uploads/1/mask", mask)
    image, white = Upload(url="https://cdn.test/x.png", key="uploads/1/image"), Upload(url=None, key="uploads/1/mask")
    async with holding(request=ImageRequest(prompt="a boat", images=(image,), mask=white)) as held:
        await draw(held, generate)
    ((only,), repainted) = got[0].images, got[0].mask
    assert only.url == image.url
    assert (only.data, repainted) == (photo, mask) or is_scaled
    assert len(only.data) <= (limit or len(photo))
    size = Image.open(io.BytesIO(only.data)).size
    assert Image.open(io.BytesIO(repainted)).size == size
    assert abs(size[0] / size[1] - 1.5) < 0.02


@pytest.mark.parametrize("key", ["uploads/1/image", None])
async def test_a_deleted_upload_ends_the_job_before_anything_is_spent(holding, draw, key):
    async with holding(request=ImageRequest(prompt="a boat", images=(Upload(url=None, key=key),))) as held:
        provider = await draw(held, paint)
        assert held.job.failure.kind == "UploadGone"
    assert provider.requests == []


async def test_a_finished_row_is_released(store):
    await store.jobs.add(make_job(state=State.DELIVERED))
    async with Leases(store.jobs).hold("1") as held:
        assert held is None


async def test_a_lease_is_released_even_after_repeated_cancellation(store):
    """pgqueuer's cancel scope cancels again at each await."""

    async def work() -> None:
        async with Leases(store.jobs).hold("1"):
            held.set()
            await asyncio.Event().wait()

    await store.jobs.add(make_job())
    held = asyncio.Event()
    before = asyncio.all_tasks()
    task = asyncio.create_task(work())
    await held.wait()
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    assert await store.jobs.claim("1", "another")
