# pyright: basic, reportOptionalMemberAccess=false
import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from conformance.reasons import BLOCKED_REASONS, FINISH_REASONS
from domain import (
    AuthError,
    BadResponse,
    ContentRejected,
    EaselError,
    InvalidRequest,
    QuotaError,
    RateLimited,
    Size,
    Unavailable,
)
from providers.gemini import (
    ACCOUNT_FINISH_REASONS,
    NORMAL_FINISH_REASONS,
    RATIOS,
    REFUSED_FINISH_REASONS,
    RETRYABLE_FINISH_REASONS,
    Gemini,
    Result,
    _picture,
)
from providers.http.answers import Answer
from providers.http.encoding import decode_picture
from providers.kit.facts_files import built_in
from providers.kit.settings import ProviderSettings
from tests.outcomes import blames_model, not_taken, option_of
from tests.providers.conftest import sources_of
from tests.replay.gemini import BLOCKED, FINE, FINISHED, MISSED, MODEL, NEWEST, NO_SIZES, REFUSED, SIDES
from tests.replay.pictures import draw

POST = f"POST /v1beta/models/{MODEL}:generateContent"
PICTURE = draw("a quiet harbour", (512, 512))
DATA = st.none() | st.fixed_dictionaries({}, optional={"data": st.none() | st.text() | st.just("aGVsbG8=")})
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "text": st.none() | st.text(),
        "inlineData": DATA,
        "inline_data": DATA,
        "thought": st.none() | st.booleans(),
        "zz": st.none() | st.text(),
    },
)


@pytest.fixture
async def gemini(bench_for):
    return await bench_for("gemini")


def config(bench, index: int = 0) -> dict:
    return bench.sent(index)["generationConfig"]


async def test_from_words(gemini):
    progress = await gemini.draw()
    assert [picture.data for picture in progress.kept] == [PICTURE]
    assert progress.remembered is None
    assert gemini.server.calls == [POST]
    assert gemini.sent() == {
        "contents": [{"role": "user", "parts": [{"text": "a quiet harbour"}]}],
        "generationConfig": {
            "responseModalities": ["TEXT", "IMAGE"],
            "imageConfig": {"aspectRatio": "1:1", "imageSize": "1K"},
        },
    }


async def test_from_words_and_an_image(gemini):
    await gemini.draw(sources=sources_of(draw("image")))
    text, image = gemini.sent()["contents"][0]["parts"]
    assert text == {"text": "a quiet harbour"}
    assert base64.b64decode(image["inlineData"]["data"]) == draw("image")


@pytest.mark.parametrize(("size", "ratio"), RATIOS.items())
async def test_each_size_stands_for_its_ratio(gemini, size, ratio):
    assert (await gemini.draw(size=size)).sizes == [SIDES[ratio]]
    assert config(gemini)["imageConfig"] == {"aspectRatio": ratio, "imageSize": "1K"}
    width, height = map(int, ratio.split(":"))
    assert abs(size.width / size.height / (width / height) - 1) < 0.03


@pytest.mark.parametrize(("size", "ratio"), RATIOS.items())
async def test_third_generation_models_draw_at_2k(gemini, size, ratio):
    width, height = SIDES[ratio]
    progress = await gemini.draw(size=Size(2 * size.width, 2 * size.height), model=FINE)
    assert progress.sizes == [(2 * width, 2 * height)]
    assert config(gemini)["imageConfig"] == {"aspectRatio": ratio, "imageSize": "2K"}


async def test_these_models_draw_at_2k(gemini):
    ids = tuple((id, id) for id in ("gemini-2.5-flash-image", NEWEST, FINE, NO_SIZES))
    models = await gemini.provider(models=ids).models()
    assert [model.id for model in models if Size(2048, 2048) in model.capabilities.sizes] == [NEWEST, FINE]
    assert all(model.capabilities.sizes[0] == Size(1024, 1024) for model in models)


async def test_a_size_is_never_changed_silently(gemini):
    raised = await gemini.fail(model=NO_SIZES, size=Size(2048, 2048))
    assert (type(raised), option_of(raised), not_taken(raised)) == (InvalidRequest, "size", True)
    assert gemini.server.calls == [POST.replace(gemini.server.model, NO_SIZES)]


