# pyright: basic, reportOptionalMemberAccess=false
import asyncio
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from domain import (
    AuthError,
    BadResponse,
    Cause,
    ContentRejected,
    FileTooLarge,
    ImageRequest,
    InvalidRequest,
    QuotaError,
    RateLimited,
    Size,
    Sources,
    Unavailable,
)
from providers.http.calls import MAX_ANSWER_BYTES
from providers.kit.base import Health
from providers.openai import calls
from providers.openai.calls import transparent_mask
from providers.openai.profiles import (
    GPT_IMAGE_FREE,
    OPENAI,
)
from providers.openai.replies import is_past
from tests.conftest import PATIENCE_SECONDS
from tests.outcomes import blames_model, cause_of, not_taken, option_of
from tests.providers.conftest import load, sources_of
from tests.replay.forms import fields_of
from tests.replay.openai import FIXED, FREE, MINI
from tests.replay.openai_streams import ODD_DETAILS
from tests.replay.pictures import draw
from views.wording.sizes import format_sizes

GENERATE, EDIT = "POST /images/generations", "POST /images/edits"
ONE = draw("a quiet harbour 0", (512, 512))
IMAGE = sources_of(draw("image"), url="https://cdn.example/dog.png")
MASKED = sources_of(draw("image"), mask=draw("mask", mode="L"))
PLAIN = {"model": FREE, "prompt": "a quiet harbour", "n": 1, "size": "512x512"}
STREAMED = {"stream": True, "partial_images": 1}


@pytest.fixture
async def openai(bench_for):
    return await bench_for("openai")


def drawn(bench) -> list[str]:
    """The calls, without the version in their path."""
    return [call.replace(" /v1/", " /") for call in bench.server.calls]


def form(bench) -> dict[str, Any]:
    """The form of the last call: files as bytes, other fields as text."""
    fields = fields_of(bench.server.requests[-1])
    return {each.name: each.data if each.filename else each.text for each in fields}


# One picture, as a stream


async def test_a_single_picture_is_streamed(openai):
    progress = await openai.draw()
    assert [picture.data for picture in progress.kept] == [ONE]
    assert progress.previews == [draw("unfinished ")] * 2
    assert progress.remembered is None
    assert drawn(openai) == [GENERATE]
    assert openai.sent() == PLAIN | STREAMED


@pytest.mark.parametrize(
    ("case", "previews"),
    [
        *(
            ("stream-alone", 0),
            ("stream-unended", 0),
            ("stream-late", 1),
            ("stream-odd", 1),
            ("stream-nameless", 2),
            ("stream-unlabelled", 2),
        ),
        *(("stream-odd-partial", 0), ("stream-cut-late", 1), ("stream-late-error", 0), ("no-stream", 0)),
        ("no-stream-labelled", 0),
    ],
)
async def test_streams_with_a_picture_keep_it(openai, case, previews):
    progress = await openai.draw(case)
    assert [picture.data for picture in progress.kept] == [ONE]
    assert len(progress.previews) == previews
    assert drawn(openai) == [GENERATE]


@pytest.mark.parametrize("case", ["stream-linked", "stream-linked-cut"])
async def test_a_link_at_the_end_of_a_stream_is_remembered_and_fetched(openai, case):
    progress = await openai.draw(case)
    assert [picture.data for picture in progress.kept] == [ONE]
    assert len(progress.remembered["urls"]) == len(progress.previews) == 1
    assert drawn(openai)[0] == GENERATE
    assert len(openai.server.calls) == 2


@pytest.mark.parametrize("case", ["stream-open", "stream-open-done"])
async def test_a_stream_is_left_after_its_final_event(openai, case):
    async with asyncio.timeout(PATIENCE_SECONDS):
        if case == "stream-open":
            assert [picture.data for picture in (await openai.draw(case)).kept] == [ONE]
        else:
            assert cause_of(await openai.fail(case)) is Cause.STREAM_ENDED


