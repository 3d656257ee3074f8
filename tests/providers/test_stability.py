# pyright: basic, reportOptionalMemberAccess=false
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from domain import (
    AuthError,
    BadResponse,
    ContentRejected,
    ImageRequest,
    InvalidRequest,
    QuotaError,
    RateLimited,
    find_model,
)
from providers.stability import RATIOS, blamed_by_errors
from tests.outcomes import not_taken, option_of
from tests.providers.conftest import sources_of
from tests.replay.pictures import draw

ROOT = "POST /v2beta/stable-image"
IMAGE, MASK = draw("image"), draw("mask", mode="L")


@pytest.fixture
async def stability(bench_for):
    return await bench_for("stability")


async def test_the_response_is_a_pictures_bytes(stability):
    progress = await stability.draw(negative_prompt="fog", seed=7)
    assert progress.sizes == [(512, 512)]
    assert [picture.seed for picture in progress.kept] == [7]
    assert progress.remembered is None
    assert stability.server.calls == [f"{ROOT}/generate/core"]
    assert stability.server.form() == {
        "prompt": "a quiet harbour",
        "negative_prompt": "fog",
        "seed": "7",
        "aspect_ratio": "1:1",
        "output_format": "png",
    }


async def test_only_what_is_set_is_sent(stability):
    await stability.draw(size=None)
    assert set(stability.server.form()) == {"prompt", "output_format"}


async def test_a_style_is_sent_to_models_with_styles(stability):
    models = {model.id: model.capabilities.styles for model in await stability.provider().models()}
    assert [id for id, styles in models.items() if not styles] == ["upscale-fast"]
    for style in models["core"]:
        await stability.draw(style=style)
        assert stability.server.form(-1)["style_preset"] == style


@pytest.mark.parametrize("model", ["ultra", "sd3.5-large", "inpaint"])
async def test_other_models_take_styles_too(stability, model):
    sources = sources_of(IMAGE, mask=MASK) if model == "inpaint" else sources_of()
    await stability.draw(model=model, style="anime", sources=sources)
    assert stability.server.form()["style_preset"] == "anime"


async def test_guidance_of_sd3(stability):
    await stability.draw(model="sd3.5-flash", guidance_scale=4.5)
    assert stability.server.form()["cfg_scale"] == "4.5"


async def test_ultra_draws_from_an_image(stability):
    await stability.draw(model="ultra", sources=sources_of(IMAGE), strength=0.3)
    form = stability.server.form()
    assert (form["image"], form["strength"]) == (IMAGE, "0.3")
    assert "mode" not in form and "model" not in form


async def test_a_picture_that_is_too_large_to_upscale_is_scaled_down(stability):
    sources = sources_of(draw("image", (1536, 1536)))
    progress = await stability.draw(model="upscale-fast", size=None, upscale=True, sources=sources)
    assert progress.sizes == [(1024, 1024)], "what the server was sent"


async def test_an_image_of_too_many_bytes_is_scaled_down_with_its_mask(stability):
    noisy, size = io.BytesIO(), (2000, 2000)
    Image.merge("RGB", [Image.effect_noise(size, 100) for _ in range(3)]).save(noisy, "PNG", compress_level=0)
    sources = sources_of(noisy.getvalue(), mask=draw("mask", size, mode="L"))
    await stability.draw(model="inpaint", size=None, sources=sources)
    assert len(stability.server.requests[0].body) <= 10 * 2**20


async def test_a_form_also_without_files(stability):
    await stability.draw()
    assert stability.server.requests[0].headers["content-type"].startswith("multipart/form-data")


@pytest.mark.parametrize("size", RATIOS)
async def test_a_size_stands_for_its_ratio(stability, size):
    progress = await stability.draw(size=size)
    across, down = map(int, stability.server.form()["aspect_ratio"].split(":"))
    assert size.width / size.height == pytest.approx(across / down, rel=0.03)
    assert size.width == size.height or progress.sizes == [size]


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("ultra", "generate/ultra"),
        ("sd3.5-large", "generate/sd3"),
        ("sd3.5-large-turbo", "generate/sd3"),
        ("sd3.5-medium", "generate/sd3"),
    ],
)
async def test_models(stability, model, path):
    await stability.draw(model=model)
    assert stability.server.calls == [f"{ROOT}/{path}"]
    assert stability.server.form().get("model") == (model if "sd3" in model else None)


@pytest.mark.parametrize(("strength", "sent"), [(0.25, "0.25"), (None, "0.6"), (0.0, "0.0")])
async def test_an_image(stability, strength, sent):
    progress = await stability.draw(model="sd3.5-medium", sources=sources_of(IMAGE), strength=strength, seed=7)
    assert progress.sizes == [(64, 64)]
    form = stability.server.form()
    assert (form["mode"], form["strength"], form["image"]) == ("image-to-image", sent, IMAGE)
    assert "aspect_ratio" not in form


async def test_a_mask(stability):
    await stability.draw(model="inpaint", size=None, sources=sources_of(IMAGE, mask=MASK), seed=7)
    assert stability.server.calls == [f"{ROOT}/edit/inpaint"]
    form = stability.server.form()
    assert set(form) == {"prompt", "seed", "output_format", "image", "mask"}
    assert (form["image"], form["mask"]) == (IMAGE, MASK)