async def test_another_size_gets_the_nearest_ratio(gemini):
    await gemini.draw(size=Size(1920, 1080))
    assert config(gemini)["imageConfig"]["aspectRatio"] == "16:9"


async def test_no_size_no_ratio(gemini):
    await gemini.draw(size=None)
    assert config(gemini) == {"responseModalities": ["TEXT", "IMAGE"]}


async def test_a_model_without_image_size_gets_the_ratio_alone(gemini):
    assert (await gemini.draw(model=NO_SIZES)).sizes == [(512, 512)]
    assert config(gemini, 1)["imageConfig"] == {"aspectRatio": "1:1"}


@pytest.mark.parametrize("case", ["snake", "data-url", "thoughts", "null-thought", "null-data", "null-names"])
async def test_the_picture_is_found_in_each_form(gemini, case):
    assert [picture.data for picture in (await gemini.draw(case)).kept] == [PICTURE]


async def test_a_picture_among_thoughts_is_used_as_a_last_resort(gemini):
    assert [picture.data for picture in (await gemini.draw("only-thought")).kept] == [draw("a thought")]


@pytest.mark.parametrize(
    ("case", "detail"),
    [
        *((f"block-{reason}", reason) for reason in BLOCKED),
        ("block-sentence", "SAFETY: Not this one"),
        *((f"finish-{reason}", reason) for reason in REFUSED),
        ("words", "I cannot draw that person."),
        ("new-reason", "ZZ: Not for this account's age"),
    ],
)
async def test_refusals(gemini, case, detail):
    raised = await gemini.fail(case)
    assert (type(raised), str(raised)) == (ContentRejected, detail)
    assert gemini.server.calls == [POST]


def test_the_replay_server_knows_all_reasons_of_google():
    assert (set(BLOCKED), set(FINISHED)) == (BLOCKED_REASONS, FINISH_REASONS)


def test_each_finish_reason_of_google_has_one_meaning():
    meanings = (REFUSED_FINISH_REASONS, RETRYABLE_FINISH_REASONS, NORMAL_FINISH_REASONS, ACCOUNT_FINISH_REASONS)
    assert sorted(FINISHED) == sorted(reason for reasons in meanings for reason in reasons)


@pytest.mark.parametrize("reason", MISSED)
async def test_a_missing_picture_is_retried_once(gemini, reason):
    assert (await gemini.draw(f"once-{reason}")).sizes == [(512, 512)]
    assert gemini.server.calls == [POST] * 2


async def test_after_a_missing_picture_the_job_counts_as_accepted(gemini):
    raised = await gemini.fail("missed-then-minute")
    assert (type(raised), not_taken(raised)) == (RateLimited, False)


@pytest.mark.parametrize("reason", MISSED)
async def test_two_missing_pictures_are_a_bad_response(gemini, reason):
    assert type(await gemini.fail(f"finish-{reason}")) is BadResponse
    assert gemini.server.calls == [POST] * 2


async def test_no_image_with_a_text_is_no_refusal(gemini):
    assert (await gemini.draw("words-no-image")).sizes == [(512, 512)]
    assert gemini.server.calls == [POST] * 2


@pytest.mark.parametrize(
    ("case", "error", "detail", "posts"),
    [
        ("silent", BadResponse, "no picture: STOP", 1),
        ("no-candidates", BadResponse, "neither", 1),
        ("minute", RateLimited, "429: You exceeded", 1),
        ("quota", QuotaError, "429: You exceeded", 3),
        ("no-quota", QuotaError, "429: Quota exceeded", 1),
        ("finish-PUP_LIMITED_DISABLED", AuthError, "PUP_LIMITED_DISABLED", 1),
        ("finish-MAX_TOKENS", BadResponse, "no picture: MAX_TOKENS", 1),
        ("bad-key", AuthError, "400: API key not valid", 1),
        ("bad-key-reason", AuthError, "400: Request", 1),
        ("bad-key-text", AuthError, "400: API key expired", 1),
        ("denied", AuthError, "403: The caller", 1),
        ("overloaded", Unavailable, "503: The model", 3),
        ("argument", InvalidRequest, "400: Request", 1),
        ("no-model", InvalidRequest, "404: models/zz", 1),
    ],
)
async def test_failures(gemini, case, error, detail, posts):
    raised = await gemini.fail(case)
    assert type(raised) is error
    assert detail in str(raised)
    assert gemini.server.calls == [POST] * posts
    assert not_taken(raised) == (error in (RateLimited, QuotaError, AuthError, Unavailable))
    assert blames_model(raised) == (case in ("denied", "quota", "no-quota")), "another model may yet draw"


