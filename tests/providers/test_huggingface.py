# pyright: basic, reportOptionalMemberAccess=false
import base64

import pytest
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
    Unavailable,
)
from providers.huggingface import EXAMPLE_MODELS, MAX_LOADING_SECONDS, HuggingFace
from providers.kit.base import NO_FREE_CALL
from providers.kit.settings import ProviderSettings
from tests.outcomes import cause_of, not_taken, option_of
from tests.providers.conftest import sources_of
from tests.replay.huggingface import KONTEXT, SDXL
from tests.replay.pictures import draw

POST = f"POST /hf-inference/models/{EXAMPLE_MODELS[0][0]}"


@pytest.fixture
async def huggingface(bench_for):
    return await bench_for("huggingface")


async def test_the_response_is_a_pictures_bytes(huggingface):
    progress = await huggingface.draw(seed=7)
    assert [picture.data for picture in progress.kept] == [draw("a quiet harbour", (512, 512))]
    assert progress.kept[0].seed == 7
    assert progress.remembered is None
    assert huggingface.server.calls == [POST]


async def test_a_jpeg(huggingface):
    assert (await huggingface.draw("jpeg")).sizes == [(512, 512)]


async def test_every_option(huggingface):
    await huggingface.draw(
        model=SDXL, negative_prompt="fog", steps=30, guidance_scale=7.5, seed=7, scheduler="DDIM", size=Size(1024, 576)
    )
    assert huggingface.server.calls == [f"POST /hf-inference/models/{SDXL}"]
    assert huggingface.sent() == {
        "inputs": "a quiet harbour",
        "parameters": {
            "negative_prompt": "fog",
            "num_inference_steps": 30,
            "guidance_scale": 7.5,
            "seed": 7,
            "scheduler": "DDIM",
            "width": 1024,
            "height": 576,
        },
    }


async def test_only_what_is_set_is_sent(huggingface):
    await huggingface.draw()
    assert huggingface.sent() == {"inputs": "a quiet harbour", "parameters": {"width": 512, "height": 512}}


async def test_from_an_image(huggingface):
    assert (await huggingface.draw(model=KONTEXT, seed=7, sources=sources_of(draw("image")))).sizes == [(512, 512)]
    assert base64.b64decode(huggingface.sent()["inputs"]) == draw("image")
    assert huggingface.sent()["parameters"] == {
        "prompt": "a quiet harbour",
        "target_size": {"width": 512, "height": 512},
        "seed": 7,
    }


@pytest.mark.parametrize(
    ("case", "error", "detail", "posts"),
    [
        ("credits", QuotaError, "402: You have depleted", 1),
        ("not-served", InvalidRequest, "404: Model zz", 1),
        ("wrong", InvalidRequest, "400: width", 1),
        ("policy", ContentRejected, "400: The prompt violates", 1),
        ("busy", RateLimited, "429: Too many", 3),
        ("error-as-200", Unavailable, "The model gave up", 1),
        ("policy-as-200", ContentRejected, "NSFW", 1),
        ("credits-as-200", QuotaError, "Out of credits", 1),
        ("cut", BadResponse, "no whole picture", 1),
    ],
)
async def test_failures(huggingface, case, error, detail, posts):
    raised = await huggingface.fail(case)
    assert type(raised) is error
    assert detail in str(raised)
    assert huggingface.server.calls == [POST] * posts
    assert huggingface.progress.kept == []


async def test_a_model_that_is_not_served_is_the_models_fault(huggingface):
    assert (await huggingface.fail("not-served")).option == "model"


@pytest.mark.parametrize(
    ("case", "seconds"), [("loading", 20), ("loading-text", 20.5), ("loading-far", 120), ("loading-below", 1)]
)
async def test_a_model_that_loads_is_waited_for(huggingface, case, seconds):
    progress = await huggingface.draw(case)
    assert progress.sizes == [(512, 512)]
    assert progress.reports == [(None, None, seconds)] * 2
    assert huggingface.waits[2:] == [seconds] * 2
    assert huggingface.server.calls == [POST] * 5


@pytest.mark.parametrize(("case", "turns"), [("loading-ever", 12), ("loading-ever-far", 2)])
async def test_a_model_that_loads_too_long_is_given_up(huggingface, case, turns):
    raised = await huggingface.fail(case)
    assert (type(raised), not_taken(raised)) == (Unavailable, True)
    assert (cause_of(raised), option_of(raised)) == (Cause.LOADING, "model")
    assert len(huggingface.progress.reports) == turns
    assert sum(huggingface.waits[2:]) == MAX_LOADING_SECONDS
    assert len(huggingface.server.calls) == turns + 3, "every wait is followed by a call"


async def test_an_estimate_that_is_no_number_is_ignored(huggingface):
    assert type(await huggingface.fail("loading-nan")) is Unavailable
    assert huggingface.progress.reports == []


async def test_the_example_models_are_offered_until_the_host_names_others(huggingface):
    models = await huggingface.provider().models()
    assert [(model.id, model.title) for model in models] == list(EXAMPLE_MODELS)
    assert all(model.capabilities.text_to_image for model in models)


async def test_the_hosts_models_replace_the_list(huggingface):
    listed = ((KONTEXT, "Kontext"), ("a/b", "a/b"), EXAMPLE_MODELS[1])
    kontext, other, sdxl = await huggingface.provider(models=listed).models()
    assert (kontext.capabilities.image_to_image, kontext.capabilities.text_to_image) == (True, False)
    assert (other.capabilities.image_to_image, other.capabilities.text_to_image) == (False, True)
    assert (other.title, sdxl.title) == ("a/b", EXAMPLE_MODELS[1][1])


async def test_check_is_free(huggingface):
    health = await huggingface.provider().check()
    assert (health.reachable, health.models, health.key) == (True, None, NO_FREE_CALL)
    assert huggingface.server.count("POST") == 0


async def test_a_wrong_key(huggingface):
    assert type(await huggingface.fail(settings={"api_key": SecretStr("other-key")})) is AuthError


def test_it_needs_a_key():
    assert HuggingFace.missing_setting(ProviderSettings()) == "set HUGGINGFACE_API_KEY"
    assert HuggingFace.missing_setting(ProviderSettings(api_key=SecretStr("test-key"))) is None
