# pyright: basic, reportOptionalMemberAccess=false
import base64
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from domain import (
    AuthError,
    BadResponse,
    ContentRejected,
    ImageRequest,
    InvalidRequest,
    QuotaError,
    RateLimited,
    Settings,
    Size,
    Timeout,
    Unavailable,
    find_model,
)
from domain.numbers import SEEDS
from providers.kit.base import NO_FREE_CALL
from providers.kit.settings import ProviderSettings
from providers.pollinations import MAX_URL_LENGTH, Pollinations
from studio.intake.planning import Planner, call_request
from tests.conftest import make_job
from tests.outcomes import not_taken, option_of
from tests.providers.conftest import sources_of
from tests.replay import Call
from tests.replay.pictures import draw
from views.wording.prices import price_words

GET, POST = "GET /image/a%20quiet%20harbour", "POST /v1/images/generations"
LONG = "a very long harbour " * 120
LINK = "https://cdn.discordapp.com/attachments/1/2/a,b|c.png?ex=1&is=2&hm=3"
WITH_IMAGE = {"model": "kontext", "sources": sources_of(draw("image"), url=LINK)}
EDITS = "POST /v1/images/edits"
UPLOADED = [{"image_url": f"data:image/png;base64,{base64.b64encode(draw('image')).decode()}"}]
calm = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
async def pollinations(bench_for):
    return await bench_for("pollinations")


def query(bench, index: int = 0) -> dict[str, str]:
    return dict(parse_qsl([call for call in bench.server.requests if call.method == "GET"][index].query))


async def test_a_jpeg_by_get(pollinations):
    progress = await pollinations.draw(seed=7)
    assert progress.sizes == [(512, 512)]
    assert progress.kept[0].seed == 7
    assert pollinations.server.calls == [GET]


@pytest.mark.parametrize("case", ["png", "webp"])
async def test_other_kinds(pollinations, case):
    assert (await pollinations.draw(case)).sizes == [(512, 512)]


async def test_only_what_is_set_is_sent(pollinations):
    await pollinations.draw(seed=7)
    assert query(pollinations) == {"model": "flux", "width": "512", "height": "512", "seed": "7"}


async def test_every_option(pollinations):
    await pollinations.draw(
        seed=7, negative_prompt="fog", guidance_scale=7.5, private=True, safety_checker=True, size=Size(1024, 576)
    )
    assert query(pollinations) == {
        "model": "flux",
        "width": "1024",
        "height": "576",
        "seed": "7",
        "safe": "nsfw",
    }


@pytest.mark.parametrize("prompt", ["a quiet harbour", "a long story " * 200])
async def test_options_of_openais_models(pollinations, prompt):
    models = {model.id: model.capabilities for model in await pollinations.provider().models()}
    assert [id for id, takes in models.items() if takes.qualities or takes.transparent] == ["gptimage"]
    await pollinations.draw(prompt=prompt, model="gptimage", quality="hd", transparent=True)
    sent = pollinations.sent() if len(prompt) > 2000 else query(pollinations, -1)
    assert (sent["quality"], sent["transparent"]) in {("hd", True), ("hd", "true")}


async def test_options_that_are_off_are_not_sent(pollinations):
    await pollinations.draw(private=False, safety_checker=False)
    assert "safe" not in query(pollinations)


async def test_the_seed_is_random_where_none_is_requested(pollinations):
    planner = Planner({"pollinations": pollinations.provider()}, "pollinations")
    jobs = [await planner.plan(ImageRequest(prompt="a boat"), Settings(), make_job()) for _ in range(3)]
    seeds = [(await pollinations.draw(seed=call_request(job).seed)).kept[0].seed for job in jobs]
    assert len(set(seeds)) == 3
    assert all(0 <= seed < SEEDS for seed in seeds)
    asked = [call for call in pollinations.server.requests if call.path.startswith("/image/a")]
    assert [dict(parse_qsl(call.query))["seed"] for call in asked] == list(map(str, seeds))


async def test_the_same_url_gives_the_same_picture_and_is_billed_once(pollinations):
    first, second = [await pollinations.draw(seed=7) for _ in range(2)]
    assert first.kept[0].data == second.kept[0].data
    assert len(pollinations.server.billed) == 1


async def test_a_restart_repeats_the_identical_request(pollinations):
    first = await pollinations.draw()
    second = await pollinations.draw(remembered=first.remembered, seed=99)
    assert first.kept[0].data == second.kept[0].data
    assert len(pollinations.server.billed) == 1


async def test_a_timed_out_call_stays_remembered(pollinations):
    pollinations.hurry()
    assert type(await pollinations.fail("F08", seed=7)) is Timeout
    assert pollinations.progress.remembered == {"seed": 7}


@pytest.mark.parametrize("case", ["broken", "bad-gateway", "F11"])
async def test_a_broken_call_stays_remembered(pollinations, case):
    assert type(await pollinations.fail(case, seed=7)) is Unavailable
    assert pollinations.progress.remembered == {"seed": 7}
    assert pollinations.server.calls == [GET] * 3


