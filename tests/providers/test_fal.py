# pyright: basic
import asyncio
import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from domain import (
    AuthError,
    BadResponse,
    ContentRejected,
    InvalidRequest,
    QuotaError,
    Size,
    Timeout,
    Unavailable,
)
from providers.fal import Result, _error
from providers.fal.apps import TABLE, App
from providers.fal.inputs import capabilities
from providers.http.answers import Answer
from providers.kit.base import NO_FREE_CALL
from tests.conftest import PATIENCE_SECONDS
from tests.outcomes import not_taken, option_of
from tests.providers.conftest import sources_of
from tests.providers.test_answers import ANSWERS
from tests.replay.fal import (
    DEV,
    EDIT,
    FILL,
    FLUX_2,
    FLUX_2_PRO,
    FROM_IMAGE,
    GPT_IMAGE,
    KONTEXT,
    KONTEXT_WORDS,
    LAST_WORDS,
    PRO,
    QWEN_EDIT,
    SCHNELL,
    TRIFLES,
)
from tests.replay.pictures import draw
from tests.replay.sources import DATA_URL

IMAGE = sources_of(draw("image"))
BOTH = sources_of(draw("image"), mask=draw("mask", mode="L"))
SUBMIT, RESULT = f"POST /{SCHNELL}", "GET /fal-ai/flux/requests/request_0"


@pytest.fixture
async def fal(bench_for):
    return await bench_for("fal")


async def capabilities_of(bench, app: str):
    (model,) = await bench.provider(models=((app, app),)).models()
    return model.capabilities


def data(url: str) -> bytes:
    return base64.b64decode(url.removeprefix(DATA_URL))


def polls(bench) -> int:
    return sum("/requests/" in call for call in bench.server.calls)


async def test_the_queue(fal):
    progress = await fal.draw("queue")
    assert progress.sizes == [(512, 512)]
    assert progress.kept[0].seed == 42
    assert progress.kept[0].seconds == 1.5
    assert [position for _, position, _ in progress.reports] == [3, None]
    assert fal.server.calls[:5] == [SUBMIT, *[f"{RESULT}/status"] * 3, RESULT]


async def test_every_option_by_its_documented_name(fal):
    await fal.draw(model=DEV, count=3, seed=7, steps=20, guidance_scale=4.5, safety_checker=False, size=Size(1024, 576))
    assert len(fal.progress.kept) == 3
    assert fal.sent() == {
        "prompt": "a quiet harbour",
        "image_size": {"width": 1024, "height": 576},
        "num_images": 3,
        "seed": 7,
        "num_inference_steps": 20,
        "guidance_scale": 4.5,
        "enable_safety_checker": False,
    }


async def test_only_what_is_set_is_sent(fal):
    await fal.draw(model=PRO, size=None)
    assert fal.sent() == {"prompt": "a quiet harbour", "num_images": 1}


async def test_an_app_without_a_count_is_asked_for_one_picture_a_call(fal):
    assert (await capabilities_of(fal, FLUX_2_PRO)).per_call == 1
    await fal.draw(model=FLUX_2_PRO)
    assert "num_images" not in fal.sent()


@pytest.mark.parametrize(
    ("app", "checks", "sent"),
    [
        (DEV, False, {"enable_safety_checker": False}),
        (PRO, False, {"safety_tolerance": "6"}),
        (PRO, True, {}),
        (FLUX_2_PRO, False, {"enable_safety_checker": False, "safety_tolerance": "5"}),
    ],
)
async def test_the_safety_switch_uses_the_inputs_of_the_app(fal, app, checks, sent):
    assert (await capabilities_of(fal, app)).safety_checker
    await fal.draw(model=app, safety_checker=checks)
    assert {name: value for name, value in fal.sent().items() if "safety" in name} == sent


