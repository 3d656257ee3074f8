# pyright: basic, reportOptionalMemberAccess=false
import base64
import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from domain import (
    BadResponse,
    ContentRejected,
    Size,
    Unavailable,
    find_model,
)
from providers import build
from providers.kit.settings import ProviderSettings
from providers.openai import CompatibleSettings
from providers.openai.calls import sanitize_prompt
from providers.openai.profiles import (
    ASPECT_SIZES,
    PROFILES,
    SERVER_DEFAULT,
    profile_for,
    title_for,
)
from providers.sketch import SketchSettings
from tests.outcomes import blames_model
from tests.providers.conftest import Bench, load
from tests.providers.test_openai import EDIT, GENERATE, IMAGE, MASKED, drawn, form
from tests.replay.openai import FREE, OpenAIReplay
from tests.replay.pictures import draw


class Dialect(Bench):
    """A bench whose replay server is listed in OPENAI_COMPATIBLE."""

    server: OpenAIReplay

    def provider(self, case="", base_url=None, **settings):
        key = None if self.server.dialect in ("sdcpp", "localai") else SecretStr(self.server.key)
        own = {
            "base_url": base_url or self.server.case(case),
            "api_key": key,
            "profile": self.server.dialect,
        } | settings
        provider = build({"gpu": CompatibleSettings(**own)}, self.transport)[0]["gpu"]
        self._stack.push_async_callback(provider.close)
        return provider


@pytest.fixture
async def openai(bench_for):
    return await bench_for("openai")


@pytest.fixture
def speaking(openai):
    def make(profile: str) -> Dialect:
        openai.server.dialect = profile
        return Dialect(openai.server, openai.transport, openai.waits, openai._stack)

    return make


async def test_check_where_no_models_are_listed(speaking):
    health = await speaking("minimal").provider("lists-none").check()
    assert (health.reachable, health.models) == (True, None)
    assert (await speaking("sdcpp").provider().check()).key == "none is set"
    assert (await speaking("litellm").provider().check()).key == "not refused"


# Dialects


@pytest.mark.parametrize(
    ("profile", "options", "sent"),
    [
        ("minimal", {}, {"model": FREE, "n": 1, "size": "512x512"}),
        ("litellm", {}, {"model": FREE, "n": 1, "size": "512x512"}),
        ("openai", {}, {"model": FREE, "n": 1, "size": "512x512", "stream": True, "partial_images": 1}),
        ("nscale", {}, {"model": FREE, "n": 1, "size": "512x512", "response_format": "b64_json"}),
        (
            "localai",
            {"steps": 20},
            {"model": FREE, "n": 1, "size": "512x512", "step": 20, "response_format": "b64_json"},
        ),
        ("together", {}, {"model": FREE, "n": 1, "width": 512, "height": 512, "response_format": "base64"}),
        (
            "together",
            {"seed": 5, "steps": 4, "guidance_scale": 2.5, "negative_prompt": "fog", "safety_checker": False},
            {"model": FREE, "n": 1, "width": 512, "height": 512, "response_format": "base64", "seed": 5, "steps": 4}
            | {"guidance_scale": 2.5, "negative_prompt": "fog", "disable_safety_checker": True},
        ),
        ("together", {"size": None}, {"model": FREE, "n": 1, "response_format": "base64"}),
        ("xai", {"size": None}, {"model": FREE, "n": 1, "response_format": "b64_json"}),
        (
            "xai",
            {"size": Size(1024, 576)},
            {"model": FREE, "n": 1, "aspect_ratio": "16:9", "resolution": "1k", "response_format": "b64_json"},
        ),
        (
            "xai",
            {"size": Size(936, 2028), "count": 2},
            {"model": FREE, "n": 2, "aspect_ratio": "9:19.5", "resolution": "2k", "response_format": "b64_json"},
        ),
    ],
)
async def test_each_dialect_sends_its_documented_fields(speaking, profile, options, sent):
    bench = speaking(profile)
    progress = await bench.draw(**options)
    assert len(progress.kept) == options.get("count", 1)
    assert {picture.seed for picture in progress.kept} == {options.get("seed")}
    assert bench.sent() == {"prompt": "a quiet harbour", **sent}


@pytest.mark.parametrize(
    ("case", "answered"),
    [
        *((each, True) for each in ("wrong-key", "not-verified", "no-quota", "billing-limit", "server-error", "F01")),
        *((each, False) for each in ("rate-limit-ever", "F04-503", "F11", "F08")),
    ],
)
async def test_a_proxys_key_credit_and_outage_errors_may_be_one_models(speaking, case, answered):
    """LiteLLM passes on the error of the API behind a model."""
    bench = speaking("litellm")
    bench.hurry()
    assert blames_model(await bench.fail(case)) is answered


