# pyright: basic
"""Every error has a sentence, which is safe with any external text in it."""

import random
import re
import unicodedata
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from domain import (
    Acceptance,
    AuthError,
    BadResponse,
    BadUpload,
    Cancelled,
    CannotDrawFrom,
    Cause,
    ContentRejected,
    Defect,
    DeliveryRefusal,
    Down,
    EaselError,
    FailedDelivery,
    Failure,
    FileTooLarge,
    ImageTooLarge,
    Interrupted,
    InvalidRequest,
    NeedsImage,
    NoPrompt,
    NoRoom,
    NotOffered,
    NotPossible,
    OptionNotTaken,
    OtherProportions,
    OutOfRange,
    Paused,
    PicturesGone,
    QueueFull,
    QuotaError,
    RateLimited,
    Room,
    Size,
    SizeNotTaken,
    Source,
    Span,
    Suspended,
    SwitchedOff,
    Timeout,
    TooManyImages,
    TooManyScans,
    Unavailable,
    Unexpected,
    UnknownSize,
    UploadGone,
    WrongFileType,
)
from domain.errors import OutageKind
from domain.requests import COMMAND_NAMES
from views.wording.delivery_refusals import delivery_refusal_sentence
from views.wording.outcomes import explain, explain_without_external_text
from views.wording.sizes import size_name
from views.wording.text import code_span, escape

DETAIL = "canary detail of https://h.test/?key=1"
SAID = "canary, it says"
SINCE = datetime(2026, 5, 1, 12, 3, tzinfo=UTC)
SPAN = Span(low=1, high=20)
FAILURES: list[Any] = [
    *(kind(DETAIL, said=SAID) for kind in (AuthError, QuotaError, RateLimited, ContentRejected, Timeout, BadResponse)),
    InvalidRequest(DETAIL, said="seed: too large", option="seed"),
    Unavailable(DETAIL, said="come back later"),
    *(Unavailable(DETAIL, cause=cause) for cause in Cause),
    *(Down(DETAIL, cause=cause, since=SINCE, retry_after=7) for cause in get_args(OutageKind)),
    *(Paused(DETAIL, cause=cause) for cause in get_args(OutageKind)),
    *(kind(DETAIL) for kind in (SwitchedOff, Interrupted, Cancelled, PicturesGone, Unexpected)),
    *(NoPrompt(DETAIL), NeedsImage(DETAIL, option="mask"), UploadGone(DETAIL), UnknownSize(DETAIL, asked="banana")),
    OptionNotTaken(DETAIL, option="transparent", model="One"),
    OutOfRange(DETAIL, option="count", asked=9, takes=SPAN),
    OutOfRange(DETAIL, option="steps", asked=99, model="One", takes=SPAN),
    NotOffered(DETAIL, option="model", asked="banana", offered=("One", "Two")),
    NotOffered(DETAIL, option="style", asked="banana", offered=("ink",), model="One"),
    SizeNotTaken(DETAIL, asked=Size(64, 65), model="One", sizes=(Size(64, 64),)),
    SizeNotTaken(DETAIL, asked=Size(64, 65), model="One"),
    CannotDrawFrom(DETAIL, source=Source.IMAGE, model="One", sources=(Source.WORDS,)),
    OptionNotTaken(DETAIL, option="upscale", model="One"),
    TooManyImages(DETAIL, given=2, limit=1),
    *(BadUpload(DETAIL, option="image", defect=defect) for defect in Defect),
    WrongFileType(DETAIL, option="image", file_type="image/gif"),
    FileTooLarge(DETAIL, option="image", length=20 * 2**20 + 1, limit=20 * 2**20),
    ImageTooLarge(DETAIL, option="image", size=Size(20_000, 10), longest_side=16_383),
    ImageTooLarge(DETAIL, option="image", size=Size(9_000, 9_000), most_pixels=2**24),
    TooManyScans(DETAIL, option="image", scans=2000, limit=100),
    OtherProportions(DETAIL, mask=Size(40, 24), image=Size(40, 25)),
    Suspended(DETAIL, provider="PopCord", seconds=600),
    *(QueueFull(DETAIL, whose=whose, limit=7) for whose in ("member", "server")),
    *(NoRoom(DETAIL, room=room) for room in Room),
]
"""One or more of each type that a row can keep."""
QUOTED = (InvalidRequest, Unavailable)
"""Errors that quote the provider."""
NOT_THE_PROVIDERS = (NotPossible, Cancelled, PicturesGone, Unexpected)
KEPT: TypeAdapter[Any] = TypeAdapter(Failure)
NASTY = ["`", "```", "\n", "\u202e", "\u200b", "\u2028", "\x00", "\x1b[0m", "@everyone", "<@1>", "<@&2>",
         "[a](http://b.c)", "||", "**", "# ", "> ", "\\", "Z\u0351\u036b\u0343", "\U0001f468\u200d\U0001f469",
         "\ud800", "\u00a0", "é", "a"]  # fmt: skip