@pytest.mark.parametrize(
    ("case", "error", "detail"),
    [
        ("stream-cut", Unavailable, ""),
        ("stream-short", Unavailable, Cause.STREAM_ENDED),
        ("stream-broken", BadResponse, ""),
        ("stream-error", Unavailable, "The machine is out of breath"),
        ("stream-blocked", ContentRejected, "violence, gore, input"),
    ],
)
async def test_streams_without_a_picture_raise(openai, case, error, detail):
    raised = await openai.fail(case)
    assert type(raised) is error
    assert detail in str(raised)
    assert cause_of(raised) is (detail if isinstance(detail, Cause) else None)
    assert openai.progress.kept == []
    assert drawn(openai) == [GENERATE]


async def test_only_declared_progress_is_reported(openai):
    provider = openai.provider()
    assert (provider.reports, provider.is_paid) == ({"preview"}, True)
    await openai.draw()
    assert set(openai.progress.reports) == {(None, None, None)}


# Several pictures, and links


async def test_four_pictures_in_one_call(openai):
    progress = await openai.draw(count=4)
    assert [picture.data for picture in progress.kept] == [draw(f"a quiet harbour {n}", (512, 512)) for n in range(4)]
    assert openai.sent() == PLAIN | {"n": 4}


async def test_links_are_remembered_and_not_drawn_again(openai):
    progress = await openai.draw("url", count=2)
    assert len(progress.kept) == len(progress.remembered["urls"]) == 2
    openai.server.requests.clear()
    again = await openai.draw(remembered=progress.remembered)
    assert [picture.data for picture in again.kept] == [picture.data for picture in progress.kept]
    assert openai.server.count("POST") == 0


async def test_links_are_remembered_before_they_are_followed(openai):
    async def seen(call):
        if call.path.startswith("/pictures/"):
            assert openai.progress.remembered["urls"]

    openai.server.gate = seen
    assert (await openai.draw("url")).sizes == [(512, 512)]


@pytest.mark.parametrize(("case", "count"), [("url-path", 1), ("mixed", 2), ("data-prefix", 1)])
async def test_pictures_in_any_form(openai, case, count):
    progress = await openai.draw(case)
    assert [picture.data for picture in progress.kept] == [ONE] * count


# Options


async def test_without_a_size_no_field_is_sent(openai):
    await openai.draw(size=None, model=FIXED)
    assert openai.sent() == {"model": FIXED, "prompt": "a quiet harbour", "n": 1} | STREAMED


@pytest.mark.parametrize(("checked", "sent"), [(None, None), (True, None), (False, "low")])
async def test_the_safety_checker(openai, checked, sent):
    await openai.draw(safety_checker=checked)
    assert openai.sent().get("moderation") == sent


@pytest.mark.parametrize("sources", [Sources(), IMAGE])
async def test_quality_and_no_background(openai, sources):
    await openai.draw(quality="high", transparent=True, sources=sources, count=2)
    sent = form(openai) if sources.images else openai.sent()
    looks = {"quality": "high", "background": "transparent", "output_format": "png"}
    assert {name: sent[name] for name in looks} == looks


@pytest.mark.parametrize(
    ("best", "offered", "usual"),
    [
        (None, ("low", "medium", "high", "xhigh", "max"), None),
        ("medium", ("low", "medium"), "medium"),
        ("max", ("low", "medium", "high", "xhigh", "max"), "max"),
        ("Medium", ("low", "medium"), "medium"),
        ("superb", ("low",), "low"),
    ],
)
@pytest.mark.parametrize("models", [(), (("gpt-image-2.5-flare", "Flare"),)])
async def test_the_host_caps_the_quality(openai, best, offered, usual, models):
    provider = openai.provider("lists-none", quality=best, models=models)
    takes = {model.id: model.capabilities for model in await provider.models()}["gpt-image-2.5-flare"]
    assert (takes.qualities, takes.usual_quality) == (offered, usual)


