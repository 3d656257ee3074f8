# pyright: basic, reportOptionalMemberAccess=false, reportArgumentType=false
import base64

import aiohttp
import pytest

from domain import AuthError, BadResponse, InvalidRequest, QuotaError, RateLimited, Size, find_model
from providers.nebulablock import FALLBACK
from tests.providers.conftest import sources_of
from tests.replay.nebulablock import FILL, SCHNELL, SDXL, SEEDREAM
from tests.replay.pictures import draw

POST = "POST /api/v1/images/generation"
HARBOUR = draw("a quiet harbour 0", (512, 512))
SOURCES = sources_of(draw("image"), mask=draw("mask", mode="L"))


async def test_sdxl(nebulablock):
    progress = await nebulablock.draw(negative_prompt="fog", steps=25, guidance_scale=9.0)
    assert progress.sizes == [(512, 512)]
    assert progress.kept[0].seconds == 13.37
    assert progress.remembered is None
    assert nebulablock.server.calls == [POST]
    assert nebulablock.sent() == {
        "model": SDXL,
        "prompt": "a quiet harbour",
        "width": 512,
        "height": 512,
        "negative_prompt": "fog",
        "num_steps": 25,
        "guidance_scale": 9.0,
    }


async def test_schnell_with_seed(nebulablock):
    progress = await nebulablock.draw(model=SCHNELL, seed=5)
    assert progress.kept[0].seed == nebulablock.sent()["seed"] == 5


async def test_only_what_is_set_is_sent(nebulablock):
    await nebulablock.draw(model=SEEDREAM)
    assert set(nebulablock.sent()) == {"model", "prompt", "width", "height"}


async def test_fill_sends_image_and_mask(nebulablock):
    assert (await nebulablock.draw(model=FILL, sources=SOURCES)).sizes == [(512, 512)]
    assert base64.b64decode(nebulablock.sent()["image"]) == SOURCES.images[0].data
    assert base64.b64decode(nebulablock.sent()["mask"]) == SOURCES.mask


async def test_fill_under_the_other_names(nebulablock):
    await nebulablock.draw("other-names", model=FILL, sources=SOURCES)
    first, second = nebulablock.sent(0), nebulablock.sent(1)
    assert second == {{"image": "input_image", "mask": "mask_image"}.get(k, k): v for k, v in first.items()}


@pytest.mark.parametrize("end", ["", "/", "/api/v1", "/api/v1/"])
async def test_the_api_path_is_not_appended_twice(nebulablock, end):
    await nebulablock.draw(settings={"base_url": nebulablock.server.url + end})
    assert nebulablock.server.calls == [POST]


async def test_the_replay_server_refuses_get_and_a_doubled_path(nebulablock):
    root = f"{nebulablock.server.url}/api/v1"
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer test-key"}) as session:
        for url, status in ((f"{root}/images/generation", 405), (f"{root}/api/v1/images/generation", 404)):
            async with session.get(url) as response:
                assert response.status == status


@pytest.mark.parametrize(
    ("case", "error", "detail", "posts"),
    [
        ("no-credit", QuotaError, "Insufficient credits", 1),
        ("bad-token", AuthError, "401: Invalid token", 1),
        ("minute", RateLimited, "per minute", 3),
        ("day", RateLimited, "Daily limit", 3),
        ("no-data", BadResponse, "without data", 1),
    ],
)
async def test_failures(nebulablock, case, error, detail, posts):
    raised = await nebulablock.fail(case)
    assert type(raised) is error
    assert detail in str(raised)
    assert nebulablock.server.calls == [POST] * posts


async def test_backing_off_without_a_header(nebulablock):
    error = await nebulablock.fail("minute")
    assert error.retry_after is None
    assert len(nebulablock.waits) == 2
    assert 0 < nebulablock.waits[0] < nebulablock.waits[1] <= 20


async def test_an_option_that_the_model_does_not_take(nebulablock):
    error = await nebulablock.fail(seed=5)
    assert type(error) is InvalidRequest
    assert error.option == "seed"


async def test_pictures_come_in_the_order_of_their_index(nebulablock):
    progress = await nebulablock.draw("two")
    assert [picture.data for picture in progress.kept] == [draw(f"a quiet harbour {n}", (512, 512)) for n in (0, 1)]


@pytest.mark.parametrize("case", ["nulls", "trifles", "no-number"])
async def test_an_invalid_optional_field_does_not_lose_the_picture(nebulablock, case):
    assert [(each.data, each.seconds) for each in (await nebulablock.draw(case)).kept] == [(HARBOUR, None)]


@pytest.mark.parametrize("case", ["dialect", "url-safe"])
async def test_base64_of_any_variant(nebulablock, case):
    assert (await nebulablock.draw(case)).kept[0].data == HARBOUR


@pytest.mark.parametrize("case", ["", "lists-text-price"])
async def test_the_list_is_read_without_prices_that_have_no_currency(nebulablock, case):
    models = await nebulablock.provider(case).models()
    assert {model.id for model in models} == {FILL, SCHNELL, SDXL, SEEDREAM}
    assert models[0].capabilities.text_to_image
    sdxl = find_model(models, SDXL)
    assert sdxl
    assert (sdxl.title, sdxl.price) == ("SDXL", None)


async def test_each_model_takes_what_the_table_says(nebulablock):
    models = {model.id: model.capabilities for model in await nebulablock.provider().models()}
    assert [id for id, each in models.items() if each.negative_prompt] == [SDXL]
    assert [id for id, each in models.items() if each.seed] == [SCHNELL]
    assert [id for id, each in models.items() if each.inpainting] == [FILL]
    assert [id for id, each in models.items() if not each.steps] == [SEEDREAM]


async def test_fill_is_offered_only_if_listed(nebulablock):
    assert not any(model.capabilities.inpainting for model in await nebulablock.provider("lists-no-fill").models())


@pytest.mark.parametrize("case", ["lists-empty", "F01", "F04", "F05", "F10", "F12-list", "F14"])
async def test_the_documented_models_are_the_fallback(nebulablock, case):
    models = await nebulablock.provider(case).models()
    assert [(model.id, model.title) for model in models] == list(FALLBACK)
    assert [model.id for model in models if model.capabilities.inpainting] == [FILL]


async def test_size_and_sizes(nebulablock):
    await nebulablock.draw(size=Size(1024, 576))
    assert (nebulablock.sent()["width"], nebulablock.sent()["height"]) == (1024, 576)


async def test_check_reads_the_balance(nebulablock):
    health = await nebulablock.provider().check()
    assert (health.reachable, health.models, health.key) == (True, 4, "accepted, balance 1228.55600")


async def test_check_with_a_wrong_key(nebulablock):
    with pytest.raises(AuthError):
        await nebulablock.provider("F01").check()
