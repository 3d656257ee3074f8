# pyright: basic
"""Handing over: delivery, smaller copies, parking, and what is deleted at the end."""

import errno
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from PIL import Image

from domain import (
    ContentRejected,
    Credit,
    DeliveryRefusal,
    Drawn,
    FailedDelivery,
    Failure,
    ImageRequest,
    Interrupted,
    Size,
    State,
    Timeout,
    Upload,
)
from storage.store import Store
from studio.display import TemporarilyUndeliverable, Undeliverable
from studio.handover import DELIVERY_TRIES, FILE_LIMITS, MESSAGE_LIMIT, Handover
from studio.images import decoder_pool
from studio.lease import HeldJob, Leases
from tests.replay.pictures import foreign
from tests.studio.conftest import FakeProvider, paint, png, saved

TOO_LARGE = Undeliverable(DeliveryRefusal.TOO_LARGE)
REQUEST = ImageRequest(
    prompt="a boat",
    images=(
        Upload(url="https://cdn.test/canary.png", key="uploads/1/image"),
        Upload(url="https://cdn.test/canary-2.png", key="uploads/1/image2"),
    ),
    mask=Upload(url="https://cdn.test/canary-mask.png", key="uploads/1/mask"),
)


@pytest.fixture
def deliver(store: Store, delivery):
    async def run(held, *answers: Exception, ai: bool = True) -> None:
        delivery.answers = list(answers)
        provider = FakeProvider(paint)
        provider.uses_ai = ai  # pyright: ignore
        await Handover({"fake": provider}, store.spool, delivery).deliver(held)

    return run


@pytest.fixture
def drawn(store: Store, holding):
    """`async with drawn(*pictures, **changes) as held`: a held row whose pictures are in the spool."""

    async def keep(n: int, data: bytes) -> Drawn:
        await store.spool.put(f"pictures/1/{n}", data)
        return Drawn(call=n, key=f"pictures/1/{n}", size=Size(64, 64), seed=n)

    @asynccontextmanager
    async def hold(*pictures: bytes, **changes) -> AsyncGenerator[HeldJob]:
        entries = tuple([await keep(n, data) for n, data in enumerate(pictures)])
        values = {"state": State.DRAWN, "drawn": entries, "request": REQUEST} | changes
        async with holding(**values) as held:
            yield held

    return hold


async def spooled(store: Store, count: int) -> list[bool]:
    return [await store.spool.get(f"pictures/1/{n}") is not None for n in range(count)]


def failed(error) -> Failure:
    return error("canary")


async def test_finishing_deletes_the_token_the_pictures_and_the_links(store, drawn, deliver, delivery):
    async with drawn(png(), png("blue")) as held:
        await deliver(held)
    row = await store.jobs.get("1")
    assert (row.state, row.reply_token, row.parked) == (State.DELIVERED, None, False)
    assert row.request.uploads() == tuple(
        Upload(url=None, key=f"uploads/1/{name}") for name in ("image", "image2", "mask")
    )
    assert await spooled(store, 2) == [False, False]
    ((delivered, pictures),) = delivery.delivered
    assert delivered.reply_token is not None
    assert [(each.extension, each.reduced) for each in pictures] == [("png", False)] * 2


async def test_uninspected_pictures_are_inspected_before_delivery(store, drawn, deliver, delivery):
    entries = []
    for n, data in enumerate((foreign()["avif"][0], png()[:40], png())):
        await store.spool.put(f"pictures/1/{n}", data)
        entries.append(Drawn(call=0, key=f"pictures/1/{n}", kind="png" if n else "avif", way="unread"))
    async with drawn(drawn=tuple(entries)) as held:
        with pytest.raises(TemporarilyUndeliverable):
            await deliver(held, TemporarilyUndeliverable("503"))
        looked_at = (await store.jobs.get("1")).drawn
        await deliver(held)
    assert [(each.kind, each.way, each.size) for each in looked_at] == [
        ("avif", "converted", Size(64, 64)),
        ("png", "shown", Size(64, 64)),
    ]
    delivered, pictures = delivery.delivered[-1]
    assert delivered.drawn == looked_at
    assert [each.extension for each in pictures] == ["png", "png"]
    assert all(b"trainedAlgorithmicMedia" in each.data for each in pictures)
    assert await store.spool._listed("pictures") == []