async def test_each_family_has_its_qualities(openai):
    usual, fine = ("low", "medium", "high"), ("low", "medium", "high", "xhigh", "max")
    ids = {FREE: usual, f"{FREE}-2026-04-21": usual, FIXED: usual, MINI: usual, "chatgpt-image-latest": usual}
    ids |= {"gpt-image-2.5-flare": fine, "gpt-image-2.5-sunburst-2026-09-08": fine}
    assert {id: OPENAI.capabilities(id).qualities for id in ids} == ids
    assert all(OPENAI.capabilities(id).transparent for id in ids)


@pytest.mark.parametrize(
    ("settings", "options", "previews"),
    [
        ({}, {}, 1),
        ({"previews": 3}, {"quality": "high"}, 3),
        ({"previews": 0}, {}, 0),
        ({}, {"quality": "low"}, 0),
        ({"quality": "high"}, {"quality": "medium"}, 0),
        ({"previews": 3}, {"count": 2}, 0),
    ],
)
async def test_unfinished_pictures_are_asked_for_where_nobody_saves(openai, settings, options, previews):
    """Each is billed."""
    await openai.draw(settings=settings, **options)
    sent = openai.sent()
    assert (sent.get("partial_images", 0), "stream" in sent) == (previews, bool(previews))


@pytest.mark.parametrize(
    ("base_url", "arrives"),
    [(None, "a <3 b | c"), ("https://api.openai.com/v1/", "a <3 b | c"), ("http://gpu:1234/v1", "a <3 b / c")],
)
async def test_a_prompt_is_sent_unchanged_to_openai_itself(base_url, arrives):
    request = ImageRequest(prompt="a <3 b | c", model=FREE)
    drawing = await calls.drawing_for(OPENAI.at_url(base_url), request, Sources(), previews=0)
    assert drawing.options["json"]["prompt"] == arrives


async def test_an_invalid_relative_link_fails_at_its_download(openai):
    provider = openai.provider()
    with pytest.raises(BadResponse):
        await openai.transport.download(provider._absolute_link("//[oops/a.png"))


async def test_no_id_of_a_member_is_sent(openai):
    await openai.draw()
    assert not {"user", "safety_identifier"} & set(openai.sent())


# Images and masks


async def test_an_edit(openai):
    progress = await openai.draw(sources=IMAGE)
    assert drawn(openai) == [EDIT]
    assert progress.sizes == [(512, 512)]
    assert len(progress.previews) == 2
    options = {"model": FREE, "prompt": "a quiet harbour", "n": "1", "size": "512x512"}
    assert form(openai) == options | {"stream": "true", "partial_images": "1", "image": IMAGE.images[0].data}


async def test_several_edits_are_not_streamed(openai):
    assert len((await openai.draw(sources=IMAGE, count=2, safety_checker=False)).kept) == 2
    assert set(form(openai)) == {"model", "prompt", "n", "size", "image"}


@pytest.mark.parametrize(
    ("case", "may_be"),
    [
        *((each, False) for each in ("wrong-key", "no-quota", "billing-limit", "F01")),
        *((each, True) for each in ("not-verified", "server-error")),
    ],
)
async def test_a_refused_key_and_missing_credit_are_openais_fault_not_a_models(openai, monkeypatch, case, may_be):
    monkeypatch.setattr("providers.openai.OPENAI", OPENAI._replace(base_url=openai.server.url))
    assert blames_model(await openai.fail(case)) is may_be


@pytest.mark.parametrize("case", ["wrong-key", "no-quota"])
async def test_at_another_address_there_may_be_a_proxy(openai, case):
    assert blames_model(await openai.fail(case))


@pytest.mark.parametrize("case", ["url", "moderation", "rate-limit"])
async def test_responses_to_edits_are_read_like_drawings(openai, case):
    if case == "moderation":
        assert type(await openai.fail(case, sources=IMAGE)) is ContentRejected
    else:
        assert len((await openai.draw(case, sources=IMAGE)).kept) == 1