async def test_a_call_that_was_not_accepted_is_forgotten(pollinations):
    assert not_taken(await pollinations.fail("F04-503"))
    assert pollinations.progress.remembered is None


@pytest.mark.parametrize(
    ("case", "error", "detail"),
    [
        ("no-pollen", QuotaError, "402: Insufficient pollen"),
        ("x402", QuotaError, "402: X-PAYMENT"),
        ("unauthorized", AuthError, "401: A key"),
        ("forbidden", AuthError, "403: This key"),
        ("unprocessable", InvalidRequest, "422: The prompt"),
        ("rejected", ContentRejected, "content moderation"),
        ("cut", BadResponse, "no whole picture"),
        ("error-as-200", BadResponse, "It went wrong"),
    ],
)
async def test_failures(pollinations, case, error, detail):
    raised = await pollinations.fail(case)
    assert type(raised) is error
    assert detail in str(raised)
    assert pollinations.server.calls == [GET]
    assert pollinations.progress.kept == []
    assert pollinations.progress.remembered is None


@pytest.mark.parametrize(("case", "field"), [("field-errors", "size"), ("other-field-errors", None)])
async def test_a_400_names_the_field(pollinations, case, field):
    raised = await pollinations.fail(case)
    assert (type(raised), option_of(raised)) == (InvalidRequest, field)


async def test_a_502_that_hides_a_429_is_retried(pollinations):
    assert (await pollinations.draw("slow-down")).sizes == [(512, 512)]
    assert pollinations.server.calls == [GET] * 2
    assert len(pollinations.waits) == 1


async def test_a_lasting_502_that_hides_a_429_is_a_rate_limit(pollinations):
    raised = await pollinations.fail("slow-for-ever")
    assert type(raised) is RateLimited
    assert not not_taken(raised), "a 502 may hide anything, and all of them were sent"
    assert set(pollinations.progress.remembered) == {"seed"}, "asked again it is not billed again"
    assert pollinations.server.calls == [GET] * 3


async def test_a_call_that_may_have_used_the_last_credit_is_remembered(pollinations):
    raised = await pollinations.fail("last-pollen", seed=7)
    assert (type(raised), not_taken(raised)) == (QuotaError, False)
    assert pollinations.progress.remembered == {"seed": 7}


@pytest.mark.parametrize("case", ["F03-ever", "F04-503", "no-pollen", "x402", "unauthorized", "forbidden"])
async def test_the_seed_of_an_earlier_run_is_never_forgotten(pollinations, case):
    first = await pollinations.draw(seed=7)
    await pollinations.fail(case, seed=9, remembered=first.remembered)
    assert pollinations.progress.remembered == {"seed": 7}
    await pollinations.draw(seed=9, remembered=pollinations.progress.remembered)
    assert len(pollinations.server.billed) == 1


@calm
@given(prompt=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60))
@example(prompt="a/b ? c # d % e & f + g = h")
@example(prompt="a 🐈 and ünï, %2F %00")
@example(prompt="../../v1/models")
@example(prompt=".")
@example(prompt="..")
@example(prompt="...")
@example(prompt="models")
@example(prompt="\\\\a\\b")
@example(prompt="a\nb\r\nc\td\x00")
async def test_any_prompt_arrives_unchanged(pollinations, prompt):
    assert (await pollinations.draw(prompt=prompt, seed=1)).sizes == [(512, 512)]
    call = pollinations.server.requests[-1]
    arrived = unquote(call.path.removeprefix("/image/")) if call.method == "GET" else call.json["prompt"]
    assert arrived == prompt
    assert call.method == ("POST" if prompt in (".", "..", "models") else "GET")


async def test_the_key_is_in_its_header_alone(pollinations):
    await pollinations.draw()
    (call,) = pollinations.server.requests
    assert call.headers["authorization"] == "Bearer test-key"
    assert "test-key" not in call.path + call.query


async def test_a_long_prompt_is_sent_by_post(pollinations):
    progress = await pollinations.draw(
        prompt=LONG, seed=7, negative_prompt="fog", guidance_scale=7.5, private=True, safety_checker=True
    )
    assert progress.sizes == [(512, 512)]
    assert progress.remembered is None
    assert pollinations.server.calls == [POST]
    assert pollinations.sent() == {
        "model": "flux",
        "prompt": LONG,
        "n": 1,
        "size": "512x512",
        "response_format": "b64_json",
        "seed": 7,
        "safe": "nsfw",
    }


@pytest.mark.parametrize(("length", "call"), [(0, "GET"), (1, "POST")])
async def test_the_longest_url(pollinations, length, call):
    await pollinations.draw(prompt="a", seed=7)
    spent = len(f"{pollinations.server.url}/image/?{pollinations.server.requests[0].query}")
    await pollinations.draw(prompt="a" * (MAX_URL_LENGTH - spent + length), seed=7)
    assert pollinations.server.requests[-1].method == call


