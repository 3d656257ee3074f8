# pyright: basic, reportOptionalMemberAccess=false
"""The result message keeps within Discord's limits, and has the buttons for its outcome."""

import re
from datetime import UTC, datetime
from decimal import Decimal

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import (
    Acceptance,
    AuthError,
    ContentRejected,
    Credit,
    DeliveryRefusal,
    Down,
    Drawn,
    FailedDelivery,
    ImageRequest,
    Interrupted,
    InvalidRequest,
    Paused,
    Price,
    Recognised,
    Size,
    Timeout,
    Tried,
    Unavailable,
)
from domain.outcomes import EarlierNote, Passed, TookOver
from domain.prices import EarlierPrice
from studio.display import ReadyPicture, Report
from tests.conftest import make_job
from views.card import card_without_external_text, progress_text, result_card
from views.card_actions import ACTIONS, TEMPLATE, custom_id
from views.limits import MESSAGE_CHARACTERS
from views.refusal_card import refusal_card, refusal_card_without_external_text

PICTURE = ReadyPicture(b"bytes", "png")


async def test_a_picture_can_be_made_larger_once_where_its_provider_can():
    def labels(pictures, **changes) -> list[str]:
        card = result_card(make_job(drawn=drawn(*pictures), **changes), pictures, "PopCord")
        return [getattr(item, "label", "") for item in card.view.children]

    assert labels([PICTURE], upscales=True) == ["Again", "Upscale", "Delete"]
    assert "Upscale" not in labels([PICTURE, PICTURE], upscales=True)
    assert "Upscale" not in labels([link(80)], upscales=True)
    assert "Upscale" not in labels([PICTURE], upscales=True, request=ImageRequest(prompt="a boat", upscale=True))


def link(length: int, n: int = 0) -> ReadyPicture:
    return ReadyPicture(link=f"https://h.test/{n}-".ljust(length, "x"))


def drawn(*pictures: ReadyPicture) -> tuple[Drawn, ...]:
    return tuple(Drawn(call=n, key="k", link=each.link, size=Size(64, 64), seed=n) for n, each in enumerate(pictures))


def asked(prompt: str = "a boat", count: int = 1) -> ImageRequest:
    return ImageRequest(prompt=prompt, count=count)


@pytest.mark.parametrize(
    ("failure", "pictures", "labels"),
    [
        (None, [PICTURE], ["Again", "Delete"]),
        (Timeout(), [PICTURE], ["Again", "Delete"]),
        (None, [link(80)], ["Again", "Delete"]),
        (None, [], ["Retry", "Delete"]),
        (Timeout(), [], ["Retry", "Delete"]),
        (AuthError(), [], ["Delete"]),
        (Interrupted(), [], ["Retry", "Delete"]),
        (ContentRejected(), [], ["Delete"]),
        (InvalidRequest(), [], ["Delete"]),
    ],
)
async def test_the_buttons_of_each_outcome(failure, pictures, labels):
    job = make_job("12345678901234567890-123", failure=failure, drawn=drawn(*pictures))
    card = result_card(job, pictures, "PopCord")
    assert [getattr(item, "label", None) for item in card.view.children] == labels
    assert card.view.is_finished()
    for item in card.view.children:
        assert isinstance(item, discord.ui.Button)
        match = re.fullmatch(TEMPLATE, item.custom_id or "")
        assert match
        assert (match["verb"], match["job"]) == (str(item.label).lower(), job.id)
        assert len(match.string) <= 100


@pytest.mark.parametrize(
    "wrong",
    [
        *("easel:again:", "easel:again:12x", "easel:eat:1", "easel:again:1-", "xeasel:again:1", "easel:again:1\n"),
        *("easel:3:again:1", "easel:2:again:1:", "easel:2:again:1:100", "easel:2:2:again:1"),
    ],
)
def test_other_custom_ids_are_not_ours(wrong):
    assert re.fullmatch(TEMPLATE, wrong) is None


@pytest.mark.parametrize("verb", ACTIONS)
def test_cards_of_earlier_versions_and_of_later_ones_are_known(verb):
    """Later versions may add a number, for one of several pictures."""
    written = {f"easel:{verb}:12-3": None, custom_id(verb, "12-3"): None, custom_id(verb, "12-3", 4): "4"}
    for text, number in written.items():
        match = re.fullmatch(TEMPLATE, text)
        assert match
        assert (match["verb"], match["job"], match["number"]) == (verb, "12-3", number)