async def test_the_mask_is_transparent_where_it_was_white(openai):
    await openai.draw(sources=MASKED)
    sent = Image.open(io.BytesIO(form(openai)["mask"]))
    white = load(MASKED.mask or b"").point([0] * 128 + [255] * 128)
    assert (sent.format, sent.mode, sent.size) == ("PNG", "RGBA", white.size)
    assert sent.getchannel("A").tobytes() == white.point([255] + [0] * 255).tobytes()


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_a_mask_is_never_half_transparent(width, height, data):
    grey = Image.frombytes("L", (width, height), data.draw(st.binary(min_size=width * height, max_size=width * height)))
    out = io.BytesIO()
    grey.save(out, "PNG")
    alpha = Image.open(io.BytesIO(transparent_mask(out.getvalue()))).getchannel("A")
    assert [0 if value >= 128 else 255 for value in grey.tobytes()] == list(alpha.tobytes())


@pytest.mark.parametrize("field", ["image", "mask"])
async def test_files_that_are_too_large_are_not_sent(openai, monkeypatch, field):
    monkeypatch.setattr(calls, f"MAX_{field.upper()}_BYTES", 5)
    raised = await openai.fail(sources=MASKED)
    assert (type(raised), raised.option) == (FileTooLarge, field)
    assert raised.limit <= 5 <= raised.length
    assert openai.server.calls == []


# Errors


@pytest.mark.parametrize(
    ("case", "error", "field", "unaccepted", "posts"),
    [
        ("moderation", ContentRejected, None, False, 1),
        *((f"moderation-{odd}", ContentRejected, None, False, 1) for odd in ODD_DETAILS),
        ("policy", ContentRejected, None, False, 1),
        ("billing-limit", QuotaError, None, True, 1),
        ("no-quota", QuotaError, None, True, 3),
        ("rate-limit-ever", RateLimited, None, True, 3),
        ("bad-size", InvalidRequest, "size", False, 1),
        ("bad-count", InvalidRequest, "count", False, 1),
        ("bad-image", InvalidRequest, "image", False, 1),
        ("bad-quality", InvalidRequest, "quality", False, 1),
        ("bad-background", InvalidRequest, "transparent", False, 1),
        ("bad-moderation", InvalidRequest, None, False, 1),
        ("no-model", InvalidRequest, "model", False, 1),
        ("wrong-key", AuthError, None, True, 1),
        ("not-verified", AuthError, None, True, 1),
        ("server-error", Unavailable, None, False, 1),
        ("prompt-required", InvalidRequest, None, False, 1),
        ("server-word", Unavailable, None, False, 1),
        ("odd-error", InvalidRequest, None, False, 1),
        ("empty", BadResponse, None, False, 1),
        ("no-payload", BadResponse, None, False, 1),
        ("held-back", ContentRejected, None, False, 1),
        ("error-as-200", Unavailable, None, False, 1),
    ],
)
async def test_failures(openai, case, error, field, unaccepted, posts):
    raised = await openai.fail(case)
    assert type(raised) is error
    assert (option_of(raised), not_taken(raised)) == (field, unaccepted)
    assert drawn(openai) == [GENERATE] * posts
    assert openai.progress.remembered is None


@pytest.mark.parametrize(
    ("case", "detail"),
    [
        ("moderation", "400: Your request was held back (violence, gore, input)"),
        ("server-word", "500: server_error: out of memory"),
        ("prompt-required", "400: prompt required"),
    ],
)
async def test_the_message_of_a_failure(openai, case, detail):
    assert str(await openai.fail(case)) == detail


async def test_the_request_id_goes_to_the_log_and_into_the_failure(openai, caplog):
    caplog.set_level("INFO")
    assert (await openai.fail("server-error")).reference == "req_1"
    assert "req_1" in caplog.text


async def test_milliseconds_to_wait(openai):
    assert len((await openai.draw("rate-limit")).kept) == 1
    assert openai.waits == [1.5]
    assert (await openai.fail("rate-limit-ever")).retry_after == 1.5


# Models