async def test_a_picture_that_cannot_be_stored_converted_is_sent_as_it_came(
    store, drawn, deliver, delivery, monkeypatch
):
    async def full(key, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    data = foreign()["avif"][0]
    await store.spool.put("pictures/1/0", data)
    monkeypatch.setattr(store.spool, "put_cached", full)
    async with drawn(drawn=(Drawn(call=0, key="pictures/1/0", kind="avif", way="unread"),)) as held:
        await deliver(held)
    ((delivered, (picture,)),) = delivery.delivered
    assert (delivered.drawn[0].way, picture.data, picture.extension) == ("file", data, "avif")
    assert await store.spool._listed("pictures") == []


async def test_a_job_without_valid_pictures_fails(store, drawn, deliver, delivery):
    await store.spool.put("pictures/1/0", png()[:40])
    async with drawn(drawn=(Drawn(call=0, key="pictures/1/0", kind="png", way="unread"),)) as held:
        await deliver(held)
    ((delivered, pictures),) = delivery.delivered
    assert (delivered.failure.kind, pictures) == ("PicturesGone", [])
    assert (await store.jobs.get("1")).state is State.FAILED


PSD = b"8BPS\0\1 and more"


async def test_a_picture_that_cannot_be_shown_is_sent_as_a_file_if_it_fits(store, drawn, deliver, delivery):
    await store.spool.put("pictures/1/0", PSD)
    entry = Drawn(call=0, key="pictures/1/0", kind="psd", way="file")
    async with drawn(drawn=(entry,), file_limit=len(PSD)) as held:
        await deliver(held)
    assert [(each.data, each.extension) for each in delivery.delivered[0][1]] == [(PSD, "psd")]


@pytest.mark.parametrize("way", ["file", "shown"])
async def test_a_picture_that_cannot_be_reduced_enough_is_parked(store, drawn, deliver, delivery, way, monkeypatch):
    async def slow(*_, **__):
        raise decoder_pool.DecodingFailed("killed")

    monkeypatch.setattr(decoder_pool.DECODERS, "run", slow)
    data = PSD if way == "file" else png()
    await store.spool.put("pictures/1/0", data)
    entry = Drawn(call=0, key="pictures/1/0", kind="psd", way=way)
    async with drawn(drawn=(entry,), file_limit=10) as held:
        await deliver(held)
    row = await store.jobs.get("1")
    assert (row.state, row.parked, row.refused) == (State.DRAWN, True, FailedDelivery(kind=DeliveryRefusal.TOO_LARGE))
    assert (delivery.delivered, len(delivery.explained)) == ([], 1)
    assert await spooled(store, 1) == [True]


async def test_only_the_picture_that_is_too_large_is_parked(store, drawn, deliver, delivery):
    large = PSD + bytes(30_000)
    await store.spool.put("pictures/1/0", large)
    await store.spool.put("pictures/1/1", png())
    first = Drawn(call=0, key="pictures/1/0", kind="psd", way="file")
    second = Drawn(call=1, key="pictures/1/1", size=Size(64, 64))
    async with drawn(drawn=(first, second), file_limit=20_000) as held:
        await deliver(held)
    ((_, sent),) = delivery.delivered
    assert [(bool(each.data), each.kept_key) for each in sent] == [(False, "pictures/1/0"), (True, None)]
    row = await store.jobs.get("1")
    assert (row.drawn, row.parked) == ((first,), True)
    assert row.refused == FailedDelivery(kind=DeliveryRefusal.TOO_LARGE, rest=True)
    assert await spooled(store, 2) == [True, False]
    async with Leases(store.jobs).hold("1") as held:
        await deliver(held, Undeliverable(DeliveryRefusal.EXPLICIT))
    assert (await store.jobs.get("1")).refused == FailedDelivery(kind=DeliveryRefusal.TOO_LARGE, times=2, rest=True)


async def test_pictures_too_large_for_one_message_come_in_several(store, drawn, deliver, delivery, monkeypatch):
    monkeypatch.setattr("studio.handover.MESSAGE_LIMIT", 40_000)
    entries = [Drawn(call=n, key=f"pictures/1/{n}", kind="psd", way="file") for n in range(4)]
    for n, entry in enumerate(entries):
        await store.spool.put(entry.key, PSD + bytes(15_000) + bytes([n]))
    async with drawn(drawn=tuple(entries), file_limit=FILE_LIMITS[0]):
        pass
    for _ in range(2):
        async with Leases(store.jobs).hold("1") as held:
            await deliver(held)
    assert (await store.jobs.get("1")).state is State.DELIVERED
    sent = [[each.data for each in pictures if each.data] for _, pictures in delivery.delivered]
    assert sorted(data[-1] for message in sent for data in message) == [0, 1, 2, 3]
    assert all(sum(map(len, message)) <= 40_000 for message in sent)
    assert await spooled(store, 4) == [False] * 4


async def test_a_picture_too_large_for_any_message_is_kept_and_reported(
    store, drawn, deliver, delivery, monkeypatch, caplog
):
    monkeypatch.setattr("studio.handover.MESSAGE_LIMIT", 20_000)
    await store.spool.put("pictures/1/0", PSD + bytes(20_000))
    entry = Drawn(call=0, key="pictures/1/0", kind="psd", way="file")
    async with drawn(drawn=(entry,), file_limit=FILE_LIMITS[0]) as held:
        await deliver(held)
    assert [refused for _, refused in delivery.explained] == [FailedDelivery(kind=DeliveryRefusal.TOO_LARGE_ANYWHERE)]
    assert (await store.jobs.get("1")).parked
    assert "pictures/1/0" in caplog.text
    assert await spooled(store, 1) == [True]


@pytest.mark.parametrize(
    ("pictures", "failure", "state"),
    [
        (1, None, State.DELIVERED),
        (1, Timeout, State.DELIVERED),
        (1, ContentRejected, State.DELIVERED),
        (0, Timeout, State.FAILED),
        (0, ContentRejected, State.REFUSED),
        (0, Interrupted, State.INTERRUPTED),
    ],
)
@pytest.mark.parametrize("accepted", [True, False])
async def test_how_a_job_ends(store, drawn, deliver, pictures, failure, state, accepted):
    async with drawn(*[png()] * pictures, failure=failed(failure) if failure else None) as held:
        await deliver(held, *([] if accepted else [Undeliverable(DeliveryRefusal.GONE)]))
    row = await store.jobs.get("1")
    waits = bool(pictures) and not accepted
    assert (row.state, row.parked) == ((State.DRAWN, True) if waits else (state, False))
    assert await spooled(store, pictures) == [waits] * pictures
    assert row.reply_token is None


async def test_a_temporary_refusal_changes_nothing(store, drawn, deliver):
    async with drawn(png()) as held:
        before = held.job
        with pytest.raises(TemporarilyUndeliverable):
            await deliver(held, TemporarilyUndeliverable("429"))
    assert await store.jobs.get("1") == before
    assert await spooled(store, 1) == [True]


def noisy(side: int) -> bytes:
    return saved(Image.effect_noise((side, side), 90).convert("RGB"), "PNG")


async def test_too_large_pictures_are_sent_with_smaller_and_smaller_limits(store, drawn, deliver, delivery):
    """The interaction states the member's limit, which may be fifty times the bot's."""
    big = noisy(256)
    async with drawn(big, file_limit=FILE_LIMITS[0]) as held:
        await deliver(held, *[TOO_LARGE] * 3)
        assert held.job.state is State.DELIVERED
    sizes = [len(pictures[0].data) for _, pictures in delivery.delivered]
    assert len(sizes) == 4
    assert all(after <= before // 2 for before, after in pairwise(sizes))
    assert [pictures[0].reduced for _, pictures in delivery.delivered] == [False, True, True, True]


async def test_the_next_limit_that_discord_is_known_to_have_is_tried_first(drawn, deliver, delivery, monkeypatch):
    big = noisy(256)
    monkeypatch.setattr("studio.handover.FILE_LIMITS", (2 * len(big), 10_000, 5_000))
    async with drawn(big, file_limit=FILE_LIMITS[0]) as held:
        await deliver(held, TOO_LARGE)
    assert 5_000 < len(delivery.delivered[1][1][0].data) <= 10_000


async def test_several_pictures_are_reduced_below_the_largest(drawn, deliver, delivery):
    small, big = png(), noisy(256)
    async with drawn(small, big) as held:
        await deliver(held, TOO_LARGE)
    before, after = [[len(each.data) for each in pictures] for _, pictures in delivery.delivered]
    assert (before[0], after[1] <= before[1] // 2) == (after[0], True)


@pytest.mark.parametrize("pictures", [1, 3])
async def test_a_picture_refused_at_every_size_is_parked(store, drawn, deliver, delivery, pictures):
    """A picture that cannot be made smaller is neither left out nor sent again unchanged."""
    async with drawn(*[noisy(64)] * pictures) as held:
        await deliver(held, *[TOO_LARGE] * 99)
    sent = [[each.data for each in pictures] for _, pictures in delivery.delivered]
    assert 1 < len(sent) <= DELIVERY_TRIES
    assert all(len(each) == pictures for each in sent)
    assert all(before != after for before, after in pairwise(sent))
    row = await store.jobs.get("1")
    assert (row.parked, row.refused.kind) == (True, DeliveryRefusal.TOO_LARGE)
    assert await spooled(store, pictures) == [True] * pictures


async def test_a_link_that_is_too_large_is_not_sent_again(store, drawn, deliver, delivery):
    async with drawn(drawn=(Drawn(call=0, link="https://h.test/x.png"),)) as held:
        await deliver(held, *[TOO_LARGE] * 9)
    assert len(delivery.delivered) == 1
    assert (await store.jobs.get("1")).parked


REASONS = [
    kind
    for kind in DeliveryRefusal
    if kind not in (DeliveryRefusal.GONE, DeliveryRefusal.EXPIRED, DeliveryRefusal.TOO_LARGE)
]


@pytest.mark.parametrize("kind", REASONS)
async def test_a_refused_picture_is_explained_and_parked(store, drawn, deliver, delivery, kind):
    async with drawn(png()) as held:
        await deliver(held, Undeliverable(kind, 7))
    refused = FailedDelivery(kind=kind, code=7)
    ((explained, why),) = delivery.explained
    assert (explained.reply_token is not None, why) == (True, refused)
    row = await store.jobs.get("1")
    assert (row.parked, row.reply_token, row.refused) == (True, None, refused)
    assert await spooled(store, 1) == [True]


@pytest.mark.parametrize("kind", [DeliveryRefusal.GONE, DeliveryRefusal.EXPIRED])
async def test_a_deleted_channel_gets_no_explanation(store, drawn, deliver, delivery, kind):
    async with drawn(png()) as held:
        await deliver(held, Undeliverable(kind))
    assert delivery.explained == []
    assert (await store.jobs.get("1")).refused == FailedDelivery(kind=kind)


async def test_a_picture_is_parked_even_if_its_explanation_is_refused(store, drawn, deliver, delivery):
    delivery.explanation_errors = [Undeliverable(DeliveryRefusal.NO_RIGHT)]
    async with drawn(png()) as held:
        await deliver(held, Undeliverable(DeliveryRefusal.EXPLICIT))
    row = await store.jobs.get("1")
    assert (row.parked, row.refused.kind) == (True, DeliveryRefusal.EXPLICIT)


async def test_an_explanation_is_retried_after_a_temporary_refusal(store, drawn, deliver, delivery):
    """The whole delivery is retried, so that the member gets an answer."""
    delivery.explanation_errors = [TemporarilyUndeliverable("503")]
    async with drawn(png()) as held:
        before = held.job
        with pytest.raises(TemporarilyUndeliverable):
            await deliver(held, Undeliverable(DeliveryRefusal.EXPLICIT))
    assert await store.jobs.get("1") == before


async def test_refusals_are_counted_until_it_is_delivered(store, drawn, deliver):
    async with drawn(png(), refused=FailedDelivery(kind=DeliveryRefusal.EXPIRED, times=2)) as held:
        await deliver(held, Undeliverable(DeliveryRefusal.EXPLICIT))
        assert held.job.refused == FailedDelivery(kind=DeliveryRefusal.EXPLICIT, times=3)
    async with Leases(store.jobs).hold("1") as held:
        await deliver(held)
    assert (await store.jobs.get("1")).refused is None


async def test_pictures_share_the_messages_size_limit(drawn, deliver, delivery, monkeypatch):
    big = noisy(128)
    monkeypatch.setattr("studio.handover.MESSAGE_LIMIT", 2 * len(big))
    async with drawn(*[big] * 4) as held:
        await deliver(held)
    ((_, pictures),) = delivery.delivered
    assert sum(len(each.data) for each in pictures) <= 2 * len(big) < MESSAGE_LIMIT
    assert pictures[0].reduced


async def test_no_more_are_sent_than_a_message_takes(store, drawn, deliver, delivery):
    async with drawn(*[png()] * 12) as held:
        await deliver(held)
    ((_, pictures),) = delivery.delivered
    assert (len(pictures), delivery.later) == (10, [2])
    row = await store.jobs.get("1")
    assert (row.parked, row.refused.kind, row.refused.rest) == (True, DeliveryRefusal.TOO_MANY, True)
    assert [each.key for each in row.drawn] == ["pictures/1/10", "pictures/1/11"]
    assert await spooled(store, 12) == [False] * 10 + [True] * 2


async def test_pictures_beyond_a_messages_maximum_are_parked(store, drawn, deliver, delivery):
    links = [Drawn(call=0, link=f"https://h.test/{number}.png") for number in range(11)]
    async with drawn(drawn=tuple(links)) as held:
        await deliver(held)
    async with Leases(store.jobs).hold("1") as held:
        assert held
        await held.update(parked=False)
        await deliver(held)
    assert [[each.link for each in pictures] for _, pictures in delivery.delivered] == [
        [each.link for each in links[:10]],
        [links[10].link],
    ]
    assert (await store.jobs.get("1")).state is State.DELIVERED


async def test_lost_files_do_not_count_towards_a_messages_maximum(store, drawn, deliver, delivery):
    async with drawn(*[png()] * 12) as held:
        await store.spool.delete(["pictures/1/0", "pictures/1/1"])
        await deliver(held)
    ((_, pictures),) = delivery.delivered
    assert (len(pictures), delivery.later) == (10, [0])


@pytest.mark.parametrize("remote", [None, {"urls": ["https://h.test/2.png"]}])
async def test_a_job_whose_remote_job_may_be_fetched_keeps_its_links(store, drawn, deliver, remote):
    link = "https://cdn.discordapp.com/attachments/1/2/a.png"
    request = REQUEST.model_copy(update={"count": 4, "images": (Upload(url=link, key="uploads/1/image"),)})
    late = {"calls": 4, "calls_done": 1, "remote": remote, "failure": failed(Timeout)}
    async with drawn(png(), request=request, **late) as held:
        await deliver(held)
    assert (await store.jobs.get("1")).request.images[0].url == (link if remote else None)


async def test_a_link_is_passed_on_and_a_lost_file_left_out(store, drawn, deliver, delivery):
    entries = (Drawn(call=0, link="https://h.test/x.png"), Drawn(call=1, key="pictures/1/lost"))
    async with drawn(drawn=entries) as held:
        await deliver(held)
    ((_, pictures),) = delivery.delivered
    assert [each.link for each in pictures] == ["https://h.test/x.png"]


async def test_a_job_with_all_files_lost_fails(store, drawn, deliver, delivery):
    async with drawn(drawn=(Drawn(call=0, key="pictures/1/lost"),)) as held:
        await deliver(held)
    ((delivered, pictures),) = delivery.delivered
    assert (delivered.failure.kind, pictures) == ("PicturesGone", [])
    assert (await store.jobs.get("1")).state is State.FAILED


@pytest.mark.parametrize(("ai", "mark"), [(True, b"/trainedAlgorithmicMedia"), (False, b"/algorithmicMedia")])
@pytest.mark.parametrize("private", [True, False])
async def test_a_public_file_has_its_facts_as_metadata(drawn, deliver, delivery, ai, mark, private):
    async with drawn(png(), private=private) as held:
        await deliver(held, ai=ai)
    ((_, (picture,)),) = delivery.delivered
    assert mark in picture.data
    assert (b"a boat" in picture.data) is not private


@pytest.mark.parametrize("private", [True, False])
async def test_a_file_credits_whose_drawings_it_has_private_or_not(drawn, deliver, delivery, private):
    credit = Credit(creator="Somebody", licence="CC BY-SA 4.0", url="https://licence.test/")
    async with drawn(png(), private=private) as held:
        await held.update(drawn=tuple(each.model_copy(update={"credit": credit}) for each in held.job.drawn))
        await deliver(held)
    ((_, (picture,)),) = delivery.delivered
    assert b"Contains drawings by Somebody, changed; CC BY-SA 4.0" in picture.data