async def test_the_receipt_tells_what_is_known():
    pictures = [PICTURE, PICTURE._replace(reduced=True)]
    entries = tuple(each.model_copy(update={"seconds": 1.5}) for each in drawn(*pictures))
    job = make_job(
        request=asked(count=4),
        drawn=entries,
        seconds=4.25,
        cost=Price(amount=Decimal("0.1"), currency="$", unit="token"),
        notes=(EarlierNote(text="A note."),),
        failure=Timeout(taken=Acceptance.TAKEN),
    )
    assert result_card(job, pictures, "PopCord").content.splitlines() == [
        "`a boat`",
        "-# PopCord · One · 64x64 · seed 0, 1 · 4.2 s (3.0 s of it drawing) · price 2 \u00d7 $0.1 a token",
        "-# A note.",
        "-# 2 of 4 pictures. PopCord sent no picture in time. It may be busy; try again, or try another provider.",
        "-# Compressed to fit the upload limit here.",
    ]


@pytest.mark.parametrize("make", [result_card, card_without_external_text])
async def test_the_receipt_tells_how_many_came_beyond_what_a_message_takes(make):
    job = make_job(request=asked(count=4), drawn=drawn(*[PICTURE] * 12))
    told = "-# 2 more pictures did not fit into this message. Use `/recover` to get them."
    assert told in make(job, [PICTURE] * 10, "PopCord", later=2).content


async def test_the_receipt_promises_no_recovery_of_lost_pictures():
    job = make_job(request=asked(count=4), drawn=drawn(*[PICTURE] * 12))
    assert "/recover" not in result_card(job, [PICTURE] * 10, "PopCord").content


async def test_it_tells_of_a_picture_that_is_too_large_and_how_to_get_it():
    pictures, job = (
        [PICTURE, ReadyPicture(kept_key="pictures/1/1")],
        make_job(request=ImageRequest(prompt="a", count=2)),
    )
    for make in (result_card, card_without_external_text):
        card = make(job, pictures, "PopCord")
        assert "1 more picture is too large for this place. Use `/recover`" in card.content
        assert len(card.files()) == 1


async def test_without_a_picture_it_says_why():
    job = make_job(failure=ContentRejected("canary"))
    assert result_card(job, [], "PopCord").content.splitlines() == [
        "`a boat`",
        "The content filter of PopCord refused this request. Other words may pass.",
        "-# PopCord · One",
    ]


@pytest.mark.parametrize(
    ("failure", "asked"),
    [
        (Unavailable(), True),
        (Down(cause="Unavailable", since=datetime.now(UTC)), False),
        (Paused(cause="Unavailable"), False),
    ],
)
async def test_the_receipt_names_no_fallback_that_was_not_asked(failure, asked):
    tried = (Tried(provider="first", kind="Unavailable"),)
    took_over = TookOver(passed=(Passed(title="First", cause="Unavailable"),), title="PopCord")
    note = "First was not working, so PopCord was asked instead."
    job = make_job(failure=failure, tried=tried, notes=(took_over,))
    assert (note in result_card(job, [], "PopCord").content) is asked


@pytest.mark.parametrize(
    ("wanted", "made", "told"),
    [
        (Size(2048, 2048), Size(576, 576), True),
        (Size(1024, 1024), Size(1024, 768), True),
        (Size(1024, 1024), Size(1024, 1024), False),
        (Size(1024, 1024), Size(1024, 896), False),
        (Size(1344, 768), Size(1376, 768), False),
        (Size(512, 512), Size(1024, 1024), False),
        (None, Size(64, 64), False),
        (Size(2048, 2048), None, False),
    ],
)
async def test_a_much_smaller_picture_is_not_passed_off_as_what_was_asked_for(wanted, made, told):
    job = make_job(
        request=ImageRequest(prompt="a boat", size=wanted), drawn=(Drawn(call=0, key="k", link=None, size=made),)
    )
    line = f"-# Smaller than the {wanted} that AI Horde was asked for."
    assert (line in result_card(job, [PICTURE], "AI Horde").content.splitlines()) is told


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("shown", ""),
        ("converted", "-# Converted from HEIC, which Discord does not show."),
        ("mended", "-# It arrived damaged: this is what could be read of it."),
        ("file", "-# It came as a file that cannot be shown here (HEIC): download it to see it."),
    ],
)
async def test_the_receipt_says_what_became_of_what_the_provider_sent(way, told):
    one = Drawn(call=0, key="k", kind="heic", way=way)
    card = result_card(make_job(drawn=(one, one), upscales=True), [PICTURE], "PopCord")
    assert [line for line in card.content.splitlines()[2:] if line] == ([told] if told else [])
    assert ("Upscale" in [getattr(item, "label", "") for item in card.view.children]) is (way != "file")