JOINERS = {"\u200d", *map(chr, range(0xE0020, 0xE0080))}
"""Part of emoji; tests/test_characters.py has where they stay."""


def is_one_span(text: str, limit: int) -> bool:
    inside = text[1:-1]
    hidden = {each for each in inside if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")} - JOINERS
    return (
        text[0] == text[-1] == "`"
        and "`" not in inside
        and 1 <= len(inside) <= limit
        and not hidden
        and (inside == " " or inside == inside.strip())
    )


@pytest.mark.parametrize("kind", DeliveryRefusal)
def test_a_refused_picture_is_told_with_what_to_do(kind):
    told = delivery_refusal_sentence(FailedDelivery(kind=kind, code=99999))
    assert told.startswith("The picture is drawn, but ")
    assert ("`/recover`" in told) is (kind is not DeliveryRefusal.TOO_LARGE_ANYWHERE)
    assert ("99999" in told) is (kind is DeliveryRefusal.OTHER)


def test_an_outage_is_told_with_its_beginning_and_its_end():
    error = Down("down since 12:03 UTC", cause="Unavailable", since=SINCE, retry_after=30.4)
    assert explain(error, "PopCord") == (
        "PopCord has not been working since <t:1777636980:t>. Try again in 30 s, or now with another provider."
    )


def test_a_held_back_member_reads_why_and_for_how_long():
    error = Suspended(provider="AI Horde", seconds=600)
    assert explain(error, "AI Horde") == (
        "AI Horde has refused words of yours, and after more of them it might refuse everybody. "
        "For 10 minutes, choose another provider."
    )


@settings(max_examples=300)
@given(st.text(), st.integers(2, 400))
def test_any_text_is_one_code_span(text, limit):
    assert is_one_span(code_span(text, limit), limit)


def test_hostile_texts_are_one_code_span():
    dice = random.Random(5)
    for _ in range(3000):
        text = "".join(dice.choices(NASTY, k=dice.randrange(60)))
        assert is_one_span(code_span(text), 300), ascii(text)
        assert is_one_span(code_span(text, 20), 20), ascii(text)


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("a  lighthouse\nat\tdusk", 300, "`a lighthouse at dusk`"),
        ("", 300, "` `"),
        ("\u202e", 300, "` `"),
        ("`x`", 300, "`\u02cbx\u02cb`"),
        ("12345", 5, "`12345`"),
        ("123456", 5, "`1234…`"),
    ],
)
def test_a_code_span_keeps_what_can_be_read(text, limit, shown):
    assert code_span(text, limit) == shown


def _leaves(kind: type[EaselError]) -> list[type[EaselError]]:
    """The types that have no subtypes."""
    below = [leaf for each in kind.__subclasses__() for leaf in _leaves(each)]
    return below or [kind]


def test_each_type_that_a_row_can_keep_is_tried_here():
    kept = get_args(get_args(Failure)[0])
    assert set(kept) == set(_leaves(EaselError)), "a type that is missing in the union cannot be kept"
    assert {type(error) for error in FAILURES} == set(kept)


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: error.kind)
def test_every_error_has_a_sentence(error):
    sentence = explain(error, "PopCord")
    assert sentence[0].isupper() or sentence.startswith(("**One**", "`banana`"))
    assert sentence[-1] in ".:`" or sentence.endswith("`.")
    assert len(sentence) < 500
    assert isinstance(error, NOT_THE_PROVIDERS) or "PopCord" in sentence
    assert "canary detail" not in sentence
    assert isinstance(error, QUOTED) or "canary" not in sentence
    kept = KEPT.validate_python(KEPT.dump_python(error, mode="json"))
    assert explain(kept, "PopCord") == sentence
    assert "canary" not in explain_without_external_text(kept, "PopCord")
    assert "One" not in explain_without_external_text(kept, "PopCord")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AuthError(), "Only the bot's host can mend that"),
        (QuotaError(), "out of credit"),
        (RateLimited(retry_after=7.4), "Try again in 7 s."),
        (RateLimited(retry_after=600), "Try again in 10 minutes."),
        (Paused(cause="Unavailable", retry_after=150), "Try again in 3 minutes, or now with another provider."),
        (RateLimited(), "Try again in a minute."),
        (ContentRejected(), "content filter"),
        (Timeout(), "no picture in time"),
        (BadResponse(), "no picture"),
        (Interrupted(), "Nothing was ordered twice"),
        (Unavailable(said="the `GPU` is\non fire"), "It says: `the \u02cbGPU\u02cb is on fire`"),
        (Unavailable("HTTP_502"), "not working just now. Try"),
        (Unavailable("502"), "not working just now. Try"),
        (Unavailable("503", said="come back later"), "It says: `come back later`"),
        (Unavailable("503", said="no workers", option="model"), "`no workers`. Try again later, or choose another"),
        (Unavailable("500", said="a bad header", blames_model=True), "with this model. It says: `a bad header`."),
        (Unavailable("cut", taken=Acceptance.UNKNOWN), "want to be paid, so no other provider was asked."),
        (OptionNotTaken(option="transparent", model="One"), "takes no transparent background. Leave `transparent`"),
        (Paused(cause="Unavailable", retry_after=60), "has asked for a pause. Try again in 60 s"),
        (InvalidRequest("422", said="seed: too large", option="seed"), "did not accept the seed. It says: `seed: too"),
        (InvalidRequest(said="a [link](http://x.y)", option="prompt"), "prompt. It says: `a [link](http://x.y)`"),
        (OutOfRange(option="guidance_scale", asked=0, model="One", takes=SPAN), "For `guidance`, **One** takes 1 to"),
        (OptionNotTaken(option="negative_prompt", model="One"), "takes no negative prompt. Leave `negative_prompt`"),
        (NeedsImage(option="mask"), "A mask needs `image` too"),
        (UploadGone(), "no longer kept"),
        (InvalidRequest(), "request"),
        (Timeout(reference="id-`7`"), "(reference `id-\u02cb7\u02cb`)"),
    ],
)  # fmt: skip
def test_an_error_says_what_to_do(error, words):
    assert words in explain(error)