@pytest.mark.parametrize(
    ("app", "size", "sent"),
    [
        (KONTEXT_WORDS, Size(1360, 768), {"aspect_ratio": "16:9"}),
        (GPT_IMAGE, Size(1536, 1024), {"image_size": "1536x1024"}),
        (FLUX_2, Size(1024, 576), {"image_size": {"width": 1024, "height": 576}}),
    ],
)
async def test_a_size_is_sent_as_the_app_takes_it(fal, app, size, sent):
    assert (await capabilities_of(fal, app)).takes_size(size)
    await fal.draw(model=app, size=size)
    assert {name: value for name, value in fal.sent().items() if name in ("aspect_ratio", "image_size")} == sent


async def test_a_negative_prompt_goes_to_apps_that_take_one(fal):
    assert (await capabilities_of(fal, QWEN_EDIT)).negative_prompt
    await fal.draw(model=QWEN_EDIT, sources=IMAGE, negative_prompt="fog")
    assert fal.sent()["negative_prompt"] == "fog"


@pytest.mark.parametrize(
    ("app", "words", "image", "mask"),
    [
        (QWEN_EDIT, False, True, False),
        (KONTEXT_WORDS, True, False, False),
        ("fal-ai/gpt-image-1/edit-image", False, True, False),
        ("somebody/new/text-to-image", True, False, False),
        ("somebody/new-edit", False, True, False),
        ("somebody/new/image-to-image", False, True, False),
        ("somebody/new/inpaint", False, False, True),
        ("somebody/credit-refill", True, False, False),
    ],
)
async def test_what_an_app_draws_from(fal, app, words, image, mask):
    takes = await capabilities_of(fal, app)
    assert (takes.text_to_image, takes.image_to_image, takes.inpainting) == (words, image, mask)


async def test_an_unknown_app_is_sent_no_more_than_a_prompt_and_a_seed(fal):
    takes = await capabilities_of(fal, "somebody/new-app")
    assert (takes.seed, takes.per_call, takes.sizes, takes.steps, takes.safety_checker) == (True, 1, (), None, False)


def test_every_app_in_the_table_can_be_asked():
    apps = TypeAdapter(dict[str, App]).validate_json(TABLE.read_text())
    for app in apps.values():
        takes = capabilities(app)
        assert takes.text_to_image or takes.image_to_image or takes.inpainting


async def test_drawing_from_an_image(fal):
    await fal.draw(model=FROM_IMAGE, sources=IMAGE, strength=0.6)
    assert data(fal.sent()["image_url"]) == IMAGE.images[0].data
    assert fal.sent()["strength"] == 0.6
    assert "image_size" not in fal.sent()


async def test_editing_takes_a_list(fal):
    await fal.draw(model=EDIT, sources=IMAGE)
    assert [data(url) for url in fal.sent()["image_urls"]] == [IMAGE.images[0].data]
    await fal.draw(model=KONTEXT, sources=IMAGE)
    assert data(fal.sent(1)["image_url"]) == IMAGE.images[0].data


async def test_filling(fal):
    await fal.draw(model=FILL, sources=BOTH)
    assert (data(fal.sent()["image_url"]), data(fal.sent()["mask_url"])) == (BOTH.images[0].data, BOTH.mask)


async def test_black_pictures_are_a_refusal(fal):
    assert type(await fal.fail("nsfw")) is ContentRejected
    assert fal.progress.remembered is None
    assert fal.server.count("POST") == 1


async def test_allowed_pictures_beside_a_black_one_are_kept(fal):
    progress = await fal.draw("nsfw-some", count=4)
    assert [picture.data for picture in progress.kept] == [draw(f"a quiet harbour {n}", (512, 512)) for n in (0, 2, 3)]


@pytest.mark.parametrize("case", TRIFLES)
async def test_an_invalid_optional_field_does_not_lose_the_picture(fal, case):
    assert len((await fal.draw(case)).kept) == 1


async def test_after_fals_own_503_acceptance_is_unknown(fal):
    raised = await fal.fail("own-503")
    assert (type(raised), not_taken(raised)) == (Unavailable, False)
    assert fal.server.count("POST") == 1