async def test_the_receipt_says_which_words_are_in_the_picture_and_whose_drawings():
    note = Recognised(known=("fox", "<@123456789012345678>"), unknown=("*a*", "b" * 300, *map(str, range(20))))
    credit = Credit(creator="Some_body", licence="CC BY-SA 4.0", url="https://licence.test/")
    one = Drawn(call=0, key="k", note=note, credit=credit)
    content = result_card(make_job(drawn=(one, one)), [PICTURE], "Sketch").content
    known, credited = content.splitlines()[-2:]
    assert known.startswith("-# In the picture: fox, ")
    assert "<@123" not in known
    assert "Words it does not know: \\*a\\*, bbbb" in known
    assert known.endswith("b…, 0, 1, 2, 3, 4, 5 and 14 more.")
    assert len(known) < 200
    assert credited == "-# With drawings by Some\\_body, [CC BY-SA 4.0](<https://licence.test/>)."
    assert content.count("In the picture") == 1


async def test_the_receipt_says_that_something_moved():
    still = PICTURE._replace(reduced=True, first_frame_only=True)
    assert "only its first frame" in result_card(make_job(), [still], "PopCord").content


async def test_a_job_with_a_remote_reference_can_be_retried():
    job = make_job(failure=Timeout(), remote={"id": "7"})
    card = result_card(job, [], "PopCord")
    assert "Retry asks for the same picture again; nothing is ordered twice." in card.content