OUTSIDE_WORDS = st.one_of(
    st.builds(Unavailable, said=st.text(), reference=st.text(), option=st.sampled_from([None, "prompt", "size"])),
    st.builds(
        InvalidRequest, said=st.text(), reference=st.text(), option=st.sampled_from([None, "prompt", *COMMAND_NAMES])
    ),
    st.builds(AuthError, said=st.text(), reference=st.text()),
)


@given(OUTSIDE_WORDS)
def test_what_a_provider_says_stays_in_its_code_span(error):
    sentence = explain(error)
    outside = "".join(sentence.split("`")[::2])
    assert sentence.count("`") % 2 == 0
    assert "\n" not in sentence
    assert outside.isprintable()
    assert set(outside) & set("[]<>*_@#|~") == set()
    assert len(sentence) < 700


@pytest.mark.parametrize(
    ("size", "name"),
    [
        ("1024x1024", "square"),
        ("1010x1024", "square"),
        ("1024x576", "wide 16:9"),
        ("576x1024", "tall 9:16"),
        ("1280x800", "wide 16:10"),
        ("2048x1024", "wide 2:1"),
        ("2560x1080", "wide 21:9"),
        ("1280x1024", "landscape 5:4"),
        ("1024x786", "landscape 4:3"),
        ("786x1024", "portrait 3:4"),
        ("768x512", "landscape 3:2"),
        ("512x768", "portrait 2:3"),
        ("1536x64", "wide"),
        ("64x1536", "tall"),
    ],
)
def test_sizes_are_named_by_their_shape(size, name):
    assert size_name(Size.parse(size)) == f"{name} · {size}"


LIVE = re.compile(
    r"(?<!\\)(?:<(?:@|#|:|a:|t:|/|id:|https?:)|https?://|steam://|discord://|discord(?:app)?\.(?:gg|com|gift|new)/)"
    r"|@(?:everyone|here)",
    re.IGNORECASE,
)


@pytest.mark.parametrize(
    "text",
    [
        *("https://evil.example/a?b=_c_", "HTTP://evil.example", "<https://evil.example>", "steam://run/1"),
        *("<#123456789012345678>", "<t:1700000000:R>", "</imagine:123456789012345678>", "<id:customize>"),
        *("<:cat:123456789012345678>", "<a:cat:123456789012345678>", "<@123456789012345678>", "<@&123456789012345678>"),
        *("@everyone", "@here", "discord.gg/abc", "Discord.com/invite/abc", "discordapp.com/invite/abc"),
        *("discord.gift/abc", "discord.new/abc", "https://discord.gg/abc", "[a](https://evil.example)"),
    ],
)
def test_nothing_in_external_text_is_live(text):
    assert LIVE.search(text)
    shown = escape(f"a {text}")
    assert not re.search(r"(?<!\\)<|(?<!\\)://|discord(?:app)?\.\w|@(?:everyone|here)", shown, re.IGNORECASE)
    assert shown.replace("\\", "").replace("\u200b", "") == f"a {text}"


@pytest.mark.parametrize("text", ["FLUX.1 [dev]", "a discord. of words", "16:9", "SDXL 1.0 (beta)"])
def test_other_external_text_stays(text):
    assert escape(text) == text