@pytest.mark.parametrize(("case", "seconds"), [("minute", 34), ("long-minute", 600)])
async def test_the_delay_of_a_retry_info(gemini, case, seconds):
    assert (await gemini.fail(case)).retry_after == seconds


async def test_the_key_is_in_its_header_alone(gemini):
    await gemini.draw()
    await gemini.provider().models()
    for call in gemini.server.requests:
        assert call.headers["x-goog-api-key"] == "test-key"
        assert "test-key" not in call.path + call.query


@pytest.mark.parametrize("end", ["", "/", "/v1beta", "/v1beta/"])
async def test_the_api_path_is_not_appended_twice(gemini, end):
    await gemini.draw(settings={"base_url": gemini.server.url + end})
    assert gemini.server.calls == [POST]


async def test_the_list_is_read(gemini):
    models = await gemini.provider().models()
    assert [(model.id, model.title) for model in models] == [
        (NEWEST, "Two One"),
        (NO_SIZES, "Gemini 3.1 Flash Lite Image"),
        ("gemini-4-image", "Four"),
        (MODEL, "Nano"),
    ]
    assert all(model.capabilities.image_to_image and not model.capabilities.seed for model in models)


@pytest.mark.parametrize("case", ["lists-empty", "lists-words", "bad-key", "F01", "F04", "F05", "F10", "F12-list"])
async def test_the_documented_models_are_the_fallback(gemini, case):
    assert await gemini.provider(case).models() == list(built_in("gemini").listed)


async def test_the_hosts_models_replace_the_list(gemini):
    models = await gemini.provider(models=(("gemini-9-image", "Nine"), (MODEL, MODEL))).models()
    assert [(model.id, model.title) for model in models] == [("gemini-9-image", "Nine"), (MODEL, "Nano")]
    assert all(model.capabilities.sizes for model in models)


async def test_check_tries_the_key(gemini):
    health = await gemini.provider().check()
    assert (health.reachable, health.models, health.key) == (True, 4, "accepted")
    with pytest.raises(AuthError):
        await gemini.provider("bad-key").check()


def test_it_needs_a_key():
    assert Gemini.missing_setting(ProviderSettings()) == "set GEMINI_API_KEY"
    assert Gemini.missing_setting(ProviderSettings(api_key=SecretStr("test-key"))) is None


def without_nulls(value):
    if isinstance(value, list):
        return [without_nulls(each) for each in value]
    if isinstance(value, dict):
        return {name: without_nulls(each) for name, each in value.items() if each is not None}
    return value


def outcome(answer: dict) -> bytes | type[EaselError] | None:
    try:
        told = Answer(200, {}, json.dumps(answer).encode())
        found = _picture(told.parse(Result), told)
        return None if found is None else decode_picture(found)
    except EaselError as error:
        return type(error)


@given(parts=st.none() | st.lists(PARTS), reason=st.none() | st.sampled_from([*REFUSED, *MISSED, "STOP", "zz"]))
def test_any_answer_is_a_picture_a_refusal_or_nothing_and_nulls_change_nothing(parts, reason):
    answer = {"candidates": [{"content": {"parts": parts}, "finishReason": reason}], "promptFeedback": None}
    found = outcome(answer)
    assert isinstance(found, bytes) or found in (BadResponse, ContentRejected) or (found is None and reason in MISSED)
    assert found == outcome(without_nulls(answer))