async def test_upscaling(stability):
    progress = await stability.draw(model="upscale-fast", size=None, upscale=True, sources=sources_of(IMAGE))
    assert stability.server.calls == [f"{ROOT}/upscale/fast"]
    assert stability.server.form() == {"image": IMAGE, "output_format": "png"}
    assert progress.kept[0].seed == 7


async def test_a_seed_of_zero_is_not_a_random_one(stability):
    progress = await stability.draw(seed=0)
    assert stability.server.form()["seed"] == "4294967294"
    assert progress.kept[0].seed == 0


@pytest.mark.parametrize(
    ("case", "asked", "told"),
    [("", None, 7), ("other-seed", 3, 9), ("no-headers", 3, 3), ("no-headers", None, None), ("json", 3, 3)],
)
async def test_the_reported_seed_is_kept(stability, case, asked, told):
    assert (await stability.draw(case, seed=asked)).kept[0].seed == told


@pytest.mark.parametrize("case", ["json", "odd-type", "no-headers"])
async def test_other_answers(stability, case):
    assert (await stability.draw(case)).kept[0].data == draw("a quiet harbour", (512, 512))


@pytest.mark.parametrize(
    ("case", "error", "field", "posts"),
    [
        ("filtered", ContentRejected, None, 1),
        ("filtered-json", ContentRejected, None, 1),
        ("moderation", ContentRejected, None, 1),
        ("moderation-null", ContentRejected, None, 1),
        ("moderation-objects", ContentRejected, None, 1),
        ("moderation-fields", ContentRejected, None, 1),
        ("permission", AuthError, None, 1),
        ("no-credit", QuotaError, None, 1),
        ("too-large", InvalidRequest, "image", 1),
        ("list", InvalidRequest, "size", 1),
        ("bad", InvalidRequest, "prompt", 1),
        ("message", InvalidRequest, None, 1),
        ("busy", RateLimited, None, 3),
        ("cut", BadResponse, None, 1),
    ],
)
async def test_failures(stability, case, error, field, posts):
    raised = await stability.fail(case)
    assert type(raised) is error
    assert option_of(raised) == field
    assert stability.server.count("POST") == posts
    assert stability.progress.kept == []


@pytest.mark.parametrize(("case", "text"), [("list", "aspect_ratio: none of ours"), ("message", "Not like that")])
async def test_an_errors_message_has_its_name(stability, case, text):
    raised = await stability.fail(case)
    assert text in raised.said
    assert raised.reference == "e1"


@pytest.mark.parametrize(("case", "unaccepted"), [("permission", True), ("no-credit", True), ("moderation", False)])
async def test_only_refusals_allow_a_fallback(stability, case, unaccepted):
    assert not_taken(await stability.fail(case)) is unaccepted


SENTENCES = st.text() | st.sampled_from(["seed", "'image'", "mask: x", "  aspect_ratio"])
ODD = st.none() | st.dictionaries(st.text(), SENTENCES)


@given(st.lists(SENTENCES | ODD) | ODD)
def test_only_known_fields_are_blamed(errors):
    assert blamed_by_errors(errors) in {None, "image", *ImageRequest.model_fields} - {"images"}


async def test_the_capabilities_of_each_model(stability):
    models = {model.id: model.capabilities for model in await stability.provider().models()}
    assert next(iter(models)) == "core"
    assert [id for id, each in models.items() if each.image_to_image] == [
        *("ultra", "sd3.5-large", "sd3.5-large-turbo", "sd3.5-medium", "sd3.5-flash")
    ]
    assert all(bool(each.strength) == each.image_to_image for each in models.values())
    assert [id for id, each in models.items() if each.guidance_scale] == [id for id in models if id.startswith("sd3")]
    assert [id for id, each in models.items() if each.inpainting] == ["inpaint"]
    assert [id for id, each in models.items() if each.upscale] == ["upscale-fast"]
    assert [id for id, each in models.items() if not each.text_to_image] == ["inpaint", "upscale-fast"]


async def test_the_hosts_models_replace_the_list(stability):
    models = await stability.provider(models=(("ultra", "Best"), ("sd3.5-flash", "Flash"))).models()
    assert [(model.id, model.title) for model in models] == [("ultra", "Best"), ("sd3.5-flash", "Flash")]
    assert find_model(models, "sd3.5-flash").capabilities.image_to_image


async def test_check_reads_the_balance(stability):
    assert await stability.provider().check() == (True, None, "accepted, 12.5 credits")
    assert stability.server.calls == ["GET /v1/user/balance"]


async def test_check_with_a_wrong_key(stability):
    with pytest.raises(AuthError):
        await stability.provider("F01").check()


@pytest.mark.parametrize("missing", ["accept", "content-type"])
async def test_the_replay_server_requires_forms(stability, missing):
    headers = {"Authorization": "Bearer test-key", "Accept": "*/*" if missing == "accept" else "image/*"}
    url = f"{stability.server.url}/v2beta/stable-image/generate/core"
    assert (await stability.transport.call("POST", url, headers=headers, json={"prompt": "a"})).status == 418
    stability.server.unexpected.clear()
