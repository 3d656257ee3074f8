# pyright: basic
"""The outcome of each of Discord's answers to a delivery, and progress that never delays one."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest

import views.delivery
from domain import DeliveryRefusal, FailedDelivery, Timeout
from studio.display import ReadyPicture, Report, TemporarilyUndeliverable, Undeliverable
from tests.conftest import PATIENCE_SECONDS, TOKEN, make_job
from views.delivery import DiscordDelivery

PICTURE = ReadyPicture(b"bytes", "png")
DEAD: dict[str, Any] = {"reply_deadline": datetime.now(UTC)}


def answer(status: int, code: int = 0) -> discord.HTTPException:
    """An error as discord.py raises it."""
    kinds = {403: discord.Forbidden, 404: discord.NotFound}
    kind = kinds.get(status, discord.DiscordServerError if status >= 500 else discord.HTTPException)
    return kind(SimpleNamespace(status=status, reason="x"), {"code": code, "message": "canary"})  # pyright: ignore


class FakeDiscord:
    """A fake webhook, message and channel, which record what they get, and answer as configured or succeed."""

    def __init__(self) -> None:
        self.http = SimpleNamespace(proxy=None, proxy_auth=None)
        self.answers: dict[str, Exception | Callable] = {}
        self.refuses: Callable[[dict], bool] = lambda sent: True
        """Which requests get the configured answer."""
        self.calls: list[tuple[str, dict]] = []

    async def take(self, where: str, **sent) -> None:
        attached = sent.pop("attachments", discord.utils.MISSING)
        read = [file.fp.read() for file in (*(attached or ()), *sent.pop("files", ()))]
        self.calls.append((where, sent | ({"files": read} if read else {})))
        answer = self.answers.get(where) if self.refuses(self.calls[-1][1]) else None
        if isinstance(answer, Exception):
            raise answer
        if answer:
            await answer()

    @property
    def places(self) -> list[str]:
        return [where for where, _ in self.calls]

    def partial(self, id, token, *, client):
        assert (id, token) == (100, TOKEN)

        async def fetch(message):
            await self.take("fetch", message=message)
            return SimpleNamespace(id=501)

        return SimpleNamespace(
            edit_message=lambda message, **sent: self.take("reply", message=message, **sent), fetch_message=fetch
        )

    def get_partial_messageable(self, id, *, guild_id):
        assert (id, guild_id) == (300, 200)
        return SimpleNamespace(
            send=lambda content, **sent: self.take("channel", content=content, **sent),
            get_partial_message=lambda message: SimpleNamespace(
                edit=lambda **sent: self.take("message", message=message, **sent)
            ),
        )


@pytest.fixture
def fake(monkeypatch) -> FakeDiscord:
    fake = FakeDiscord()
    monkeypatch.setattr(discord.Webhook, "partial", fake.partial)
    return fake


@pytest.fixture
def delivery(fake) -> DiscordDelivery:
    return DiscordDelivery(fake, str.title)


async def test_a_valid_token_edits_the_reply(fake, delivery):
    await delivery.deliver(make_job(), [PICTURE])
    ((where, sent),) = fake.calls
    assert (where, sent["message"], sent["files"]) == ("reply", 500, [b"bytes"])
    assert sent["content"].startswith("`a boat`\n-# Fake")
    assert [item.label for item in sent["view"].children] == ["Again", "Delete"]


async def unfinished() -> ReadyPicture:
    return PICTURE


async def test_an_unfinished_picture_is_shown_while_it_is_drawn_and_gone_when_it_is_not(fake, delivery, monkeypatch):
    monkeypatch.setattr(views.delivery, "REPORT_PAUSE", 0.0)
    delivery.report(make_job(), Report(0.5, preview=unfinished))
    while not fake.calls:
        await asyncio.sleep(0)
    assert fake.calls[0][1]["files"] == [b"bytes"]
    await delivery.deliver(make_job(failure=Timeout()), [])
    assert "files" not in fake.calls[1][1]


async def test_a_reply_whose_id_is_unknown_is_the_original(fake, delivery):
    await delivery.deliver(make_job(message_id=None), [PICTURE])
    assert fake.calls[0][1]["message"] == "@original"


TRANSIENT = [
    answer(429),
    answer(500),
    answer(502),
    answer(503),
    discord.RateLimited(3.0),
    aiohttp.ClientConnectionError("canary"),
    aiohttp.ServerDisconnectedError(),
    TimeoutError(),
    ConnectionResetError(),
]
PASSING = [answer(403), answer(403, 40333), answer(400, 40004), answer(400, 130000)]
"""Transient refusals: by Cloudflare, and for features that are off for a while."""
REFUSED = {
    answer(413): DeliveryRefusal.TOO_LARGE,
    answer(413, 40005): DeliveryRefusal.TOO_LARGE,
    answer(400, 40005): DeliveryRefusal.TOO_LARGE,
    answer(400, 50045): DeliveryRefusal.TOO_LARGE,
    answer(404, 10008): DeliveryRefusal.GONE,
    answer(404, 10003): DeliveryRefusal.GONE,
    answer(403, 50013): DeliveryRefusal.NO_RIGHT,
    answer(403, 50001): DeliveryRefusal.NO_RIGHT,
    answer(403, 50278): DeliveryRefusal.NO_RIGHT,
    answer(400, 20009): DeliveryRefusal.EXPLICIT,
    answer(403, 20009): DeliveryRefusal.EXPLICIT,
    answer(403, 160005): DeliveryRefusal.CLOSED,
    answer(403, 99999): DeliveryRefusal.OTHER,
}
WORDS = {
    answer(400, 50035): DeliveryRefusal.INVALID,
    answer(400, 50046): DeliveryRefusal.INVALID,
    answer(400, 200000): DeliveryRefusal.BLOCKED,
    answer(400, 240000): DeliveryRefusal.BLOCKED,
}
"""Refusals that text or buttons may have caused: the retry leaves those out."""
LATER = [(error, None) for error in [*TRANSIENT, *PASSING]]
OUTCOMES = [*LATER, *REFUSED.items()]
EXCUSE = FailedDelivery(kind=DeliveryRefusal.EXPLICIT, code=20009)


def label(value) -> str | None:
    if isinstance(value, discord.HTTPException):
        return f"{value.status}-{value.code}"
    return type(value).__name__ if isinstance(value, Exception) else None


async def outcome_of(delivering) -> DeliveryRefusal | None:
    """The reason of a refusal; None if a retry may succeed."""
    with pytest.raises((Undeliverable, TemporarilyUndeliverable)) as caught:
        await delivering
    assert "canary" not in str(caught.value)
    return caught.value.kind if isinstance(caught.value, Undeliverable) else None


@pytest.mark.parametrize(("error", "outcome"), [*OUTCOMES, *WORDS.items()], ids=label)
@pytest.mark.parametrize("private", [False, True])
async def test_what_an_answer_to_the_edit_means(fake, delivery, error, outcome, private):
    fake.answers["reply"] = error
    assert await outcome_of(delivery.deliver(make_job(private=private), [PICTURE])) is outcome
    assert fake.places == ["reply"] * (2 if error in WORDS else 1)


def wordy(sent: dict) -> bool:
    return "a boat" in sent["content"] or sent["view"] is not None


@pytest.mark.parametrize("pictures", [[PICTURE], []])
@pytest.mark.parametrize("error", WORDS, ids=label)
async def test_a_picture_is_sent_without_external_text_when_that_is_refused(fake, delivery, error, pictures):
    """External text may be what a filter or a validation refuses."""
    fake.answers["reply"] = error
    fake.refuses = (lambda sent: "a boat" in sent["content"]) if WORDS[error] is DeliveryRefusal.BLOCKED else wordy
    job = make_job(model_title="canary", failure=None if pictures else Timeout("canary"))
    await delivery.deliver(job, pictures)
    sent = fake.calls[-1][1]
    assert sent.get("files") == ([b"bytes"] if pictures else None)
    assert "canary" not in sent["content"]
    assert (sent["view"] is None) is (WORDS[error] is DeliveryRefusal.INVALID)


def has_files(sent: dict) -> bool:
    return "files" in sent


@pytest.mark.parametrize(
    ("changes", "places"), [({}, ["reply"]), (DEAD, ["message"]), (DEAD | {"message_id": None}, ["channel"])]
)
async def test_the_reason_replaces_a_refused_picture(fake, delivery, changes, places):
    fake.answers, fake.refuses = dict.fromkeys(places, answer(400, 20009)), has_files
    job = make_job(**changes)
    assert await outcome_of(delivery.deliver(job, [PICTURE])) is DeliveryRefusal.EXPLICIT
    await delivery.explain_refusal(job, EXCUSE)
    assert fake.places == places * 2
    said = fake.calls[-1][1]
    assert "files" not in said
    assert "`a boat`" in said["content"]
    assert "age-restricted channel" in said["content"]
    assert [item.label for item in said["view"].children] == ["Again", "Delete"]


@pytest.mark.parametrize("error", WORDS, ids=label)
async def test_a_reason_is_sent_without_external_text_when_that_is_refused(fake, delivery, error):
    fake.answers["reply"], fake.refuses = error, lambda sent: "a boat" in sent["content"]
    await delivery.explain_refusal(make_job(), EXCUSE)
    assert fake.places == ["reply", "reply"]
    assert "age-restricted channel" in fake.calls[-1][1]["content"]


async def test_a_reason_that_is_refused_too_raises(fake, delivery):
    fake.answers["reply"] = answer(403, 50013)
    assert await outcome_of(delivery.explain_refusal(make_job(), EXCUSE)) is DeliveryRefusal.NO_RIGHT


async def test_a_private_reason_is_never_given_in_a_channel(fake, delivery):
    assert await outcome_of(delivery.explain_refusal(make_job(private=True, **DEAD), EXCUSE)) is DeliveryRefusal.EXPIRED
    assert fake.places == []


async def test_without_a_channel_id_only_the_token_can_deliver(fake, delivery):
    await delivery.deliver(make_job(channel_id=None), [PICTURE])
    assert fake.places == ["reply"]
    assert await outcome_of(delivery.deliver(make_job(channel_id=None, **DEAD), [PICTURE])) is DeliveryRefusal.EXPIRED
    assert fake.places == ["reply"]


async def test_progress_is_shown_when_its_preview_is_refused(fake, delivery, monkeypatch):
    monkeypatch.setattr(views.delivery, "REPORT_PAUSE", 0.0)
    fake.answers["reply"], fake.refuses = answer(400, 20009), has_files
    delivery.report(make_job(), Report(0.5, preview=unfinished))
    await shown(delivery)
    assert ["files" in sent for _, sent in fake.calls] == [True, False]
    assert "50%" in fake.calls[1][1]["content"]


@pytest.mark.parametrize("error", [answer(404, 10015), answer(401, 50027)], ids=label)
async def test_the_bots_token_is_used_when_the_interactions_has_expired(fake, delivery, error):
    fake.answers["reply"] = error
    await delivery.deliver(make_job(), [PICTURE])
    assert fake.places == ["reply", "message"]
    assert fake.calls[1][1]["message"] == 500
    assert [sent["files"] for _, sent in fake.calls] == [[b"bytes"]] * 2


@pytest.mark.parametrize("changes", [DEAD, {"reply_token": None}])
async def test_a_token_that_is_known_to_have_expired_is_not_tried(fake, delivery, changes):
    await delivery.deliver(make_job(**changes), [PICTURE])
    assert fake.places == ["message"]


@pytest.mark.parametrize("error", [answer(404, 10015), answer(401, 50027), None], ids=label)
async def test_a_private_picture_is_never_shown_in_a_channel(fake, delivery, error):
    fake.answers["reply"] = error
    with pytest.raises(Undeliverable):
        await delivery.deliver(make_job(private=True, **({} if error else DEAD)), [PICTURE])
    assert fake.places == (["reply"] if error else [])


@pytest.mark.parametrize(("error", "outcome"), OUTCOMES, ids=label)
async def test_what_an_answer_to_the_bots_own_edit_means(fake, delivery, error, outcome):
    """A new message is posted only if the edit has not succeeded and never will."""
    fake.answers["message"] = error
    assert await outcome_of(delivery.deliver(make_job(**DEAD), [PICTURE])) is outcome
    assert fake.places == ["message"]


@pytest.mark.parametrize("changes", [{}, {"message_id": None}])
@pytest.mark.parametrize("error", [answer(400, 50035), answer(400, 50083), answer(429, 30046)], ids=label)
async def test_what_cannot_be_edited_is_posted_once(fake, delivery, changes, error):
    fake.answers["message"] = error
    await delivery.deliver(make_job(**DEAD, **changes), [PICTURE])
    assert fake.places == [*([] if changes else ["message"]), "channel"]
    posted = fake.calls[-1][1]
    assert (posted["nonce"], posted["files"]) == ("1", [b"bytes"])


@pytest.mark.parametrize(("error", "outcome"), [*OUTCOMES, *WORDS.items()], ids=label)
async def test_what_an_answer_to_the_post_means(fake, delivery, error, outcome):
    fake.answers["channel"] = error
    assert await outcome_of(delivery.deliver(make_job(message_id=None, **DEAD), [PICTURE])) is outcome


async def test_sending_has_a_time_limit(fake, delivery, monkeypatch):
    monkeypatch.setattr(views.delivery, "SEND_SECONDS", 0.01)
    fake.answers["reply"] = asyncio.Event().wait
    with pytest.raises(TemporarilyUndeliverable):
        await delivery.deliver(make_job(), [PICTURE])


@pytest.fixture
def at_once(monkeypatch):
    """Progress is shown without a pause."""
    monkeypatch.setattr(views.delivery, "REPORT_PAUSE", 0.0)


async def shown(delivery) -> None:
    """Wait until all progress has been shown or has failed."""
    while delivery._reports or delivery._showing:
        await asyncio.sleep(0)


async def test_a_job_that_settles_quickly_shows_no_progress(fake, delivery):
    delivery.report(make_job(), Report())
    await delivery.deliver(make_job(), [PICTURE])
    assert fake.places == ["reply"]
    assert "drawing" not in fake.calls[0][1]["content"]
    assert delivery._reports == {}


async def test_the_newest_report_of_each_job_is_shown(fake, delivery, at_once):
    for fraction in (0.1, 0.2, 0.3):
        delivery.report(make_job(), Report(fraction))
    delivery.report(make_job(2), Report())
    await shown(delivery)
    assert len(fake.calls) == 2
    assert "drawing… `a boat`" in fake.calls[0][1]["content"]
    assert "30%" in fake.calls[0][1]["content"]


async def test_only_the_unfinished_picture_that_is_shown_is_prepared(fake, delivery, at_once):
    prepared = []

    async def prepares(number: int) -> ReadyPicture:
        prepared.append(number)
        return PICTURE

    for number in range(3):
        delivery.report(make_job(), Report(preview=partial(prepares, number)))
    await shown(delivery)
    assert prepared == [2]
    assert [sent["files"] for _, sent in fake.calls] == [[b"bytes"]]


async def test_progress_is_shown_when_its_preview_cannot_be_prepared(fake, delivery, at_once):
    async def none() -> None: ...

    delivery.report(make_job(), Report(0.5, preview=none))
    await shown(delivery)
    assert ["files" in sent for _, sent in fake.calls] == [False]
    assert "50%" in fake.calls[0][1]["content"]


async def test_a_report_waits_for_the_one_being_shown(fake, delivery, at_once):
    gate = asyncio.Event()
    fake.answers["reply"] = gate.wait
    delivery.report(make_job(), Report(0.1))
    while not fake.calls:
        await asyncio.sleep(0)
    delivery.report(make_job(), Report(0.2))
    ending = asyncio.create_task(delivery.deliver(make_job(), [PICTURE]))
    await asyncio.sleep(0)
    assert len(fake.calls) == 1
    gate.set()
    await ending
    assert ["drawing" in sent["content"] for _, sent in fake.calls] == [True, False]
    assert (delivery._reports, delivery._showing) == ({}, {})


async def test_settling_cancels_a_preview_that_has_just_started(fake, delivery):
    delivery._reports["1"] = (make_job(), Report(0.5, preview=lambda: asyncio.Future()))
    delivery._show_newest("1")
    async with asyncio.timeout(PATIENCE_SECONDS):
        await delivery.stop_reports(make_job())


async def test_settling_cancels_the_preparation_of_a_preview(fake, delivery, at_once):
    begun, ended = asyncio.Event(), asyncio.Event()

    async def slow():
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    delivery.report(make_job(), Report(0.5, preview=slow))
    await begun.wait()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await delivery.stop_reports(make_job())
    assert ended.is_set()


async def test_a_settled_job_shows_no_more_progress(fake, delivery, at_once):
    delivery.report(make_job(), Report(0.1))
    await delivery.stop_reports(make_job())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert fake.calls == []


@pytest.mark.parametrize("error", [None, answer(500), RuntimeError("canary")], ids=label)
async def test_what_is_shown_at_once_is_shown_when_it_returns_or_never(fake, delivery, error):
    """Once show() has returned, another process may show the job's outcome."""
    if error:
        fake.answers["reply"] = error
    delivery.report(make_job(), Report(0.1))
    await delivery.show(make_job(), Report(eta=60, paused=True))
    assert ["waiting…" in sent["content"] for _, sent in fake.calls] == [True]
    assert (delivery._reports, delivery._showing) == ({}, {})


