# pyright: basic

import pytest

from domain import (
    AuthError,
    BadResponse,
    Cause,
    ContentRejected,
    InvalidRequest,
    QuotaError,
    RateLimited,
    Size,
    Timeout,
    Unavailable,
)
from providers.kit.base import NO_FREE_CALL
from tests.outcomes import cause_of

THIRD = {"generation": 3}
SUBMIT, STATUS = "POST /sdxl/text2image/v1", "GET /sdxl/text2image/v1/status/job_0"


def polls(bench) -> int:
    return sum("/status/" in call for call in bench.server.calls)


async def test_four_pictures_at_once(imagepipeline):
    progress = await imagepipeline.draw(count=4, seed=7)
    assert progress.sizes == [(512, 512)] * 4
    assert [picture.seed for picture in progress.kept] == [7] * 4
    assert len(progress.remembered["urls"]) == 4
    assert imagepipeline.server.calls[0] == SUBMIT
    assert polls(imagepipeline) == 0


async def test_every_option_by_its_documented_name(imagepipeline):
    await imagepipeline.draw(
        negative_prompt="fog",
        count=2,
        seed=7,
        steps=30,
        guidance_scale=7.5,
        strength=0.4,
        scheduler="DDIMScheduler",
        refiner=True,
        safety_checker=False,
        size=Size(768, 432),
    )
    assert imagepipeline.sent() == {
        "model_id": "sdxl",
        "prompt": "a quiet harbour",
        "negative_prompt": "fog",
        "samples": 2,
        "seed": 7,
        "num_inference_steps": 30,
        "guidance_scale": 7.5,
        "strength": 0.4,
        "scheduler": "DDIMScheduler",
        "refiner": True,
        "safety_checker": False,
        "width": 768,
        "height": 432,
    }


async def test_only_what_is_set_is_sent(imagepipeline):
    await imagepipeline.draw()
    assert set(imagepipeline.sent()) == {"model_id", "prompt", "samples", "width", "height"}


async def test_pending_three_times(imagepipeline):
    progress = await imagepipeline.draw("pending")
    assert progress.sizes == [(512, 512)]
    assert imagepipeline.server.calls[:5] == [SUBMIT, *[STATUS] * 4]
    assert len(progress.reports) == 4
    assert imagepipeline.waits == sorted(imagepipeline.waits)
    assert 1 <= imagepipeline.waits[0] <= 2
    assert all(wait <= 5.5 for wait in imagepipeline.waits)


async def test_the_id_is_remembered_before_the_first_poll(imagepipeline):
    await imagepipeline.fail("poll-F01")
    assert imagepipeline.progress.remembered == {"id": "job_0"}


@pytest.mark.parametrize(
    ("case", "error", "detail"),
    [
        ("failure-error", Unavailable, "The machine is out of breath"),
        ("failure-message", Unavailable, "The machine is out of breath"),
        ("failure-detail", Unavailable, "The machine is out of breath"),
        ("no-id", BadResponse, "without an id"),
        ("no-links", BadResponse, "no link"),
        ("detail-list", InvalidRequest, "field required"),
    ],
)
async def test_failures(imagepipeline, case, error, detail):
    raised = await imagepipeline.fail(case)
    assert type(raised) is error
    assert detail in str(raised)
    assert imagepipeline.server.calls == [SUBMIT]


@pytest.mark.parametrize("settings", [{}, THIRD])
async def test_a_pending_job_is_polled_until_it_is_cancelled(imagepipeline, settings):
    await imagepipeline.draw_until(14, "for-ever", settings=settings)
    assert polls(imagepipeline) > 10
    assert imagepipeline.server.count("POST") == 1


async def test_no_links_under_the_safety_checker_is_a_refusal(imagepipeline):
    assert type(await imagepipeline.fail("no-links", safety_checker=True)) is ContentRejected


@pytest.mark.parametrize(("case", "count"), [("two", 2), ("bare-link", 1), ("nulls", 4)])
async def test_pictures_that_arrived_are_kept(imagepipeline, case, count):
    assert len((await imagepipeline.draw(case, count=4)).kept) == count


async def test_third_generation(imagepipeline):
    progress = await imagepipeline.draw("pending", settings=THIRD, seed=7, steps=20, guidance_scale=4.0)
    assert progress.sizes == [(512, 512)]
    assert (None, None, 8.0) in progress.reports
    assert (0.4, None, None) in progress.reports
    assert imagepipeline.sent() == {
        "prompt": "a quiet harbour",
        "width": 512,
        "height": 512,
        "num_inference_steps": 20,
        "guidance_scale": 4.0,
        "seed": 7,
        "output_format": "png",
    }


@pytest.mark.parametrize("case", ["nulls", "trifles"])
async def test_an_invalid_optional_field_does_not_lose_the_picture_in_generation_3(imagepipeline, case):
    assert len((await imagepipeline.draw(case, settings=THIRD)).kept) == 1


