# pyright: basic, reportOptionalMemberAccess=false, reportArgumentType=false
import base64

import pytest
from pydantic import SecretStr

from domain import (
    AuthError,
    BadResponse,
    ContentRejected,
    InvalidRequest,
    QuotaError,
    Size,
    Timeout,
    Unavailable,
    find_model,
)
from tests.outcomes import not_taken
from tests.providers.conftest import sources_of
from tests.replay.bfl import FILL, FLEX, FLUX_1, KONTEXT, RESULT, SIZED, ULTRA
from tests.replay.pictures import draw
from views.wording.prices import price_words
from views.wording.sizes import format_sizes

IMAGE = sources_of(draw("image"))
BOTH = sources_of(draw("image"), mask=draw("mask", mode="L"))
SUBMIT, POLL = "POST /v1/flux-2-pro", f"GET {RESULT}/task_0"


@pytest.fixture
async def bfl(bench_for):
    return await bench_for("bfl")


def polls(bench) -> int:
    return sum(RESULT in call for call in bench.server.calls)


async def test_ready(bfl):
    progress = await bfl.draw()
    assert progress.sizes == [(512, 512)]
    assert progress.kept[0].seed == 42
    assert bfl.server.calls[:2] == [SUBMIT, POLL]
    assert bfl.sent() == {"prompt": "a quiet harbour", "width": 512, "height": 512, "output_format": "png"}


async def test_pending_three_times(bfl):
    assert len((await bfl.draw("pending", seed=7)).kept) == 1
    assert bfl.progress.kept[0].seed == bfl.sent()["seed"] == 7
    assert polls(bfl) == 4
    assert bfl.waits == sorted(bfl.waits)


async def test_flex_takes_steps_and_guidance(bfl):
    await bfl.draw(model=FLEX, steps=20, guidance_scale=4.0, size=Size(1920, 1088), safety_checker=False)
    sent = {name: bfl.sent()[name] for name in ("steps", "guidance", "width", "height", "safety_tolerance")}
    assert sent == {"steps": 20, "guidance": 4.0, "width": 1920, "height": 1088, "safety_tolerance": 5}


@pytest.mark.parametrize("checker", [True, None])
async def test_the_safety_checker_is_the_apis_default_unless_switched_off(bfl, checker):
    await bfl.draw(safety_checker=checker)
    assert "safety_tolerance" not in bfl.sent()


@pytest.mark.parametrize("model", ["flux-2-pro", "flux-2-klein-4b", KONTEXT])
async def test_an_image_to_edit(bfl, model):
    await bfl.draw(model=model, sources=IMAGE, size=None)
    assert base64.b64decode(bfl.sent()["input_image"]) == IMAGE.images[0].data
    assert not {"width", "height", "aspect_ratio"} & set(bfl.sent())


@pytest.mark.parametrize("model", [KONTEXT, ULTRA])
async def test_models_without_sizes_get_a_ratio(bfl, model):
    await bfl.draw(model=model, size=Size(1024, 576))
    assert bfl.sent() == {"prompt": "a quiet harbour", "aspect_ratio": "16:9", "output_format": "png"}


async def test_fill(bfl):
    await bfl.draw(model=FILL[0], sources=BOTH, steps=20, guidance_scale=30.0)
    sent = bfl.sent()
    assert base64.b64decode(sent["image"]) == BOTH.images[0].data
    assert base64.b64decode(sent["mask"]) == BOTH.mask
    assert set(sent) == {"prompt", "image", "mask", "steps", "guidance", "output_format"}


async def test_fill_is_tried_at_its_other_path(bfl):
    assert len((await bfl.draw("other-fill", model=FILL[0], sources=BOTH)).kept) == 1
    assert bfl.server.calls[:2] == [f"POST /v1/{name}" for name in FILL]
    assert bfl.sent(0) == bfl.sent(1)


@pytest.mark.parametrize(
    ("case", "error", "detail"),
    [
        ("request-moderated", ContentRejected, "Violence"),
        ("policy", ContentRejected, "Not drawn here"),
        ("content-moderated", ContentRejected, "Content Moderated"),
        ("error", Unavailable, "out of breath"),
        ("failed", Unavailable, "Failed"),
        ("no-sample", BadResponse, "without a sample"),
        ("lost", Timeout, "no longer knows"),
        ("expired", BadResponse, "answers 403"),
    ],
)
async def test_final_statuses_raise_and_forget(bfl, case, error, detail):
    raised = await bfl.fail(case)
    assert type(raised) is error
    assert detail in str(raised)
    assert bfl.progress.remembered is None
    assert bfl.server.count("POST") == 1


@pytest.mark.parametrize(
    ("case", "error"), [("no-credit", QuotaError), ("forbidden", AuthError), ("invalid", InvalidRequest)]
)
async def test_refusals(bfl, case, error):
    raised = await bfl.fail(case)
    assert type(raised) is error
    assert not_taken(raised) == (error is not InvalidRequest)
    assert bfl.server.calls == [SUBMIT]


async def test_the_pause_in_the_body_is_read(bfl):
    assert len((await bfl.draw("retry-in-body")).kept) == 1
    assert bfl.waits[0] == 5
    assert bfl.server.count("POST") == 2


@pytest.mark.parametrize("case", ["late", "odd-word", "poll-F02", "poll-F03-none"])
async def test_temporary_errors_are_polled_again(bfl, case):
    assert len((await bfl.draw(case)).kept) == 1
    assert bfl.server.count("POST") == 1


@pytest.mark.parametrize("case", ["poll-F04", "poll-F11", "poll-F03-ever"])
async def test_an_accepted_job_stays_remembered_during_an_outage(bfl, case):
    await bfl.draw_until(6, case)
    assert polls(bfl) > 3
    assert bfl.server.count("POST") == 1


