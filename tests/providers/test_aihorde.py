# pyright: basic, reportOptionalMemberAccess=false, reportOperatorIssue=false
import base64
import io
import re
from datetime import timedelta

import hypothesis
import pytest
from hypothesis import strategies as st
from PIL import Image
from pydantic import SecretStr

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
    find_model,
)
from providers import aihorde as module
from providers.aihorde import AIHorde, AIHordeSettings
from providers.aihorde.offers import FALLBACK, make_model
from providers.aihorde.wire import join_prompts
from tests.outcomes import cause_of, not_taken, option_of
from tests.providers.conftest import sources_of
from tests.replay.aihorde import PASSING
from tests.replay.pictures import draw
from views.wording.models import model_name

ROOT = "/api/v2/generate"
ID = "00000000-0000-4000-8000-000000000000"
SUBMIT, CHECK, STATUS, DELETE = (
    *(f"POST {ROOT}/async", f"GET {ROOT}/check/{ID}"),
    *(f"GET {ROOT}/status/{ID}", f"DELETE {ROOT}/status/{ID}"),
)
ANONYMOUS = {"api_key": None}
NO_KEYS = [None, SecretStr("0000000000")]
"""The second is the documented anonymous key."""
SOURCES = sources_of(draw("image", mode="RGBA"), mask=draw("mask", mode="L"))


@pytest.fixture
async def aihorde(bench_for):
    return await bench_for("aihorde")


def opened(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text)))


async def test_from_submit_to_picture(aihorde):
    progress = await aihorde.draw(seed=41)
    assert progress.sizes == [(512, 512)]
    assert [picture.seed for picture in progress.kept] == [41]
    assert aihorde.server.calls[:4] == [SUBMIT, CHECK, CHECK, STATUS]
    assert progress.reports == [(None, 12, 40.0), (None, 0, 0.0)]
    assert AIHorde.reports == {"position", "eta"}


async def test_every_option_by_its_documented_name(aihorde):
    await aihorde.draw(
        negative_prompt="fog",
        count=4,
        seed=7,
        steps=30,
        guidance_scale=7.123,
        scheduler="k_dpmpp_2m",
        safety_checker=False,
        size=Size(768, 512),
    )
    assert aihorde.sent() == {
        "prompt": "a quiet harbour ### fog",
        "params": {
            "width": 768,
            "height": 512,
            "n": 4,
            "steps": 30,
            "cfg_scale": 7.12,
            "seed": "7",
            "sampler_name": "k_dpmpp_2m",
        },
        "models": ["stable_diffusion"],
        "nsfw": True,
        "censor_nsfw": False,
        "replacement_filter": True,
        "r2": True,
        "shared": False,
    }


async def test_only_what_is_set_is_sent(aihorde):
    await aihorde.draw()
    assert aihorde.sent()["params"] == {"width": 512, "height": 512, "n": 1}
    assert not {"allow_downgrade", "source_image", "source_mask", "source_processing"} & set(aihorde.sent())


@pytest.mark.parametrize("safety_checker", [None, True])
async def test_the_safety_checker_is_on_unless_switched_off(aihorde, safety_checker):
    await aihorde.draw(safety_checker=safety_checker)
    assert (aihorde.sent()["nsfw"], aihorde.sent()["censor_nsfw"]) == (False, True)


async def test_each_picture_has_its_own_seed(aihorde):
    progress = await aihorde.draw(count=3, seed=7)
    assert [picture.seed for picture in progress.kept] == [7, 8, 9]


async def test_an_image(aihorde):
    await aihorde.draw(sources=sources_of(SOURCES.images[0].data), strength=0.4)
    sent = aihorde.sent()
    assert sent["source_processing"] == "img2img"
    assert sent["params"]["denoising_strength"] == 0.4
    assert opened(sent["source_image"]).size == (64, 64)
    assert "source_mask" not in sent