@pytest.mark.parametrize("prompt", ["a quiet harbour", LONG])
async def test_an_image_is_uploaded(pollinations, prompt):
    assert (await pollinations.draw(prompt=prompt, seed=7, **WITH_IMAGE)).sizes == [(512, 512)]
    assert pollinations.server.calls == [EDITS]
    sent = {"model": "kontext", "prompt": prompt, "n": 1, "size": "512x512", "seed": 7, "image": UPLOADED}
    assert pollinations.sent() == sent


async def test_a_link_in_a_post_response_may_lead_to_an_allowed_host(pollinations, bench_for):
    other = await bench_for("comfyui")
    allowed = {"link_hosts": (("127.0.0.1", other.server.port),)}
    nowhere = Call("GET", "/", {}, b"")
    pollinations.server.host(nowhere, b"gone", status=404)  # the same path here is requested, and is no picture
    ref = {"url": other.server.host(nowhere, draw("a")), "seed": 7}
    assert type(await pollinations.fail(prompt=LONG, remembered=ref)) is BadResponse
    progress = await pollinations.draw(prompt=LONG, remembered=ref, settings=allowed)
    assert [each.data for each in progress.kept] == [draw("a")]


async def test_a_link_in_a_post_response_is_remembered_and_downloaded(pollinations):
    progress = await pollinations.draw("post-link", prompt=LONG, seed=7)
    assert progress.sizes == [(512, 512)]
    gone = {"model": "kontext", "sources": sources_of(draw("image"))}
    for request in ({}, gone):  # with or without an image: the picture is there already
        again = await pollinations.draw("post-link", prompt=LONG, remembered=progress.remembered, **request)
        assert len(again.kept) == 1
    assert again.kept == progress.kept
    assert pollinations.server.count("POST") == 1


@pytest.mark.parametrize("case", ["post-nothing", "F05", "F12-list"])
async def test_posts_without_a_picture(pollinations, case):
    assert type(await pollinations.fail(case, prompt=LONG)) is BadResponse
    assert pollinations.server.calls == [POST]
    assert pollinations.progress.remembered is None


async def test_a_broken_post_is_neither_repeated_nor_remembered(pollinations):
    assert type(await pollinations.fail("F11", prompt=LONG)) is Unavailable
    assert pollinations.server.calls == [POST]
    assert pollinations.progress.remembered is None


async def test_the_list_is_read(pollinations):
    models = await pollinations.provider().models()
    assert [(model.id, model.title, model.price and price_words(model.price)) for model in models] == [
        ("flux", "Flux Schnell", "0.001 pollen a picture"),
        ("kontext", "FLUX.1 Kontext", "0.00003 pollen a token"),
        ("gptimage", "gptimage", None),
    ]
    assert all(model.capabilities.seed for model in models)
    assert not any(model.capabilities.image_by_link for model in models)
    assert [model.id for model in models if model.capabilities.image_to_image] == ["kontext"]
    assert not any(model.capabilities.negative_prompt or model.capabilities.guidance_scale for model in models)


async def test_no_currency_is_invented_and_a_price_that_is_no_number_is_none(pollinations):
    models = await pollinations.provider("lists-odd-prices").models()
    assert {model.id: model.price and price_words(model.price) for model in models} == {
        "no-currency": None,
        "odd-currency": None,
        "no-number": None,
        "long": None,
    }


@pytest.mark.parametrize(
    ("case", "ids"),
    [
        ("lists-strings", ["flux", "turbo"]),
        ("lists-mixed", ["flux", "turbo", "kontext", "gptimage"]),
        ("lists-odd-entries", ["flux", "kontext", "gptimage"]),
        ("lists-odd-fields", ["flux", "kontext", "gptimage", "nova"]),
    ],
)
async def test_lists_with_invalid_entries(pollinations, case, ids):
    assert [model.id for model in await pollinations.provider(case).models()] == ids


@pytest.mark.parametrize("case", ["lists-empty", "lists-videos", "lists-other", "F01", "F04", "F05", "F10", "F14"])
async def test_flux_is_the_fallback(pollinations, case):
    assert [model.id for model in await pollinations.provider(case).models()] == ["flux"]


async def test_the_hosts_models_replace_the_list(pollinations):
    provider = pollinations.provider(models=(("kontext", "Redraw"), ("nova", "nova"), ("flux", "flux")))
    models = await provider.models()
    assert [(model.id, model.title) for model in models] == [
        ("kontext", "Redraw"),
        ("nova", "nova"),
        ("flux", "Flux Schnell"),
    ]
    assert find_model(models, "kontext").capabilities.image_to_image
    assert find_model(models, "nova").capabilities.text_to_image


async def test_check_is_free(pollinations):
    health = await pollinations.provider().check()
    assert (health.reachable, health.models, health.key) == (True, 3, NO_FREE_CALL)
    assert pollinations.server.billed == {}


def test_it_needs_a_key():
    assert Pollinations.missing_setting(ProviderSettings()) == "set POLLINATIONS_API_KEY"
    assert Pollinations.missing_setting(ProviderSettings(api_key=SecretStr("test-key"))) is None