@pytest.mark.parametrize("error", [answer(404, 10008), answer(500), *TRANSIENT[4:], RuntimeError("canary")], ids=label)
async def test_a_failed_report_is_ignored(fake, delivery, at_once, error):
    fake.answers["reply"] = error
    delivery.report(make_job(), Report())
    await shown(delivery)
    fake.answers.clear()
    await delivery.deliver(make_job(), [PICTURE])
    assert fake.places == ["reply", "reply"]


@pytest.mark.parametrize("changes", [DEAD, {"reply_token": None}])
async def test_without_a_token_nothing_is_reported(fake, delivery, at_once, changes):
    delivery.report(make_job(**changes), Report())
    await shown(delivery)
    assert fake.calls == []


@pytest.mark.parametrize(("known", "asked"), [(None, "@original"), (500, 500)])
async def test_the_acknowledgement_is_found_by_the_token(fake, delivery, known, asked):
    job = make_job(message_id=known)
    assert await delivery.find_acknowledgement(job) == job.having(message_id=501)
    assert fake.calls == [("fetch", {"message": asked})]


OTHERS = [answer(404, 10008), answer(401, 50027), answer(403, 50001), answer(400, 50035)]


@pytest.mark.parametrize(
    ("error", "told"), [(answer(404, 10015), False), *((each, True) for each in OTHERS)], ids=label
)
async def test_only_an_unknown_webhook_means_not_acknowledged(fake, delivery, error, told):
    fake.answers["fetch"], job = error, make_job(message_id=None)
    assert await delivery.find_acknowledgement(job) == (job if told else None)