async def test_a_mask_is_sent_lossless_and_white_stays_white(aihorde):
    grey = Image.new("L", (64, 64), 0)
    grey.paste(255, (0, 0, 32, 64))
    out = io.BytesIO()
    grey.save(out, "PNG")
    await aihorde.draw(sources=sources_of(SOURCES.images[0].data, mask=out.getvalue()))
    assert aihorde.sent()["source_processing"] == "inpainting"
    assert opened(aihorde.sent()["source_mask"]).convert("L").tobytes() == grey.tobytes()


async def test_transparent_pixels_are_sent_as_white(aihorde):
    out = io.BytesIO()
    Image.new("RGBA", (64, 64), (9, 9, 9, 0)).save(out, "PNG")
    await aihorde.draw(sources=sources_of(out.getvalue()))
    assert opened(aihorde.sent()["source_image"]).getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("prompt", "negative", "text"),
    [
        ("a cat", None, "a cat"),
        ("a cat", "fog", "a cat ### fog"),
        ("a ### b", None, "a # # # b"),
        ("a#", "#b", "a# ### #b"),
        ("##", "####", "## ### # # # #"),
        ("## a", None, "## a"),
    ],
)
def test_the_prompts_are_separated_by_a_single_mark(prompt, negative, text):
    assert join_prompts(prompt, negative) == text


@hypothesis.given(st.text("# ab"), st.none() | st.text("# ab"))
def test_no_prompt_can_contain_the_negative_mark(prompt, negative):
    first, *rest = re.split(" ### ", join_prompts(prompt, negative))
    assert len(rest) == bool(negative)
    assert first.replace("# ", "#").replace(" ", "") == prompt.replace("# ", "#").replace(" ", "")
    assert all("###" not in part for part in (first, *rest))


@hypothesis.given(st.text())
def test_other_text_stays_as_it_is(text):
    hypothesis.assume("###" not in text)
    assert join_prompts(text, None) == text


async def test_a_long_prompt_is_sent_without_the_filter_that_would_refuse_it(aihorde):
    await aihorde.draw(prompt="sea " * 1000, negative_prompt="fog " * 1000)
    assert aihorde.sent()["replacement_filter"] is False


@pytest.mark.parametrize("no_key", NO_KEYS)
async def test_the_anonymous_key_is_sent_without_a_key(aihorde, no_key):
    assert len((await aihorde.draw(settings={"api_key": no_key})).kept) == 1
    assert {call.headers["apikey"] for call in aihorde.server.requests if call.moment != "picture-"} == {"0000000000"}
    assert aihorde.sent()["allow_downgrade"] is True


async def test_a_configured_key_is_sent(aihorde):
    await aihorde.draw()
    asked = [call for call in aihorde.server.requests if call.moment != "picture-"]
    assert {call.headers["apikey"] for call in asked} == {"test-key"}
    assert {call.headers["client-agent"].count(":") for call in asked} == {2}


async def test_it_is_off_by_default():
    assert AIHorde.missing_setting(AIHordeSettings(enabled=False)) == "set AIHORDE=on"
    assert AIHorde.missing_setting(AIHordeSettings(enabled=True)) is None
    assert (AIHorde.is_paid, AIHorde.suspension_time) == (False, timedelta(minutes=10))


@pytest.mark.parametrize("end", ["", "/", "/api/v2", "/api/v2/"])
async def test_the_api_path_is_not_appended_twice(aihorde, end):
    await aihorde.draw(settings={"base_url": aihorde.server.url + end})
    assert aihorde.server.calls[0] == SUBMIT


async def test_without_kudos_the_job_is_downgraded(aihorde):
    assert len((await aihorde.draw("kudos")).kept) == 1
    assert [aihorde.sent(n).get("allow_downgrade") for n in (0, 1)] == [None, True]
    assert aihorde.server.count("POST") == 2


@pytest.mark.parametrize(("settings", "posts"), [({}, 2), (ANONYMOUS, 1)])
async def test_downgrading_is_tried_once(aihorde, settings, posts):
    assert type(await aihorde.fail("kudos-ever", settings=settings)) is QuotaError
    assert aihorde.server.count("POST") == posts