async def test_current_models_are_listed_in_our_order(openai, day):
    day("2026-12-01")
    models = await openai.provider().models()
    assert [model.id for model in models] == [FIXED, FREE, "gpt-image-2-2026-04-21", "gpt-image-10"]
    assert [model.title for model in models[:2]] == ["GPT Image 2.6 Sunburst", "GPT Image 2"]


@pytest.mark.parametrize("case", ["lists-empty", "lists-none", "F01", "F04", "F05", "F10", "F12", "F12-list", "F14"])
async def test_the_documented_models_are_the_fallback(openai, case):
    models = await openai.provider(case).models()
    assert [(model.id, model.title) for model in models] == list(OPENAI.models)
    assert not any(model.id in ("dall-e-2", "dall-e-3", "gpt-image-1") for model in models)


async def test_the_hosts_models_replace_the_list(openai):
    models = await openai.provider(models=(("gpt-image-9", "New"), (FREE, FREE))).models()
    assert [(model.id, model.title) for model in models] == [("gpt-image-9", "New"), (FREE, "GPT Image 2")]
    assert models[1].capabilities == GPT_IMAGE_FREE
    assert openai.server.calls == []


@pytest.mark.parametrize(
    ("model", "size", "taken"),
    [
        (FREE, "1040x640", True),
        (FREE, "3840x2160", True),
        (FREE, "2160x3840", True),
        (FREE, "1024x1000", False),
        (FREE, "1536x496", False),
        (FREE, "512x512", False),
        (FREE, "1024x640", True),
        (FREE, "2880x2880", True),
        (FREE, "3840x2176", False),
        (FREE, "3856x2160", False),
        ("gpt-image-2-2026-04-21", "1040x640", True),
        ("gpt-image-2.5-flare-2026-09-08", "1040x640", True),
        (FIXED, "1536x1024", True),
        (FIXED, "1040x640", False),
        ("gpt-image-1.5", "1040x640", False),
        (MINI, "512x512", False),
        ("chatgpt-image-latest", "1024x1536", True),
    ],
)
def test_each_family_has_its_sizes(model, size, taken):
    assert OPENAI.capabilities(model).takes_size(Size.parse(size)) is taken


def test_free_sizes_are_described():
    assert format_sizes((), GPT_IMAGE_FREE.size_range) == (
        "any size with sides from 256 to 3840, in steps of 16, "
        "of at least 0.65536 megapixels, of at most 8.2944 megapixels, the longer at most 3 times the shorter"
    )


def test_only_gpt_image_models_take_images():
    for model in map(OPENAI.capabilities, ("flux-1", "sd3")):
        assert not (model.image_to_image or model.inpainting)
    for model, _ in OPENAI.models:
        takes = OPENAI.capabilities(model)
        assert takes.image_to_image and takes.inpainting
        assert not (takes.seed or takes.negative_prompt or takes.steps or takes.guidance_scale or takes.strength)
        assert (takes.per_call, takes.max_count) == (2 if takes.size_range else 4, 4)
        largest = max((size.width * size.height for size in takes.sizes), default=0)
        assert takes.per_call * largest * 3 * 4 / 3 < MAX_ANSWER_BYTES, "pictures that no PNG makes smaller, in base64"


@pytest.mark.parametrize(
    ("date", "over"),
    [
        *(("2026-05-12", True), ("2026-05-12T00:00:00Z", True), (1_760_000_000, True)),
        *(("2999-12-31", False), (None, False), ("", False), ("soon", False), ([], False), (1e300, False)),
    ],
)
def test_days_of_retirement(date, over):
    assert is_past(date) is over


@given(st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.lists(st.integers()))
def test_an_invalid_date_does_not_break_the_list(date):
    assert is_past(date) in (True, False)


# Checking


async def test_check(openai, day):
    day("2026-11-30")
    assert await openai.provider().check() == Health(reachable=True, models=5, key="not refused")
    assert openai.server.calls == ["GET /v1/models"]
    with pytest.raises(AuthError):
        await openai.provider("F01").check()