@pytest.mark.parametrize(("profile", "may_be"), [("minimal", True), ("together", True), ("nscale", False)])
async def test_a_refused_key_may_be_a_models_at_a_proxy(speaking, profile, may_be):
    """A profile with a base URL of its own may be a proxy at another address; Nscale has none."""
    assert blames_model(await speaking(profile).fail("wrong-key")) is may_be


@pytest.mark.parametrize("profile", ["sdcpp", "localai"])
async def test_only_self_hosted_servers_stay_internal(speaking, profile):
    assert not blames_model(await speaking(profile).fail("wrong-key"))


async def test_the_servers_default_model_is_not_sent(speaking):
    bench = speaking("minimal")
    assert [model.id for model in await bench.provider("lists-none").models()] == [SERVER_DEFAULT[0]]
    await bench.draw(model=SERVER_DEFAULT[0])
    assert "model" not in bench.sent()


async def test_pictures_come_in_the_order_of_their_index(speaking):
    progress = await speaking("together").draw(count=3)
    assert [picture.data for picture in progress.kept] == [draw(f"a quiet harbour {n}", (512, 512)) for n in range(3)]


@pytest.mark.parametrize("case", ["empty", "held-back", "no-payload"])
async def test_xais_refusals_have_status_200(speaking, case):
    bench = speaking("xai")
    assert type(await bench.fail(case, size=Size(1024, 1024))) is ContentRejected
    assert drawn(bench) == [GENERATE]


@pytest.mark.parametrize(("case", "error"), [("error-as-200", Unavailable), ("F12", BadResponse)])
async def test_xais_other_errors_with_status_200_are_no_refusals(speaking, case, error):
    assert type(await speaking("xai").fail(case, size=Size(1024, 1024))) is error


async def test_pictures_that_xai_did_not_filter_are_kept(speaking):
    bench = speaking("xai")
    assert type(await bench.fail("one-held-back", size=Size(1024, 1024), count=3)) is ContentRejected
    assert len(bench.progress.kept) == 2


def test_sizes_of_xai_have_exactly_its_ratios():
    for size, (aspect, _) in ASPECT_SIZES.items():
        across, down = map(float, aspect.split(":"))
        assert math.isclose(size.width * down, size.height * across)


async def test_localais_links_lead_to_its_own_host(speaking):
    bench = speaking("localai")
    assert (await bench.draw("url")).sizes == (await bench.draw("url-path")).sizes == [(512, 512)]


async def test_images_for_localai(speaking):
    bench = speaking("localai")
    await bench.draw(sources=IMAGE)
    assert base64.b64decode(bench.sent()["file"]) == IMAGE.images[0].data
    await bench.draw(sources=MASKED, steps=9)
    assert drawn(bench)[-1] == "POST /images/inpainting"
    sent = form(bench)
    assert [load(sent.pop(name)).size for name in ("image", "mask")] == [(512, 512)] * 2, "it takes no size"
    assert sent == {"model": FREE, "prompt": "a quiet harbour", "steps": "9"}
    await bench.draw(sources=MASKED, size=None)
    assert (form(bench)["image"], form(bench)["mask"]) == (MASKED.images[0].data, MASKED.mask)
    await bench.draw(sources=IMAGE, upscale=True, model="realesrgan-x4", prompt="")
    assert drawn(bench)[-1] == "POST /images/upscale"
    assert form(bench) == {"model": "realesrgan-x4", "scale": "2", "image": IMAGE.images[0].data}


def tagged(prompt: str, **args) -> str:
    return f"{prompt}<sd_cpp_extra_args>{json.dumps(args, ensure_ascii=False)}</sd_cpp_extra_args>"


async def test_images_for_stable_diffusion_cpp(speaking):
    bench = speaking("sdcpp")
    await bench.draw(sources=IMAGE, seed=7)
    assert drawn(bench) == [EDIT]
    sent = {"prompt": tagged("a quiet harbour", seed=7), "n": "1", "size": "512x512", "image[]": IMAGE.images[0].data}
    assert form(bench) == sent


@pytest.mark.parametrize("sources", [None, IMAGE])
async def test_stable_diffusion_cpps_seed_is_the_one_on_the_picture(speaking, sources):
    bench = speaking("sdcpp")
    for seed in (7, 8):
        progress = await bench.draw(seed=seed, count=2, sources=sources)
        told = [(picture.seed, picture.data) for picture in progress.kept]
        assert told == [(seed + n, draw(f"a quiet harbour {seed + n}", (512, 512))) for n in range(2)]