@pytest.mark.parametrize(
    ("case", "error", "field", "posts"),
    [
        ("wrong-key", AuthError, None, 1),
        ("agent-banned", AuthError, None, 1),
        ("unsafe-ip", AuthError, None, 1),
        ("shared-key-empty", QuotaError, None, 1),
        ("shared-key-short", QuotaError, None, 1),
        ("too-many", RateLimited, None, 3),
        ("limiter", RateLimited, None, 3),
        ("corrupt", ContentRejected, None, 1),
        ("ip-timeout", RateLimited, None, 1),
        ("maintenance", Unavailable, None, 1),
        ("maintenance-503", Unavailable, None, 3),
        ("no-workers", Unavailable, "model", 1),
        ("bad-size", InvalidRequest, "size", 1),
        ("bad-steps", InvalidRequest, "steps", 1),
        ("bad-sampler", InvalidRequest, "scheduler", 1),
        ("bad-model", InvalidRequest, "model", 1),
        ("bad-cfg", InvalidRequest, "guidance_scale", 1),
        ("bad-image", InvalidRequest, "image", 1),
        ("image-too-large", InvalidRequest, "image", 1),
        ("no-mask", InvalidRequest, "mask", 1),
        ("loras", InvalidRequest, None, 1),
        ("validation", InvalidRequest, "size", 1),
    ],
)
async def test_refusals(aihorde, case, error, field, posts):
    raised = await aihorde.fail(case)
    assert type(raised) is error
    assert option_of(raised) == field
    assert aihorde.server.calls == [SUBMIT] * posts
    assert aihorde.progress.remembered is None
    if error in (AuthError, QuotaError, RateLimited, Unavailable):
        assert not_taken(raised)
    if error is ContentRejected:
        assert raised.counts_against_member


async def test_an_ip_ban_says_for_how_long(aihorde):
    assert (await aihorde.fail("ip-timeout")).retry_after == 187


async def test_after_a_refused_prompt_the_ip_address_is_banned(aihorde):
    refused, late = [await aihorde.fail("corrupt-timeout") for _ in range(2)]
    assert (type(refused), refused.counts_against_member, not_taken(refused)) == (ContentRejected, True, False)
    assert (type(late), late.retry_after, not_taken(late)) == (RateLimited, 187, True)


async def test_a_failed_validation_names_the_field(aihorde):
    assert "params.width: 3100 is too much" in str(await aihorde.fail("validation"))


async def test_pictures_in_base64(aihorde):
    progress = await aihorde.draw("base64", count=2)
    assert [picture.data for picture in progress.kept] == [
        draw(f"a quiet harbour {n}", (512, 512), "WEBP") for n in (0, 1)
    ]
    assert progress.remembered == {"id": ID}


@pytest.mark.parametrize("case", ["some-censored", "some-csam"])
async def test_uncensored_pictures_of_a_job_are_kept(aihorde, case):
    progress = await aihorde.draw(case, count=3, seed=7)
    assert [picture.seed for picture in progress.kept] == [7, 9]
    assert not any("pictures/1." in call for call in aihorde.server.calls)


@pytest.mark.parametrize(("case", "error"), [("all-censored", ContentRejected), ("none", BadResponse)])
async def test_an_outcome_without_pictures_is_an_error(aihorde, case, error):
    assert type(await aihorde.fail(case, count=2)) is error
    assert aihorde.progress.remembered is None
    assert aihorde.progress.kept == []


async def test_workers_that_fail(aihorde):
    raised = await aihorde.fail("faulted")
    assert (type(raised), cause_of(raised)) == (Unavailable, Cause.WORKERS_FAILED)
    assert aihorde.progress.remembered is None