async def test_the_stages_of_a_job_report_its_progress(bfl, caplog):
    progress = await bfl.draw("stages")
    assert [fraction for fraction, *_ in progress.reports] == [0.25, 0.75]
    assert "unknown status" not in caplog.text


async def test_a_validation_error_blames_its_field(bfl):
    raised = await bfl.fail("wrong-width")
    assert (type(raised), raised.option) == (InvalidRequest, "size")


@pytest.mark.parametrize("model", FLUX_1)
async def test_the_first_flux_takes_smaller_sizes(bfl, model):
    (listed,) = await bfl.provider(models=((model, model),)).models()
    sizes, limits = listed.capabilities.sizes, listed.capabilities.size_range
    assert all(size in limits for size in (*sizes, Size(256, 1440), Size(1440, 1440)))
    assert not any(size in limits for size in (Size(1456, 1024), Size(224, 256), Size(1040, 1024)))
    await bfl.draw(model=model, size=Size(1440, 256))
    assert (bfl.sent()["width"], bfl.sent()["height"]) == (1440, 256)


async def test_an_unknown_status_is_logged(bfl, caplog):
    await bfl.draw("odd-word")
    assert "dreaming" in caplog.text


async def test_a_polling_url_on_another_host_is_refused(bfl):
    assert "another host" in str(await bfl.fail("foreign"))
    assert bfl.server.elsewhere == []
    assert bfl.progress.remembered is None


@pytest.mark.parametrize("case", ["trifle-seed", "trifle-word"])
async def test_an_invalid_seed_does_not_lose_the_picture(bfl, case):
    assert [picture.seed for picture in (await bfl.draw(case, seed=7)).kept] == [7]


async def test_the_key_is_sent_only_to_hosts_of_its_domain(bfl, monkeypatch):
    asked = []

    async def call(method, url, **options):
        asked.append((url, options["headers"]))
        raise BadResponse("enough")

    monkeypatch.setattr(bfl.transport, "call", call)
    for host in ("api.us1.bfl.ai", "bfl.ai.example.com", "notbfl.ai"):
        await bfl.fail(remembered={"id": "a", "polling_url": f"https://{host}/v1/get_result?id=a"})
    assert asked == [("https://api.us1.bfl.ai/v1/get_result?id=a", {"x-key": bfl.server.key})]


async def test_the_link_is_remembered_before_the_first_poll(bfl):
    await bfl.fail("poll-F01")
    url = f"{bfl.server.url}{RESULT}/task_0?id=task_0"
    assert bfl.progress.remembered == {"id": "task_0", "polling_url": url}


async def test_a_remembered_job_is_resumed(bfl):
    await bfl.fail("poll-F05")
    ref = bfl.progress.remembered
    bfl.server.requests.clear()
    bfl.server._followed.clear()
    assert len((await bfl.draw(remembered=ref)).kept) == 1
    assert bfl.server.count("POST") == 0


async def test_a_remembered_link_is_only_downloaded(bfl):
    ref = (await bfl.draw()).remembered
    bfl.server.requests.clear()
    assert (await bfl.draw(remembered=ref)).kept[0].seed == 42
    assert [call.partition("/pictures/")[0] for call in bfl.server.calls] == ["GET "]


async def test_each_model_takes_what_the_documentation_says(bfl):
    models = {model.id: model.capabilities for model in await bfl.provider().models()}
    assert next(iter(models)) == "flux-2-pro"
    assert {id for id, each in models.items() if each.steps} == {FLEX, FILL[0]}
    assert {id for id, each in models.items() if each.image_to_image} == {*SIZED, KONTEXT} - {"flux-pro-1.1"}
    assert {id for id, each in models.items() if each.inpainting} == {FILL[0]}
    assert {id for id, each in models.items() if not each.text_to_image} == {FILL[0]}
    assert {id for id, each in models.items() if each.size_range} == set(SIZED)
    assert all(each.seed and each.safety_checker and each.per_call == 1 for each in models.values())


async def test_sizes_go_up_to_four_megapixels(bfl):
    (model, *_) = await bfl.provider().models()
    sizes, limits = model.capabilities.sizes, model.capabilities.size_range
    assert format_sizes((), limits) == "any size with sides from 64 to 4096, in steps of 16, of at most 4 megapixels"
    assert all(size in limits for size in (*sizes, Size(2048, 1024), Size(2688, 1488), Size(2000, 2000)))
    assert not any(size in limits for size in (Size(2048, 2048), Size(48, 1024), Size(1000, 1000), Size(4112, 64)))


async def test_prices_are_those_of_the_documentation(bfl):
    models = await bfl.provider().models()
    assert price_words(find_model(models, "flux-2-max").price) == "$0.07 for the first megapixel"
    assert find_model(models, FLEX).price is None


async def test_models_come_from_the_host(bfl):
    models = await bfl.provider(models=((FLEX, FLEX), ("flux-9", "Nine"))).models()
    assert [(model.id, model.title) for model in models] == [(FLEX, "FLUX.2 flex"), ("flux-9", "Nine")]
    assert [bool(model.capabilities.steps) for model in models] == [True, False]


async def test_check_reads_the_credits(bfl):
    assert await bfl.provider().check() == (True, None, "accepted, 12.5 credits")
    assert bfl.server.calls == ["GET /v1/credits"]


def test_it_needs_a_key(bfl):
    assert type(bfl.provider()).missing_setting(bfl.provider(api_key=None).settings) == "set BFL_API_KEY"
    assert type(bfl.provider()).missing_setting(bfl.provider(api_key=SecretStr("a")).settings) is None