@pytest.mark.parametrize(
    ("case", "error"),
    [
        ("no-credit", QuotaError),
        ("rate-limit", RateLimited),
        ("policy", ContentRejected),
        ("bad-input", InvalidRequest),
        ("model-error", Unavailable),
        ("took-too-long", Timeout),
    ],
)
async def test_reasons_of_the_third_generation(imagepipeline, case, error):
    raised = await imagepipeline.fail(case, settings=THIRD)
    assert type(raised) is error
    assert imagepipeline.server.count("POST") == polls(imagepipeline) == 1


@pytest.mark.parametrize(("settings", "other"), [({}, 3), (THIRD, 1)])
async def test_a_retired_generation_names_the_other(imagepipeline, caplog, settings, other):
    raised = await imagepipeline.fail("gone", settings=settings)
    assert (type(raised), cause_of(raised)) == (Unavailable, Cause.API_GONE)
    assert f"IMAGEPIPELINE_GENERATION={other}" in caplog.text
    assert imagepipeline.server.count("POST") == 1


async def test_status_with_authorization(imagepipeline):
    assert (await imagepipeline.draw("authorization")).sizes == [(512, 512)]


@pytest.mark.parametrize(("generation", "header", "other"), [(1, "api-key", "x-api-key"), (3, "x-api-key", "api-key")])
async def test_the_generation_decides_the_header(imagepipeline, generation, header, other):
    await imagepipeline.draw(settings={"generation": generation})
    submitted = imagepipeline.server.requests[0].headers
    assert submitted[header] == imagepipeline.server.key
    assert other not in submitted


async def test_a_wrong_key(imagepipeline):
    assert type(await imagepipeline.fail(settings={"api_key": None})) is AuthError
    assert imagepipeline.server.calls == [SUBMIT]


@pytest.mark.parametrize("case", ["late", "gateway", "odd-words", "unknown-word", "poll-F02", "poll-F03-none"])
@pytest.mark.parametrize("settings", [{}, THIRD])
async def test_temporary_errors_are_polled_again(imagepipeline, case, settings):
    assert (await imagepipeline.draw(case, settings=settings)).sizes == [(512, 512)]
    assert imagepipeline.server.count("POST") == 1


async def test_an_unknown_status_is_logged(imagepipeline, caplog):
    await imagepipeline.draw("unknown-word")
    assert "dreaming" in caplog.text


@pytest.mark.parametrize("case", ["poll-F04", "poll-F04-503", "poll-F11", "poll-F11-reset", "poll-F03-ever"])
async def test_an_accepted_job_stays_remembered_during_an_outage(imagepipeline, case):
    await imagepipeline.draw_until(9, case)
    assert polls(imagepipeline) > 5
    assert imagepipeline.server.count("POST") == 1


@pytest.mark.parametrize(
    ("case", "error"),
    [
        ("lost", Timeout),
        ("poll-F01", AuthError),
        ("poll-F05", BadResponse),
        ("poll-F07", BadResponse),
        ("poll-F10", BadResponse),
        ("poll-F12-null", BadResponse),
        ("poll-F14", BadResponse),
    ],
)
async def test_polls_that_end_the_job(imagepipeline, case, error):
    assert type(await imagepipeline.fail(case)) is error
    assert imagepipeline.server.count("POST") == 1


@pytest.mark.parametrize("case", ["pending", "late"])
async def test_a_remembered_job_is_resumed(imagepipeline, case):
    with pytest.raises(BadResponse):
        await imagepipeline.draw("poll-F05")
    imagepipeline.server.requests.clear()
    progress = await imagepipeline.draw(case, remembered={"id": "job_0"})
    assert progress.sizes == [(512, 512)]
    assert imagepipeline.server.count("POST") == 0


async def test_remembered_links_are_only_downloaded(imagepipeline):
    ref = (await imagepipeline.draw(count=2)).remembered
    imagepipeline.server.requests.clear()
    assert len((await imagepipeline.draw(remembered=ref)).kept) == 2
    assert {call.partition("/pictures/")[0] for call in imagepipeline.server.calls} == {"GET "}


async def test_an_id_is_one_path_segment(imagepipeline):
    await imagepipeline.fail(remembered={"id": "../../x?y"})
    assert imagepipeline.server.calls[0] == "GET /sdxl/text2image/v1/status/..%2F..%2Fx%3Fy"
    imagepipeline.server.unexpected.clear()


async def test_models_come_from_the_host(imagepipeline):
    named = imagepipeline.provider(models=(("one", "One"), ("two", "Two")))
    assert [model.id for model in await named.models()] == ["one", "two"]
    assert len(await imagepipeline.provider().models()) == 1


async def test_check_is_free(imagepipeline):
    assert await imagepipeline.provider().check() == (True, None, NO_FREE_CALL)
    assert imagepipeline.server.calls == ["GET /"]
    assert imagepipeline.server.key not in imagepipeline.server.requests[0].headers.values()
