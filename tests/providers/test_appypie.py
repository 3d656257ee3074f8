# pyright: basic
import pytest

from domain import AuthError, BadResponse, BadUpload, Defect, InvalidRequest, QuotaError, RateLimited, Size, Unavailable
from providers.appypie import BASE_URLS, AppyPieSettings
from providers.kit.base import NO_FREE_CALL
from tests.providers.conftest import sources_of
from tests.replay.appypie import IMAGE, TEXT
from tests.replay.pictures import draw

LINK = sources_of(draw("image"), url="https://cdn.example/dog.png?ex=1&is=2")
HARBOUR = draw("a quiet harbour", (512, 512))


async def test_image_to_image(appypie):
    progress = await appypie.draw(model="sdxl-img2img", sources=LINK, negative_prompt="fog", size=Size(1024, 576))
    assert progress.sizes == [(1024, 576)]
    assert appypie.server.calls == [f"POST {IMAGE}"]
    assert appypie.sent() == {
        "prompt": "a quiet harbour",
        "negative_prompt": "fog",
        "inputImage": LINK.images[0].url,
        "size": "1024x576",
    }


async def test_text_to_image(appypie):
    progress = await appypie.draw(steps=20, guidance_scale=5.0, seed=7)
    assert progress.sizes == [(512, 512)]
    assert progress.kept[0].seed == 7
    assert appypie.server.calls == [f"POST {TEXT}"]
    assert appypie.sent() == {
        "prompt": "a quiet harbour",
        "width": 512,
        "height": 512,
        "num_inference_steps": 20,
        "guidance_scale": 5.0,
        "seed": 7,
    }


async def test_pixazo_has_its_own_name_for_steps(appypie):
    progress = await appypie.draw("pixazo", settings={"api": "pixazo"}, steps=20, seed=7)
    assert [picture.data for picture in progress.kept] == [HARBOUR]
    assert appypie.sent() == {"prompt": "a quiet harbour", "width": 512, "height": 512, "num_steps": 20, "seed": 7}


async def test_pixazo_draws_from_words_alone(appypie):
    assert [model.id for model in await appypie.provider(api="pixazo").models()] == ["sdxl"]


def test_each_gateway_has_its_address():
    assert BASE_URLS == {"appypie": "https://gateway.appypie.com", "pixazo": "https://gateway.pixazo.ai"}
    assert AppyPieSettings().api == "appypie"


async def test_without_a_link_nothing_is_sent(appypie):
    error = await appypie.fail(model="sdxl-img2img")
    assert (type(error), error.option, error.defect) == (BadUpload, "image", Defect.NO_LINK)
    assert appypie.server.requests == []


@pytest.mark.parametrize("case", ["", "raw", "json-as-png"])
@pytest.mark.parametrize("model", ["sdxl", "sdxl-img2img"])
async def test_a_picture_in_the_response_is_kept(appypie, case, model):
    assert [picture.data for picture in (await appypie.draw(case, model=model, sources=LINK)).kept] == [HARBOUR]
    assert len(appypie.server.requests) == 1


@pytest.mark.parametrize(("case", "count"), [("link", 1), ("links", 2), ("link-nulls", 1)])
async def test_pictures_behind_links(appypie, case, count):
    progress = await appypie.draw(case)
    assert [picture.data for picture in progress.kept] == [HARBOUR] * count
    assert len(progress.remembered["urls"]) == count


async def test_remembered_links_are_only_downloaded(appypie):
    ref = (await appypie.draw("links")).remembered
    appypie.server.requests.clear()
    assert len((await appypie.draw(remembered=ref)).kept) == 2
    assert appypie.server.count("POST") == 0


@pytest.mark.parametrize(
    ("case", "error", "detail", "reference"),
    [
        ("no-prompt", InvalidRequest, "400: prompt is required", "t-1"),
        ("unreachable", InvalidRequest, "400: inputImage could not be fetched", "t-1"),
        ("broken", Unavailable, "500: Something went wrong", "t-1"),
        ("text-code", QuotaError, "402: Payment needed", "7"),
        ("azure-401", AuthError, "401: Access denied", None),
        ("inner-402", QuotaError, "402: Payment needed", "t-1"),
        ("inner-500", Unavailable, "500: Something went wrong", None),
        ("empty", BadResponse, "neither an image nor a link", None),
    ],
)
async def test_failures(appypie, case, error, detail, reference):
    raised = await appypie.fail(case, model="sdxl-img2img", sources=LINK)
    assert type(raised) is error
    assert detail in str(raised)
    assert raised.reference == reference
    assert appypie.server.calls == [f"POST {IMAGE}"]


@pytest.mark.parametrize("case", ["azure-429", "azure-429-text"])
async def test_retry_after_is_read(appypie, case):
    error = await appypie.fail(case)
    assert type(error) is RateLimited
    assert error.retry_after == 26
    assert appypie.waits == [26, 26]
    assert appypie.server.count("POST") == 3


async def test_a_missing_key(appypie):
    assert type(await appypie.fail(settings={"api_key": None})) is AuthError
    assert len(appypie.server.requests) == 1


@pytest.mark.parametrize("model", ["sdxl", "sdxl-img2img"])
async def test_the_documented_headers(appypie, model):
    await appypie.draw(model=model, sources=LINK)
    headers = appypie.server.requests[0].headers
    assert headers["ocp-apim-subscription-key"] == "test-key"
    assert headers["cache-control"] == "no-cache"
    assert headers["content-type"] == "application/json"


async def test_models(appypie):
    words, image = await appypie.provider().models()
    assert words.capabilities.text_to_image
    assert image.capabilities.image_by_link
    assert not image.capabilities.text_to_image


async def test_check_is_free(appypie):
    assert await appypie.provider().check() == (True, None, NO_FREE_CALL)
    assert appypie.server.calls == ["GET /"]
    assert appypie.server.key not in appypie.server.requests[0].headers.values()