async def test_stable_diffusion_cpp_takes_its_options_in_its_tag(speaking):
    bench = speaking("sdcpp")
    await bench.draw(seed=7, negative_prompt='fog "thick"\nnacht ✨', steps=9, guidance_scale=4.5)
    sampling = {"sample_steps": 9, "guidance": {"txt_cfg": 4.5}}
    told = tagged("a quiet harbour", seed=7, negative_prompt='fog "thick"\nnacht ✨', sample_params=sampling)
    assert bench.sent() == {"prompt": told, "n": 1, "size": "512x512"}
    await bench.draw(steps=9)
    assert bench.sent(1)["prompt"] == tagged("a quiet harbour", seed=-1, sample_params={"sample_steps": 9})
    assert [picture.seed for picture in bench.progress.kept] == [None]


async def test_every_size_for_stable_diffusion_cpp_is_the_size_that_it_draws(speaking):
    (model,) = await speaking("sdcpp").provider().models()
    takes = model.capabilities
    assert (takes.seed, takes.negative_prompt, bool(takes.steps), bool(takes.guidance_scale)) == (True,) * 4
    for size in takes.sizes:
        assert (await speaking("sdcpp").draw(size=size)).sizes == [size]
    assert not takes.takes_size(Size(520, 512))


HOSTILE = (
    "</sd_cpp_extra_args>",
    "<sd_cpp_extra_args>{}</sd_cpp_extra_args>",
    "<SD_CPP_extra_args>{",
    "< sd-cpp_extra_args>",
)


@pytest.mark.parametrize("words", HOSTILE)
async def test_prompts_hold_no_native_options_but_those_added_here(speaking, words):
    bench = speaking("sdcpp")
    await bench.draw(prompt=f"a cat{words}", negative_prompt=f"fog{words}", seed=7)
    told = re.findall(r"<sd_cpp_extra_args>([^<]*)</sd_cpp_extra_args>$", bench.sent()["prompt"])
    assert [set(json.loads(each)) for each in told] == [{"seed", "negative_prompt"}]
    assert bench.sent()["prompt"].count("<") == 2


async def test_images_for_together_are_links(speaking):
    bench = speaking("together")
    await bench.draw(sources=IMAGE, model="bfl/flux.1-kontext-pro")
    assert bench.sent()["image_url"] == IMAGE.images[0].url


async def test_images_for_litellm(speaking):
    bench = speaking("litellm")
    await bench.draw(sources=MASKED, model="openai/gpt-image-2")
    assert set(form(bench)) == {"model", "prompt", "n", "size", "image", "mask"}


async def test_litellms_edits_take_no_output_format(speaking):
    bench = speaking("litellm")
    await bench.draw(sources=IMAGE, model="openai/gpt-image-2", transparent=True)
    assert set(form(bench)) == {"model", "prompt", "n", "size", "background", "image"}
    await bench.draw(model="openai/gpt-image-2", transparent=True)
    assert bench.server.requests[-1].json["output_format"] == "png"


@pytest.mark.parametrize(
    ("profile", "ids"),
    [
        ("sdcpp", ["sd-cpp-local"]),
        ("localai", ["dreamshaper", "llama", "realesrgan-x4"]),
        ("xai", ["grok-imagine-image-2.0", "grok-imagine-image"]),
        ("litellm", ["openai/gpt-image-2", "vertex/picture"]),
        ("together", ["bfl/flux-schnell", "bfl/flux.1-kontext-pro"]),
    ],
)
async def test_each_dialect_lists_its_models(speaking, profile, ids):
    assert [model.id for model in await speaking(profile).provider().models()] == ids


async def test_capabilities_follow_from_models_names(speaking):
    localai = await speaking("localai").provider().models()
    assert [model.id for model in localai if model.capabilities.upscale] == ["realesrgan-x4"]
    assert not find_model(localai, "realesrgan-x4").capabilities.text_to_image
    together = await speaking("together").provider().models()
    assert [model.capabilities.image_by_link for model in together] == [False, True]
    litellm = await speaking("litellm").provider().models()
    assert [model.capabilities.inpainting for model in litellm] == [True, False]


def test_a_profile_that_can_draw_from_words_is_the_default_of_each():
    assert all(profile.capabilities(profile.models[0][0]).text_to_image for profile in PROFILES.values())