async def test_without_flags_all_pictures_are_kept(fal):
    assert len((await fal.draw("nsfw-null", count=2)).kept) == 2


@pytest.mark.parametrize(
    ("case", "error", "detail"),
    [
        ("failed", Unavailable, "out of breath"),
        ("failed-policy", ContentRejected, "flagged"),
        ("failed-type", Unavailable, "runner_error"),
        ("failed-behind", ContentRejected, "flagged"),
        ("result-policy", ContentRejected, "flagged"),
        ("no-images", BadResponse, "no picture"),
        ("timeout-type", Timeout, "no longer"),
        ("lost", Timeout, "no longer"),
    ],
)
async def test_final_statuses_raise_and_forget(fal, case, error, detail):
    raised = await fal.fail(case)
    assert type(raised) is error
    assert detail in str(raised)
    assert fal.progress.remembered is None
    assert fal.server.count("POST") == 1


@pytest.mark.parametrize("case", LAST_WORDS)
async def test_fals_own_error_in_place_of_the_result_is_final(fal, case):
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert type(await fal.fail(case)) is Unavailable
    assert fal.server.calls.count(RESULT) == 1
    assert fal.progress.remembered is None


async def test_a_result_may_be_late_by_some_seconds(fal):
    assert len((await fal.draw("late-result")).kept) == 1
    assert fal.server.calls.count(RESULT) == 9
    assert 2 < sum(fal.waits[1:]) < 6


async def test_fals_own_time_limit_is_not_polled_again(fal):
    await fal.fail("timeout-type")
    assert polls(fal) == 1


@pytest.mark.parametrize(
    ("case", "error", "field", "unaccepted"),
    [
        ("policy-list", ContentRejected, None, False),
        ("policy-object", ContentRejected, None, False),
        ("too-large", InvalidRequest, "image", False),
        ("no-balance", QuotaError, None, True),
    ],
)
async def test_refusals(fal, case, error, field, unaccepted):
    raised = await fal.fail(case)
    assert type(raised) is error
    assert (option_of(raised), not_taken(raised)) == (field, unaccepted)
    assert raised.reference == "request"
    assert fal.server.calls == [SUBMIT]


async def test_a_submit_that_may_have_arrived_is_not_repeated(fal):
    assert type(await fal.fail("nginx-submit")) is Unavailable
    assert fal.server.calls == [SUBMIT]


@pytest.mark.parametrize("case", ["nginx", "late", "poll-F02", "poll-F03-none"])
async def test_temporary_errors_are_polled_again(fal, case):
    assert len((await fal.draw(case)).kept) == 1
    assert fal.server.count("POST") == 1


@pytest.mark.parametrize("case", ["poll-F04", "poll-F11", "poll-F03-ever"])
async def test_an_accepted_job_stays_remembered_during_an_outage(fal, case):
    await fal.draw_until(6, case)
    assert polls(fal) > 3
    assert fal.server.count("POST") == 1


@pytest.mark.parametrize("case", ["foreign", "foreign-result"])
async def test_a_polling_url_on_another_host_is_refused(fal, case):
    assert "another host" in str(await fal.fail(case))
    assert fal.server.elsewhere == []
    assert (polls(fal), fal.progress.remembered) == (0, None)


async def test_a_data_url_is_kept_and_not_remembered(fal):
    progress = await fal.draw("data-url")
    assert [picture.data for picture in progress.kept] == [draw("a quiet harbour 0", (512, 512))]
    assert "urls" not in progress.remembered


async def test_links_are_remembered_before_the_first_poll(fal):
    assert type(await fal.fail("poll-F01")) is AuthError
    url = f"{fal.server.url}/fal-ai/flux/requests/request_0"
    urls = {"status_url": f"{url}/status", "response_url": url, "cancel_url": f"{url}/cancel"}
    assert fal.progress.remembered == {"request_id": "request_0", **urls}