@pytest.mark.parametrize("error", TRANSIENT, ids=label)
async def test_finding_the_acknowledgement_is_retried_while_discord_is_unavailable(fake, delivery, error):
    fake.answers["fetch"] = error
    with pytest.raises(TemporarilyUndeliverable):
        await delivery.find_acknowledgement(make_job())


async def test_finding_the_acknowledgement_has_a_timeout(fake, delivery, monkeypatch):
    monkeypatch.setattr(views.delivery, "REPORT_SECONDS", 0.01)
    fake.answers["fetch"] = asyncio.Event().wait
    with pytest.raises(TemporarilyUndeliverable):
        await delivery.find_acknowledgement(make_job())


@pytest.mark.parametrize("changes", [DEAD, {"reply_token": None}])
async def test_without_a_valid_token_the_job_counts_as_acknowledged(fake, delivery, changes):
    job = make_job(**changes)
    assert await delivery.find_acknowledgement(job) == job
    assert fake.calls == []


async def test_a_tokens_expiry_is_measured_by_discords_time(fake):
    """By the machine's clock, which is 15 minutes ahead, every token has expired."""
    job = make_job(private=True, reply_deadline=datetime.now(UTC))
    right = DiscordDelivery(fake, str.title, now=lambda: datetime.now(UTC) - timedelta(minutes=15))
    await right.deliver(job, [PICTURE])
    assert fake.places == ["reply"]