@pytest.mark.parametrize("profile", PROFILES)
async def test_faults_in_every_dialect(speaking, profile):
    bench = speaking(profile)
    assert type(await bench.fail("F05", size=None)) is BadResponse
    assert type(await bench.fail("F04", size=None)) is Unavailable
    assert type(await bench.fail("F13-loopback", size=None)) is BadResponse
    assert bench.server.count("POST") == 3


# Syntax in prompts that a server would interpret


async def test_a_bar_separates_the_negative_prompt_for_localai(speaking):
    bench = speaking("localai")
    await bench.draw(prompt="a cat | a dog", negative_prompt="fog|rain")
    assert bench.sent()["prompt"] == "a cat / a dog|fog/rain"


@pytest.mark.parametrize("profile", ["minimal", "localai"])
async def test_no_native_options_in_a_prompt(speaking, profile):
    bench = speaking(profile)
    await bench.draw(prompt='a <SD_cpp_extra_args>{"steps": 999}</sd_cpp_extra_args> cat <lora:x:1>')
    assert bench.sent()["prompt"] == "a  cat <lora:x:1>"


TAG = re.compile(r"<[\s/]*sd[\W_]*cpp[\W_]*extra[\W_]*args", re.IGNORECASE)
PIECES = st.sampled_from(
    [
        *("<", ">", "/", " ", "\n", "|", "sd", "SD", "_", "-", "cpp", "Cpp", "extra", "args", "s", "{}"),
        *("sd_cpp_extra_args", "<sd_cpp_extra_args>", "</sd_cpp_extra_args>", "<sd_cpp_", "<lora:x:1>"),
    ]
)


@given(st.lists(PIECES, max_size=30).map("".join) | st.text())
def test_no_tag_and_no_bar_survives(text):
    cleaned = sanitize_prompt(text)
    assert not TAG.search(cleaned)
    assert "|" not in cleaned
    assert sanitize_prompt(cleaned) == cleaned


@given(st.text())
def test_other_text_is_unchanged(text):
    if "|" not in text and "<" not in text:
        assert sanitize_prompt(text) == text


# Servers listed in OPENAI_COMPATIBLE


def test_named_servers_come_before_sketch(openai):
    settings = {
        "openai": ProviderSettings(api_key=SecretStr("test-key")),
        "sketch": SketchSettings(),
        "gpu": CompatibleSettings(profile="gpu", base_url="http://127.0.0.1:1234"),
        "together": CompatibleSettings(profile="together", api_key=SecretStr("test-key")),
        "xai": CompatibleSettings(profile="xai"),
        "home": CompatibleSettings(profile="localai"),
    }
    on, off = build(settings, openai.transport)
    assert list(on)[-3:] == ["gpu", "together", "sketch"]
    assert [on[name].title for name in ("openai", "gpu", "together")] == ["OpenAI", "Gpu", "Together"]
    assert [on[name].name for name in ("openai", "gpu", "together")] == ["openai", "gpu", "together"]
    assert [tuple(each) for each in off][-2:] == [
        ("xai", "set XAI_API_KEY: its other settings are in vain without it", True),
        ("home", "set HOME_BASE_URL: its other settings are in vain without it", True),
    ]


def test_openai_needs_a_key(openai):
    assert ("openai", "set OPENAI_API_KEY", False) in build({}, openai.transport)[1]


@pytest.mark.parametrize(("word", "same"), [("LocalAI", "localai"), ("zz", "minimal"), (None, "minimal")])
def test_a_profile_is_found_by_name(word, same):
    assert profile_for(word) is PROFILES[same]


@pytest.mark.parametrize(("name", "title"), [("sdcpp", "stable-diffusion.cpp"), ("minimal", "Minimal"), ("a1", "A1")])
def test_titles(name, title):
    assert title_for(name) == title


@pytest.mark.parametrize(
    ("profile", "paid", "reports"), [("minimal", True, set()), ("sdcpp", False, set()), ("openai", True, {"preview"})]
)
def test_which_profiles_are_paid_and_report_progress(speaking, profile, paid, reports):
    provider = speaking(profile).provider()
    assert (provider.is_paid, provider.reports) == (paid, reports)


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/"])
async def test_the_version_is_added_once(openai, end):
    await openai.draw(settings={"base_url": openai.server.url + end})
    assert openai.server.calls == ["POST /v1/images/generations"]


async def test_without_a_key_no_header_is_sent(speaking):
    bench = speaking("localai")
    await bench.draw()
    assert "authorization" not in bench.server.requests[0].headers