async def test_a_remembered_job_is_resumed(fal):
    await fal.fail("poll-F05")
    ref = fal.progress.remembered
    fal.server.requests.clear()
    fal.server._followed.clear()
    assert len((await fal.draw(remembered=ref)).kept) == 1
    assert fal.server.count("POST") == 0


async def test_remembered_links_are_only_downloaded(fal):
    ref = (await fal.draw(count=2)).remembered
    fal.server.requests.clear()
    progress = await fal.draw(remembered=ref)
    assert [(picture.seed, picture.seconds) for picture in progress.kept] == [(42, 1.5)] * 2
    assert [call.partition("/pictures/")[0] for call in fal.server.calls] == ["GET "] * 2


async def test_cancelling_is_sent_to_the_queue(fal):
    await fal.fail("poll-F01")
    await fal.provider().cancel(fal.progress.remembered)
    assert fal.server.calls[-1] == f"PUT {RESULT.removeprefix('GET ')}/cancel"
    assert fal.server.cancelled == ["request_0"]


async def test_a_cancel_link_on_another_host_is_ignored(fal):
    progress = await fal.draw("foreign-cancel")
    assert len(progress.kept) == 1
    with pytest.raises(BadResponse, match="another host"):
        await fal.provider().cancel({"cancel_url": f"{fal.server.elsewhere_url}/cancel"})
    assert fal.server.elsewhere == []


async def test_nothing_to_cancel(fal):
    refs = [{"urls": ["https://a.example/b.png"]}]

    async def gate(call):
        if call.path.endswith("/status"):
            refs.append(fal.progress.remembered)

    fal.server.gate = gate
    await fal.draw("no-cancel")
    assert "status_url" in refs[1]
    fal.server.requests.clear()
    for ref in refs:
        await fal.provider().cancel(ref)
    assert fal.server.requests == []


async def test_each_app_takes_what_the_table_says(fal):
    models = {model.id: model.capabilities for model in await fal.provider().models()}
    assert next(iter(models)) == SCHNELL
    assert {id for id, each in models.items() if each.image_to_image} == {FROM_IMAGE, KONTEXT, EDIT}
    assert {id for id, each in models.items() if each.inpainting} == {FILL}
    assert {id for id, each in models.items() if each.strength} == {FROM_IMAGE}
    assert all(bool(each.sizes) == each.text_to_image for each in models.values())
    assert {id for id, each in models.items() if not each.steps} >= {PRO, KONTEXT, FILL}
    assert all(each.seed and each.safety_checker for each in models.values())
    assert {id for id, each in models.items() if each.per_call == 1} == {FLUX_2_PRO}


async def test_models_come_from_the_host(fal):
    models = await fal.provider(models=((DEV, DEV), ("fal-ai/other/inpaint", "Other"))).models()
    assert [(model.id, model.title) for model in models] == [(DEV, "FLUX.1 dev"), ("fal-ai/other/inpaint", "Other")]
    assert models[1].capabilities.inpainting


async def test_check_is_free(fal):
    assert await fal.provider().check() == (True, None, NO_FREE_CALL)
    assert fal.server.calls == ["GET /"]


def test_it_needs_a_key(fal):
    assert type(fal.provider()).missing_setting(fal.provider(api_key=None).settings) == "set FAL_API_KEY"


@settings(max_examples=150, deadline=None)
@given(ANSWERS)
def test_any_error_can_be_read(answer):
    assert (_error(answer) is None) == (200 <= answer.status < 300)


@given(st.lists(st.tuples(st.text(), st.booleans())), st.integers(0, 3))
def test_allowed_pictures_are_those_without_a_flag(items, missing):
    flags = [flag for _, flag in items][: len(items) - missing]
    body = {"images": [{"url": url} for url, _ in items], "has_nsfw_concepts": flags}
    good = Answer(200, {}, json.dumps(body).encode()).parse(Result).allowed
    named = [url.strip() for place, (url, _) in enumerate(items) if place >= len(flags) or not flags[place]]
    assert good == [url for url in named if url]