@pytest.mark.parametrize("length", [80, 450, 900, 1990, 2500])
@pytest.mark.parametrize("notes", [(), (EarlierNote(text="note " * 100),) * 5])
async def test_links_are_sent_whole_before_anything_else(length, notes):
    pictures = [link(length, n) for n in range(4)]
    job = make_job(request=asked("word " * 800, 4), drawn=drawn(*pictures), notes=notes)
    content = result_card(job, pictures, "PopCord").content
    links = [each.link for each in pictures]
    shown = [line for line in content.splitlines() if line.startswith("https:")]
    assert len(content) <= 2000
    assert shown == links[: min(4, 2000 // length)]


@pytest.mark.parametrize(("length", "files"), [(80, 0), (450, 0), (600, 1), (1400, 1)])
@pytest.mark.parametrize("make", [result_card, card_without_external_text])
async def test_links_for_which_a_message_has_no_room_come_as_a_file(make, length, files):
    pictures = [link(length, n) for n in range(4)]
    sent = make(make_job(request=asked(count=4), drawn=drawn(*pictures)), pictures, "PopCord").files()
    assert [file.filename for file in sent] == ["easel-1-links.txt"] * files
    assert [file.fp.read().decode().split("\n") for file in sent] == [[each.link for each in pictures]] * files


@pytest.mark.parametrize(
    ("end", "whole"), [("x", True), ("=", True), ("/", True), *((each, False) for each in (".", "'", ")", ",", ":"))]
)
async def test_a_link_that_discord_would_cut_short_stands_in_brackets(end, whole):
    ready = ReadyPicture(link=f"https://h.test/a?sig={end}")
    shown = result_card(make_job(drawn=drawn(ready)), [ready], "PopCord").content.splitlines()[-1]
    assert shown == (ready.link if whole else f"<{ready.link}>")


@given(
    prompt=st.text(max_size=4000),
    title=st.text(max_size=300),
    notes=st.lists(st.text(max_size=900), max_size=4),
    lengths=st.lists(st.integers(0, 1500), max_size=4),
    detail=st.text(max_size=3000),
)
async def test_limits_hold_whatever_is_in_it(prompt, title, notes, lengths, detail):
    pictures = [link(length, n) if length else PICTURE for n, length in enumerate(lengths)]
    failure = InvalidRequest(said=detail, option="prompt")
    words = tuple(EarlierNote(text=note) for note in notes)
    job = make_job(request=asked(prompt, 4), model_title=title, notes=words, drawn=drawn(*pictures), failure=failure)
    card = result_card(job, pictures, "PopCord")
    assert 1 <= len(card.content) <= 2000
    assert all(len(file.description or "") <= 1024 for file in card.files())
    assert 1 <= len(progress_text(job, Report(0.5, 3, 12.0), "PopCord")) <= 2000


OUTSIDE = {"request": ImageRequest(prompt="canary " * 500), "model": "canary", "model_title": "canary" * 50}


@pytest.mark.parametrize("kind", DeliveryRefusal)
async def test_a_refusal_card_keeps_within_the_limits(kind):
    refused = FailedDelivery(kind=kind, code=999_999)
    card, wordless = (
        refusal_card(make_job(**OUTSIDE), refused, "PopCord"),
        refusal_card_without_external_text(make_job(**OUTSIDE), refused),
    )
    assert len(card.content) <= MESSAGE_CHARACTERS
    assert "canary" in card.content
    assert "canary" not in wordless.content
    assert [each.files() for each in (card, wordless)] == [[], []]


async def test_a_refused_remainder_is_not_counted_as_missing():
    refused = FailedDelivery(kind=DeliveryRefusal.TOO_LARGE, rest=True)
    job = make_job(request=asked("a boat", 4), drawn=drawn(PICTURE), refused=refused)
    assert "of 4" not in result_card(job, [PICTURE], "PopCord").content
    assert "1 of 4" in result_card(job.having(refused=None), [PICTURE], "PopCord").content


async def test_pictures_that_are_not_shown_are_counted_with_how_to_get_them():
    here, anywhere = (
        ReadyPicture(kept_key="pictures/1/1"),
        ReadyPicture(kept_key="pictures/1/2", exceeds_every_limit=True),
    )
    for make in (result_card, card_without_external_text):
        content = make(make_job(request=asked("a boat", 3)), [PICTURE, here, anywhere], "PopCord").content
        assert content.count("1 more picture ") == 2
        assert content.count("`/recover`") == 1
        assert "host" in content


@pytest.mark.parametrize("pictures", [[PICTURE], [link(80)], []])
async def test_a_card_without_external_text_contains_none_but_links(pictures):
    failure = None if pictures else InvalidRequest("canary", said="canary", option="canary", reference="canary")
    card = card_without_external_text(
        make_job(notes=(EarlierNote(text="canary"),), failure=failure, **OUTSIDE), pictures, "PopCord"
    )
    assert "canary" not in card.content + card.alt
    assert all(each.link in card.content for each in pictures if each.link)
    assert [file.description for file in card.files()] == ["A picture"] * len(card.files())
    assert len(card.files()) == sum(bool(each.data) for each in pictures)


async def test_files_can_be_sent_again():
    job = make_job(77, drawn=drawn(PICTURE, link(80), PICTURE))
    card = result_card(job, [PICTURE, link(80), ReadyPicture(b"more", "jpg")], "PopCord")
    for _ in range(2):
        files = card.files()
        assert [file.fp.read() for file in files] == [b"bytes", b"more"]
        assert [file.filename for file in files] == ["easel-77-1.png", "easel-77-2.jpg"]
        assert {file.description for file in files} == {"A picture drawn by PopCord (One) for the words: a boat"}


@pytest.mark.parametrize(
    ("report", "told"),
    [
        (Report(), "🖌️ drawing… `a boat`\n-# PopCord · One"),
        (
            Report(eta=60, paused=True),
            "⏳ waiting… `a boat`\n-# PopCord · One · tried again in about 60 s",
        ),
        (Report(0.42), "🖌️ drawing… `a boat`\n-# PopCord · One · 42%"),
        (
            Report(position=3, eta=12.4),
            "⏳ waiting… `a boat`\n-# PopCord · One · place 3 in line · about 12 s to go",
        ),
    ],
)
def test_the_progress_text_of_each_report(report, told):
    assert progress_text(make_job(), report, "PopCord") == told


def test_one_picture_has_one_price_and_a_drawing_never_takes_longer_than_the_whole():
    entries = tuple(each.model_copy(update={"seconds": 9.0}) for each in drawn(PICTURE))
    job = make_job(drawn=entries, seconds=4.25, cost=EarlierPrice(text="$0.03 for the first megapixel"))
    facts = result_card(job, [PICTURE], "fal").content.splitlines()[1]
    assert facts.endswith(" · 4.2 s · price $0.03 for the first megapixel")
