# pyright: basic
"""The sentences that members read: worded for each error, and safe whatever is in them."""

import random
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from views.words import OPTIONS, code, explain, size_name, why_refused

from domain import (
    AuthError,
    BadResponse,
    Cancelled,
    ContentRejected,
    EaselError,
    Interrupted,
    InvalidRequest,
    QueueFull,
    QuotaError,
    RateLimited,
    Refusal,
    Refused,
    Size,
    Timeout,
    Unavailable,
)

DETAIL = "canary detail of https://h.test/?key=1"
NOT_THE_PROVIDERS = (EaselError, InvalidRequest, Cancelled, QueueFull)
KINDS = [EaselError, *EaselError.__subclasses__()]
NASTY = ["`", "```", "\n", "\u202e", "\u200b", "\u2028", "\x00", "\x1b[0m", "@everyone", "<@1>", "<@&2>",
         "[a](http://b.c)", "||", "**", "# ", "> ", "\\", "Z\u0351\u036b\u0343", "\U0001f468\u200d\U0001f469",
         "\ud800", "\u00a0", "é", "a"]  # fmt: skip


def is_one_span(text: str, limit: int) -> bool:
    inside = text[1:-1]
    hidden = {each for each in inside if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    return (
        text[0] == text[-1] == "`"
        and "`" not in inside
        and 1 <= len(inside) <= limit
        and not hidden
        and (inside == " " or inside == inside.strip())
    )


@pytest.mark.parametrize("kind", Refusal)
def test_a_refused_picture_is_told_with_what_to_do(kind):
    told = why_refused(Refused(kind=kind, code=99999))
    assert told.startswith("The picture is drawn, but ")
    assert ("`/recover`" in told) is (kind is not Refusal.TOO_LARGE_ANYWHERE)
    assert ("99999" in told) is (kind is Refusal.OTHER)


def test_an_outage_is_told_with_its_beginning_and_its_end():
    error = Unavailable("down since 12:03 UTC", field="outage", takes="1777636980", retry_after=30.4)
    assert explain(error, "PopCord") == (
        "PopCord has not been working since <t:1777636980:t>. Try again in 30 s, or now with another provider."
    )


def test_who_is_held_back_hears_why_and_for_how_long():
    error = ContentRejected("held back", field="member", takes="10")
    assert explain(error, "AI Horde") == (
        "AI Horde has refused words of yours, and after more of them it might refuse everybody. "
        "For 10 minutes, choose another provider."
    )


@settings(max_examples=300)
@given(st.text(), st.integers(2, 400))
def test_any_text_is_one_code_span(text, limit):
    assert is_one_span(code(text, limit), limit)


def test_nasty_texts_are_one_code_span():
    dice = random.Random(5)
    for _ in range(3000):
        text = "".join(dice.choices(NASTY, k=dice.randrange(60)))
        assert is_one_span(code(text), 300), ascii(text)
        assert is_one_span(code(text, 20), 20), ascii(text)


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
    assert code(text, limit) == shown


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_worded(kind):
    for error in (kind(), kind(DETAIL), kind(DETAIL, field="size", takes="64x64", subject="One", retry_after=7)):
        sentence = explain(error, "PopCord")
        assert sentence[0].isupper() or sentence.startswith("**One**")
        assert sentence[-1] in ".:`" or sentence.endswith("`.")
        assert len(sentence) < 500
        assert kind in NOT_THE_PROVIDERS or "PopCord" in sentence
        if kind not in (InvalidRequest, Unavailable):
            assert "canary" not in sentence
        assert explain(EaselError.revive(error.failure), "PopCord") == sentence


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AuthError(), "Only the bot's host can mend that"),
        (QuotaError(), "out of credit"),
        (RateLimited(retry_after=7.4), "Try again in 7 s."),
        (RateLimited(retry_after=600), "Try again in 10 minutes."),
        (Unavailable(field="pause", retry_after=150), "Try again in 3 minutes, or now with another provider."),
        (RateLimited(), "Try again in a minute."),
        (ContentRejected(), "content filter"),
        (Timeout(), "no picture in time"),
        (BadResponse(), "no picture"),
        (Interrupted(), "Nothing was ordered twice"),
        (Unavailable("the `GPU` is\non fire"), "It says: `the \u02cbGPU\u02cb is on fire`"),
        (Unavailable("HTTP_502"), "not working just now. Try"),
        (Unavailable("502"), "not working just now. Try"),
        (Unavailable("503: come back later"), "It says: `come back later`"),
        (Unavailable("503: no workers", field="model"), "`no workers`. Try again later, or choose another model."),
        (Unavailable("500: a bad header", answered=True), "could not draw with this model. It says: `a bad header`."),
        (Unavailable("cut", unsure=True), "may have to be paid for."),
        (InvalidRequest(field="transparent", subject="One"), "takes no transparent background. Leave `transparent`"),
        (Unavailable(field="pause", retry_after=60), "has asked for a pause. Try again in 60 s"),
        (InvalidRequest("422: seed: too large", field="seed"), "did not accept the seed. It says: `seed: too large`"),
        (InvalidRequest("a [link](http://x.y)", field="prompt"), "prompt. It says: `a [link](http://x.y)`"),
        (InvalidRequest(field="guidance_scale", subject="One", takes="1 to 20"), "For `guidance`, **One** takes 1"),
        (InvalidRequest(field="negative_prompt", subject="One"), "takes no negative prompt. Leave `negative_prompt`"),
        (InvalidRequest(field="mask", takes="it needs an image"), "That mask will not do. What works: it needs"),
        (InvalidRequest("gone", field="upload"), "no longer kept"),
        (InvalidRequest(), "request"),
        (Timeout(reference="id-`7`"), "(reference `id-\u02cb7\u02cb`)"),
    ],
)  # fmt: skip
def test_an_error_says_what_to_do(error, words):
    assert words in explain(error)


@given(st.sampled_from(KINDS), st.text(), st.sampled_from([None, "prompt", "size", *OPTIONS]), st.text())
def test_what_a_provider_says_stays_in_its_code_span(kind, detail, field, reference):
    sentence = explain(kind(detail, field=field, reference=reference))
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
def test_sizes_are_named_as_a_person_thinks_of_them(size, name):
    assert size_name(Size.parse(size)) == f"{name} · {size}"