async def test_a_job_without_workers_is_cancelled(aihorde, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(module, "UNSERVED_SECONDS", 0.01)
    raised = await aihorde.fail("impossible")
    assert (type(raised), cause_of(raised), option_of(raised)) == (Unavailable, Cause.NO_WORKER, "model")
    assert aihorde.server.calls[-1] == DELETE
    assert aihorde.progress.remembered is None
    assert "Nobody here can draw that" in caplog.text


@pytest.mark.parametrize(
    ("case", "limits", "error"),
    [
        ("half-impossible", {"UNSERVED_SECONDS": 0.01}, Unavailable),
        ("half", {"CANCEL_BEFORE_END_SECONDS": 600}, Timeout),
        ("half-faulted", {}, Unavailable),
    ],
)
async def test_finished_pictures_are_kept_when_a_job_is_given_up(aihorde, monkeypatch, case, limits, error):
    for name, seconds in limits.items():
        monkeypatch.setattr(module, name, seconds)
    raised = await aihorde.fail(case, count=2, seed=7)
    assert (type(raised), not_taken(raised)) == (error, False)
    assert [picture.seed for picture in aihorde.progress.kept] == [7]
    assert aihorde.progress.remembered is None


async def test_a_failed_cancellation_does_not_hide_the_error(aihorde, monkeypatch):
    monkeypatch.setattr(module, "UNSERVED_SECONDS", 0.01)
    assert cause_of(await aihorde.fail("call-off-fails")) is Cause.NO_WORKER


@pytest.mark.parametrize("case", ["impossible", "possible-again"])
async def test_a_job_without_workers_is_not_cancelled_at_once(aihorde, case):
    await aihorde.draw_until(8, case)
    assert bool(aihorde.progress.kept) is (case == "possible-again")
    assert aihorde.server.calls.count(CHECK) >= 3
    assert DELETE not in aihorde.server.calls


async def test_the_pictures_are_fetched_with_one_call(aihorde):
    await aihorde.draw(count=4)
    assert aihorde.server.calls.count(STATUS) == 1


async def test_status_is_retried_after_the_rate_limit(aihorde):
    assert (await aihorde.draw("status-busy")).sizes == [(512, 512)]
    assert aihorde.server.calls.count(STATUS) == 5
    assert aihorde.server.count("POST") == 1


@pytest.mark.parametrize("case", PASSING)
async def test_temporary_errors_of_an_accepted_job_are_retried(aihorde, case):
    assert (await aihorde.draw(case)).sizes == [(512, 512)]
    assert (max(aihorde.waits) > 100) == case.endswith("ip-timeout")
    assert aihorde.server.count("POST") == 1
    assert DELETE not in aihorde.server.calls


@pytest.mark.parametrize(
    ("case", "path", "asked"), [("expired", CHECK, 4), ("gone", CHECK, 1), ("vanished", STATUS, 5)]
)
async def test_an_unknown_job_is_a_timeout_and_forgotten(aihorde, case, path, asked):
    assert type(await aihorde.fail(case)) is Timeout
    assert aihorde.server.calls.count(path) == asked
    assert aihorde.progress.remembered is None


@pytest.mark.parametrize("case", ["poll-F04", "poll-F04-503", "poll-F11", "poll-F11-reset", "poll-F03-ever"])
async def test_an_accepted_job_stays_remembered_during_an_outage(aihorde, case):
    await aihorde.draw_until(8, case)
    assert aihorde.server.count("POST") == 1
    assert aihorde.progress.remembered == {"id": ID}


@pytest.mark.parametrize(
    ("case", "error"), [("poll-F01", AuthError), ("poll-F05", BadResponse), ("poll-F14", BadResponse)]
)
async def test_polls_that_end_the_job(aihorde, case, error):
    assert type(await aihorde.fail(case)) is error
    assert aihorde.progress.remembered == {"id": ID}


async def test_a_remembered_job_is_resumed(aihorde):
    await aihorde.fail("poll-F05")
    aihorde.server.requests.clear()
    assert (await aihorde.draw("possible-again", remembered={"id": ID})).sizes == [(512, 512)]
    assert aihorde.server.count("POST") == 0


async def test_remembered_links_are_only_downloaded(aihorde):
    ref = (await aihorde.draw(count=2, seed=7)).remembered
    aihorde.server.requests.clear()
    progress = await aihorde.draw(remembered=ref)
    assert [picture.seed for picture in progress.kept] == [7, 8]
    assert {call.partition("/pictures/")[0] for call in aihorde.server.calls} == {"GET "}


async def test_an_id_is_one_path_segment(aihorde):
    await aihorde.fail(remembered={"id": "../../x?y"})
    assert aihorde.server.calls[0] == f"GET {ROOT}/check/..%2F..%2Fx%3Fy"
    aihorde.server.unexpected.clear()


async def test_a_job_is_cancelled_while_it_is_drawn(aihorde):
    await aihorde.draw_until(4, "half", count=2)
    await aihorde.provider("half").cancel(aihorde.progress.remembered)
    assert aihorde.server.calls[-1] == DELETE
    assert aihorde.progress.kept == []


@pytest.mark.parametrize("case", ["expired", "gone"])
async def test_cancelling_an_unknown_job_succeeds(aihorde, case):
    await aihorde.fail(case)
    await aihorde.provider(case).cancel({"id": ID})
    assert aihorde.server.calls[-1] == DELETE


async def test_a_failed_cancellation_raises(aihorde):
    await aihorde.draw()
    with pytest.raises(Unavailable):
        await aihorde.provider("call-off-fails").cancel({"id": ID})


async def test_the_busiest_models_come_first(aihorde):
    models = await aihorde.provider().models()
    assert [(model.id, model_name(model)) for model in models] == [
        ("stable_diffusion", "stable_diffusion"),
        ("Flux.1", "Flux.1"),
        ("Quiet", "Quiet, wait about 10 min"),
    ]
    assert [model.capabilities.sizes[0].width for model in models] == [512, 1024, 512]


@pytest.mark.parametrize("case", ["lists-empty", "F01", "F04", "F05", "F10", "F12", "F14"])
async def test_well_known_models_are_the_fallback(aihorde, case):
    assert tuple(model.id for model in await aihorde.provider(case).models()) == FALLBACK


async def test_the_hosts_models_replace_the_list(aihorde):
    named = aihorde.provider(models=(("Flux.1", "Flux"), ("Own model", "Own")))
    assert [(model.id, model.title) for model in await named.models()] == [("Flux.1", "Flux"), ("Own model", "Own")]


@pytest.mark.parametrize("no_key", NO_KEYS)
async def test_a_key_raises_the_limits(aihorde, no_key):
    own = find_model(await aihorde.provider().models(), "stable_diffusion").capabilities
    free = find_model(await aihorde.provider(api_key=no_key).models(), "stable_diffusion").capabilities
    assert (own.size_range.high, own.steps.high) == (3072, 500)
    assert (free.size_range.high, free.steps.high) == (1024, 40)
    assert all(size in own.size_range for size in own.sizes)
    assert all(size.width * size.height <= 1024 * 1024 for size in free.sizes)


@pytest.mark.parametrize("no_key", NO_KEYS)
async def test_check(aihorde, no_key):
    assert await aihorde.provider().check() == (True, 3, "accepted, 123 kudos")
    assert await aihorde.provider(api_key=no_key).check() == (True, 3, "the anonymous one, which works")
    assert aihorde.server.count("POST") == 0


async def test_check_with_a_wrong_key(aihorde):
    with pytest.raises(AuthError):
        await aihorde.provider(api_key=SecretStr("another")).check()


async def test_the_server_requires_the_client_agent(aihorde):
    for agent in ({}, {"Client-Agent": "My-Project:v0.0.1:My-Contact"}, {"Client-Agent": "Easel"}):
        headers = {"apikey": "0000000000", **agent}
        answer = await aihorde.transport.call("GET", f"{aihorde.server.url}/api/v2/find_user", headers=headers)
        assert answer.status == 403


@pytest.mark.parametrize("name", ["Qwen-Image_fp8", "Z-Image-Turbo", "Flux.1-Schnell fp8 (Compact)"])
def test_models_of_a_megapixel_draw_that_first(name):
    assert make_model(name, own_key=False).capabilities.sizes[0] == Size(1024, 1024)


async def test_an_unsafe_address_is_the_hosts_matter_and_no_models(aihorde):
    assert not (await aihorde.fail("unsafe-ip")).blames_model
