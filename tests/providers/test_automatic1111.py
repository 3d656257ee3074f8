# pyright: basic
import asyncio
import base64
import io
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import SecretStr

from domain import (
    AuthError,
    BadResponse,
    Cancelled,
    Cause,
    ImageTooLarge,
    InvalidRequest,
    NotOffered,
    Size,
    Timeout,
    Unavailable,
)
from providers import automatic1111 as module
from providers.automatic1111 import POST_SECONDS, Automatic1111, Automatic1111Settings
from providers.automatic1111.results import GenerationInfo, Result, checked, read_info
from providers.automatic1111.server import Listed
from providers.http.answers import Answer
from providers.http.budget import MemoryBudget
from tests.conftest import PATIENCE_SECONDS
from tests.outcomes import blames_model, cause_of, not_taken, option_of
from tests.providers.conftest import PATIENCE, sources_of
from tests.replay.automatic1111 import ACCOUNT, LARGE, LARGE_PREVIEWS, NOISE, PLAIN, SOMEBODY
from tests.replay.pictures import draw

ROOT = "/sdapi/v1"
SOURCES = sources_of(draw("image", (512, 512)), mask=draw("mask", (512, 512), mode="L"))
SEEDED = [7, 8]


@pytest.fixture
async def a1111(bench_for):
    return await bench_for("automatic1111")


@pytest.fixture
def at_once(monkeypatch):
    """Poll the progress without pauses."""
    monkeypatch.setattr(module, "PROGRESS_POLL_SECONDS", 0)


def drawings(bench) -> list[str]:
    return [f"{call.method} {call.path.removeprefix(ROOT)}" for call in bench.server.drawings]


def body(bench) -> dict:
    return bench.server.drawings[-1].json


def opened(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text)))


def parts(prompt: str = "a quiet harbour", count: int = 1) -> list[bytes]:
    return [draw(f"{prompt} {place}", (512, 512)) for place in range(count)]


async def begin(bench, case: str, **options) -> asyncio.Task:
    """A drawing that the server works on, or has in its queue."""
    drawing = asyncio.create_task(bench.draw(case, **options))
    await bench.server.started.wait()
    return drawing


async def hang_up(bench, drawing: asyncio.Task) -> None:
    drawing.cancel()
    await bench.server.left.wait()
    with suppress(asyncio.CancelledError):
        await drawing


async def test_two_pictures_in_one_call(a1111):
    progress = await a1111.draw(count=2, seed=7)
    assert [picture.data for picture in progress.kept] == parts(count=2)
    assert [picture.seed for picture in progress.kept] == SEEDED
    assert drawings(a1111) == ["POST /txt2img"]


async def test_every_option_by_its_documented_name(a1111):
    await a1111.draw(
        negative_prompt="fog",
        count=2,
        seed=7,
        steps=30,
        guidance_scale=7.5,
        scheduler="DPM++ 2M / Karras",
        style="Ink & wash",
        size=Size(768, 512),
    )
    sent = body(a1111)
    assert sent.pop("force_task_id").startswith("easel-")
    assert sent == {
        "prompt": "a quiet harbour",
        "negative_prompt": "fog",
        "width": 768,
        "height": 512,
        "batch_size": 2,
        "seed": 7,
        "steps": 30,
        "cfg_scale": 7.5,
        "sampler_name": "DPM++ 2M",
        "scheduler": "Karras",
        "styles": ["Ink & wash"],
        "override_settings": {"sd_model_checkpoint": PLAIN},
        "save_images": False,
    }


async def test_only_what_is_set_is_sent(a1111):
    await a1111.draw(size=None, model=None)
    assert set(body(a1111)) == {"prompt", "width", "height", "batch_size", "save_images", "force_task_id"}


async def test_a_sampler_alone(a1111):
    await a1111.draw(scheduler="Euler a")
    assert (body(a1111)["sampler_name"], "scheduler" in body(a1111)) == ("Euler a", False)


async def test_image_to_image(a1111):
    await a1111.draw(sources=sources_of(SOURCES.images[0].data), strength=0.4)
    assert drawings(a1111) == ["POST /img2img"]
    assert base64.b64decode(body(a1111)["init_images"][0]) == SOURCES.images[0].data
    assert body(a1111)["denoising_strength"] == 0.4
    assert "mask" not in body(a1111)


async def test_strength_is_the_servers_own_where_none_is_given(a1111):
    await a1111.draw(sources=sources_of(SOURCES.images[0].data))
    assert "denoising_strength" not in body(a1111)


async def test_white_is_repainted(a1111):
    await a1111.draw(sources=SOURCES)
    sent = body(a1111)
    assert base64.b64decode(sent["mask"]) == SOURCES.mask
    assert (sent["inpainting_mask_invert"], sent["inpaint_full_res"]) == (0, False)


async def test_images_of_another_ratio_are_cropped_not_stretched(a1111):
    half = Image.new("L", (400, 200))
    half.paste(255, (200, 0, 400, 200))
    mask, image = io.BytesIO(), io.BytesIO()
    half.save(mask, "PNG")
    half.convert("RGB").save(image, "PNG")
    await a1111.draw(sources=sources_of(image.getvalue(), mask=mask.getvalue()))
    sent = opened(body(a1111)["mask"])
    assert (sent.size, sent.mode) == ((512, 512), "L")
    assert (sent.getpixel((10, 256)), sent.getpixel((500, 256))) == (0, 255)
    assert opened(body(a1111)["init_images"][0]).size == (512, 512)


async def test_native_options_are_removed_from_prompts_and_prompt_syntax_stays(a1111):
    orders = '<sd_cpp_extra_args>{"steps": 999}</sd_cpp_extra_args>'
    await a1111.draw("sdcpp", prompt=f"a (cat:1.2) <lora:ink:0.8>{orders}", negative_prompt=f"{orders}fog")
    assert body(a1111)["prompt"] == "a (cat:1.2) <lora:ink:0.8>"
    assert body(a1111)["negative_prompt"] == "fog"


@pytest.mark.parametrize(
    "case", ["grid", "grid-null", "control-map", "data-url", "no-info", "broken-info", "odd-index", "sdcpp"]
)
async def test_only_the_requested_pictures_are_kept(a1111, case):
    progress = await a1111.draw(case, count=2, seed=7)
    assert [picture.data for picture in progress.kept] == parts(count=2)
    assert [picture.seed for picture in progress.kept] == SEEDED


async def test_the_servers_own_seeds_are_kept(a1111):
    assert [picture.seed for picture in (await a1111.draw(count=2)).kept] == [4000, 4001]
    assert [picture.seed for picture in (await a1111.draw("no-info")).kept] == [None]


async def test_fewer_pictures_than_requested_are_kept(a1111):
    assert len((await a1111.draw("fewer", count=3)).kept) == 1


@pytest.mark.parametrize(
    ("case", "error", "field", "cause", "detail"),
    [
        ("nothing", BadResponse, None, None, "no picture"),
        ("sampler-400", InvalidRequest, "scheduler", None, "Sampler not found"),
        ("sampler-404", InvalidRequest, "scheduler", None, "Sampler not found"),
        ("checkpoint-404", InvalidRequest, "model", None, "Checkpoint not found"),
        ("bad-image", InvalidRequest, "image", None, "Invalid encoded image"),
        ("detail-list", InvalidRequest, "guidance_scale", None, "cfg_scale: value is not a valid float"),
        ("broken-checkpoint", Unavailable, None, None, "Failed to recognize model type!"),
        ("out-of-memory", Unavailable, "size", Cause.OUT_OF_MEMORY, "OutOfMemoryError: CUDA out of memory. Oh"),
        ("no-api", Unavailable, None, Cause.NO_API, "404"),
    ],
)
async def test_failures(a1111, case, error, field, cause, detail):
    raised = await a1111.fail(case)
    assert type(raised) is error
    assert (option_of(raised), cause_of(raised)) == (field, cause)
    assert detail in str(raised)
    assert drawings(a1111) == ["POST /txt2img"]
    assert a1111.progress.remembered is None


@pytest.mark.parametrize("case", ["broken-checkpoint", "F04"])
async def test_a_failure_of_the_server_may_be_the_checkpoints_fault(a1111, case):
    assert blames_model(await a1111.fail(case))


@pytest.mark.parametrize("case", ["F04-503", "F11", "no-api"])
async def test_an_unreachable_server_is_not_the_checkpoints_fault(a1111, case):
    raised = await a1111.fail(case)
    assert type(raised) is Unavailable
    assert not blames_model(raised)


async def test_a_server_without_the_api_has_not_accepted_the_job(a1111):
    assert not_taken(await a1111.fail("no-api"))


async def test_user_and_password(a1111):
    assert len((await a1111.draw("basic", settings={"api_key": SecretStr(ACCOUNT)})).kept) == 1
    for key in (None, SecretStr("easel:wrong")):
        raised = await a1111.fail("basic", settings={"api_key": key})
        assert type(raised) is AuthError
        assert "wrong" not in str(raised)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Automatic1111Settings(), "set AUTOMATIC1111_BASE_URL"),
        (Automatic1111Settings(base_url="http://127.0.0.1:7860"), None),
        (Automatic1111Settings(base_url="http://127.0.0.1:7860", api_key=SecretStr("easel:x")), None),
        (Automatic1111Settings(base_url="http://127.0.0.1:7860", api_key=SecretStr("x")), "user:password"),
    ],
)
def test_what_the_host_has_to_set(settings, said):
    told = Automatic1111.missing_setting(settings) or Automatic1111.invalid_setting(settings)
    assert told is None if said is None else said in (told or "")


@pytest.mark.parametrize("end", ["/", "/sdapi/v1"])
async def test_the_api_path_is_not_appended_twice(a1111, end):
    await a1111.draw(settings={"base_url": a1111.server.url + end})
    assert drawings(a1111) == ["POST /txt2img"]


async def test_the_time_limit_of_a_call_is_that_of_a_job(a1111):
    a1111.transport._seconds = 0.05
    a1111.server.slow_seconds = 0.2
    assert len((await a1111.draw("busy")).kept) == 1
    assert POST_SECONDS > 500


# Lists


async def test_the_lists_are_read(a1111):
    models = await a1111.provider().models()
    assert [(model.id, model.title) for model in models] == [(LARGE, "künstler-xl ✨"), (PLAIN, "plain-v1-5")]
    takes = models[1].capabilities
    assert takes.schedulers == ("DPM++ 2M", "Euler a", "DPM++ 2M / Karras", "Euler a / Karras")
    assert (takes.upscale, takes.inpainting, takes.image_to_image, takes.per_call) == (True, True, True, 4)
    assert [str(model.capabilities.sizes[0]) for model in models] == ["1024x1024", "512x512"]
    assert all(model.capabilities.takes_size(size) for model in models for size in model.capabilities.sizes)


@pytest.mark.parametrize("case", ["old", "sdnext"])
async def test_samplers_without_schedulers(a1111, case):
    model = (await a1111.provider(case).models())[0]
    assert model.capabilities.schedulers == ("DPM++ 2M", "Euler a")


async def test_sdnexts_model_type_decides_the_sizes(a1111):
    models = await a1111.provider("sdnext").models()
    assert [str(model.capabilities.sizes[0]) for model in models] == ["1024x1024", "1024x1024"]


async def test_checkpoints_with_equal_names_have_different_titles(a1111):
    models = await a1111.provider("same-names").models()
    assert [model.title for model in models] == [PLAIN, "old/ink.ckpt [aaaaaaaaaa]", "Neu/ink.ckpt [bbbbbbbbbb]"]
    assert [model.id for model in models] == [model.title for model in models]
    await a1111.draw("same-names", model="Neu/ink.ckpt [bbbbbbbbbb]")
    assert body(a1111)["override_settings"] == {"sd_model_checkpoint": "Neu/ink.ckpt [bbbbbbbbbb]"}


@pytest.mark.parametrize("model", ["nowhere", "ink"])
async def test_an_unknown_checkpoint_is_refused_before_the_call(a1111, model):
    raised = await a1111.fail("same-names", model=model)
    assert (type(raised), raised.option, raised.asked) == (NotOffered, "model", model)
    assert PLAIN in raised.offered
    assert drawings(a1111) == []
    assert a1111.progress.remembered is None


@pytest.mark.parametrize("case", ["lists-empty", "aside-F01", "aside-F04", "aside-F05", "aside-F10", "aside-F12-list"])
async def test_the_loaded_checkpoint_is_the_fallback(a1111, case):
    assert [model.id for model in await a1111.provider(case).models()] == ["current"]


@pytest.mark.parametrize("case", ["lists-moved", "lists-lost"])
async def test_missing_lists_do_not_prevent_drawing(a1111, case):
    assert len((await a1111.draw(case)).kept) == 1
    models = await a1111.provider(case).models()
    assert {model.id for model in models} == {PLAIN, LARGE}
    assert not any(model.capabilities.schedulers or model.capabilities.upscale for model in models)


async def test_headings_and_invalid_entries_are_skipped(a1111):
    plain, headed = [await a1111.provider(case).models() for case in ("", "headings")]
    assert headed == plain
    assert headed[0].capabilities.styles == ("Ink & wash", "Aquarell ✨")


@pytest.mark.parametrize(
    ("name", "is_heading"),
    [
        *((f"{sign * 4} Styles {sign * 4}", True) for sign in "-─━═=_~*#"),
        *((name, True) for name in ("-- Euler --", "----", "--Euler--")),
        *((name, False) for name in ("-- Euler", "Euler --", "-- Euler -", "- Euler -", "== Euler --", "a -- b -- c")),
        *((name, False) for name in ("DPM++ 2M", "4x-Sharp", "--", "", "..Euler..")),
    ],
)
@pytest.mark.parametrize("field", ["title", "label", "name"])
def test_what_is_a_heading(field, name, is_heading):
    assert Listed(**{field: name}).is_heading is is_heading


@pytest.mark.parametrize(
    ("path", "has_file"),
    [
        *((f"/models/sharp.{end}", True) for end in ("pt", "pth", "safetensors", "onnx", "ckpt", "bin", "gguf", "PTH")),
        *((path, False) for path in (None, "", "/models/sharp", "/models/sharp.txt", "/models/sharp.pth.part")),
        *((path, False) for path in ("https://models.example/sharp.pth", "owner/sharp")),
    ],
)
def test_which_upscalers_are_installed(path, has_file):
    assert Listed(name="Sharp", model_path=path).has_file is has_file


async def test_every_size_offered_for_stable_diffusion_cpp_is_the_size_that_it_draws(a1111):
    assert (await a1111.provider().models())[0].capabilities.takes_size(Size(520, 512))
    (model,) = await a1111.provider("sdcpp").models()
    for size in model.capabilities.sizes:
        assert (await a1111.draw("sdcpp", size=size)).sizes == [size]
    assert not model.capabilities.takes_size(Size(520, 512))


async def test_the_loaded_checkpoint_is_not_named_in_the_request(a1111):
    await a1111.draw(model="current")
    assert "override_settings" not in body(a1111)


async def test_without_lists_the_servers_own_error_is_raised(a1111):
    assert type(await a1111.fail("aside-F01")) is AuthError
    assert drawings(a1111) == []


async def test_the_hosts_models_replace_the_list(a1111):
    pairs = (("plain-v1-5", "Plain"), ("xl/künstler-xl ✨.safetensors", "XL"), ("gone", "gone"))
    models = await a1111.provider(models=pairs).models()
    assert [(model.id, model.title) for model in models] == [*pairs]
    assert all(model.capabilities.schedulers and model.capabilities.upscale for model in models)
    for id, title in (("plain-v1-5", PLAIN), ("xl/künstler-xl ✨.safetensors", LARGE)):
        await a1111.draw(model=id, settings={"models": pairs})
        assert body(a1111)["override_settings"] == {"sd_model_checkpoint": title}
    assert type(await a1111.fail(model="gone", settings={"models": pairs})) is NotOffered


async def test_check_is_free(a1111):
    assert await a1111.provider().check() == (True, 2, "none is set, and none is wanted")
    assert (await a1111.provider("basic", api_key=SecretStr(ACCOUNT)).check()).key == "accepted"
    assert drawings(a1111) == []
    with pytest.raises(AuthError):
        await a1111.provider("basic").check()


# Progress


@pytest.mark.usefixtures("at_once")
async def test_progress_with_a_preview(a1111):
    progress = await a1111.draw("steps")
    assert progress.reports[:4] == [(None, 2, None), (0.1, None, 9.5), (0.6, None, 4.0), (1.0, None, None)]
    assert progress.previews == [draw("preview")]
    assert [picture.data for picture in progress.kept] == parts()
    asked = [call.json for call in a1111.server.requests if call.path == "/internal/progress"]
    assert {each["id_task"] for each in asked} == {body(a1111)["force_task_id"]}
    assert [each["id_live_preview"] for each in asked[:5]] == [-1, -1, -1, 3, 4]


@pytest.mark.usefixtures("at_once")
async def test_progress_of_sdnext_by_the_jobs_id(a1111):
    drawing = await begin(a1111, "sdnext-own")
    while not a1111.progress.previews:
        await asyncio.sleep(0)
    await hang_up(a1111, drawing)
    assert a1111.progress.reports[0] == (0.3, None, 2.0)
    assert a1111.progress.previews[0] == draw("preview")


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("case", ["foreign", "sdnext"])
async def test_another_jobs_progress_is_not_shown(a1111, case):
    drawing = await begin(a1111, case)
    while sum(call.path.endswith("progress") for call in a1111.server.requests) < 5:
        await asyncio.sleep(0)
    await hang_up(a1111, drawing)
    assert (a1111.progress.reports, a1111.progress.previews) == ([], [])
    assert [call.query for call in a1111.server.requests if call.query.endswith("false")] == []


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(("case", "most"), [("sdcpp", 0), ("no-internal", 1)])
async def test_a_server_without_progress_is_not_polled(a1111, case, most):
    progress = await a1111.draw(case)
    assert progress.reports == []
    assert sum(call.path == "/internal/progress" for call in a1111.server.requests) <= most


@pytest.mark.usefixtures("at_once")
async def test_polling_ends_with_the_drawing(a1111):
    await a1111.draw("steps")
    assert not any("_watch" in str(task.get_coro()) for task in asyncio.all_tasks())


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(("case", "times"), [("no-internal", 1), ("no-progress-now", 3)])
async def test_failed_progress_polls_do_not_affect_the_drawing(a1111, case, times):
    async def until_asked(call):
        while call.path.endswith("/txt2img") and asked() < times:
            await asyncio.sleep(0)

    def asked() -> int:
        return sum(call.path == "/internal/progress" for call in a1111.server.requests)

    a1111.server.gate = until_asked
    progress = await a1111.draw(case)
    assert ([picture.data for picture in progress.kept], progress.reports) == (parts(), [])
    assert case == "no-progress-now" or asked() == 1


@pytest.mark.usefixtures("at_once")
async def test_previews_leave_the_memory_budget_to_the_picture(a1111):
    a1111.transport._budget = MemoryBudget(3 * len(NOISE))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await a1111.draw("large-previews")
    assert [picture.data for picture in a1111.progress.kept] == [NOISE]
    assert len(a1111.progress.previews) >= LARGE_PREVIEWS - 1  # the last comes at the same time as the picture
    assert set(a1111.progress.previews) == {NOISE}


# Cancelling


async def test_the_task_is_remembered_before_it_is_sent(a1111):
    drawing = await begin(a1111, "held")
    assert a1111.progress.remembered == {"task": a1111.server.at_work}
    await hang_up(a1111, drawing)
    assert a1111.progress.remembered == {"task": a1111.server.at_work}


@pytest.mark.parametrize("case", ["held", "sdnext-own"])
async def test_cancel_interrupts_our_own_job(a1111, case):
    await hang_up(a1111, await begin(a1111, case))
    task = a1111.server.at_work
    await a1111.provider(case).cancel(a1111.progress.remembered)
    assert a1111.server.interrupted == [task]
    assert a1111.progress.kept == []


@pytest.mark.parametrize("case", ["held-late", "waiting", "foreign", "sdnext"])
async def test_cancel_never_stops_another_job(a1111, case):
    await hang_up(a1111, await begin(a1111, case))
    await a1111.provider(case).cancel(a1111.progress.remembered)
    assert a1111.server.interrupted == []
    assert a1111.server.calls.count(f"POST {ROOT}/interrupt") == 0


async def cancelled_in_queue(a1111):
    """A provider that was asked to cancel a job in the server's queue."""
    await hang_up(a1111, await begin(a1111, "waiting"))
    provider = a1111.provider("waiting")
    await provider.cancel(a1111.progress.remembered)
    assert a1111.server.interrupted == []
    return provider


async def test_a_job_cancelled_in_the_servers_queue_is_interrupted_when_it_starts(a1111):
    await cancelled_in_queue(a1111)
    a1111.server.at_work = task = a1111.progress.remembered["task"]
    async with asyncio.timeout(PATIENCE):
        await a1111.server._over.wait()
    assert a1111.server.interrupted == [task]


async def test_a_cancelled_job_that_left_the_queue_interrupts_no_other(a1111):
    provider = await cancelled_in_queue(a1111)
    a1111.server.waits = False
    await asyncio.wait(provider._interrupts._following.values())
    assert a1111.server.interrupted == []


async def test_a_servers_queue_is_not_followed_for_ever(a1111, monkeypatch):
    monkeypatch.setattr("providers.automatic1111.tasks.MAX_QUEUE_SECONDS", 0)
    provider = await cancelled_in_queue(a1111)
    await asyncio.wait(provider._interrupts._following.values())
    assert a1111.server.interrupted == []


async def test_at_most_max_followed_jobs_are_followed(a1111, monkeypatch):
    monkeypatch.setattr("providers.automatic1111.tasks.MAX_FOLLOWED", 2)
    provider = await cancelled_in_queue(a1111)
    for number in range(3):
        await provider.cancel({"task": f"easel-{number}"})
    assert len(provider._interrupts._following) == 2
    await provider.close()
    assert not provider._interrupts._following


async def test_cancel_of_a_job_that_has_ended_meanwhile(a1111):
    await hang_up(a1111, await begin(a1111, "held"))
    a1111.server.at_work = SOMEBODY
    await a1111.provider("held").cancel(a1111.progress.remembered)
    assert a1111.server.interrupted == []


async def test_a_failed_interrupt_is_not_repeated(a1111):
    await hang_up(a1111, await begin(a1111, "held-busy"))
    with pytest.raises(Unavailable):
        await a1111.provider("held-busy").cancel(a1111.progress.remembered)
    assert a1111.server.calls.count(f"POST {ROOT}/interrupt") == 1


async def test_cancel_without_progress_does_nothing(a1111):
    await a1111.provider("sdcpp").cancel({"task": "easel-0"})
    assert [call for call in a1111.server.calls if call.startswith("POST")] == []


async def test_the_unfinished_picture_of_a_cancelled_job_is_not_kept(a1111):
    provider = a1111.provider("held")
    a1111.provider = lambda *_, **__: provider
    drawing = await begin(a1111, "held")
    await provider.cancel(a1111.progress.remembered)
    with pytest.raises(Cancelled):
        await drawing
    assert (a1111.progress.kept, a1111.progress.remembered) == ([], None)


async def test_after_a_restart_the_abandoned_job_is_interrupted_and_drawn_again(a1111):
    await hang_up(a1111, await begin(a1111, "held"))
    ref = a1111.progress.remembered
    assert len((await a1111.draw("held", remembered=ref)).kept) == 1
    assert a1111.server.interrupted == [ref["task"]]
    assert a1111.progress.remembered != ref
    assert drawings(a1111) == ["POST /txt2img"] * 2


async def test_after_a_restart_an_unknown_task_does_not_prevent_drawing(a1111):
    assert len((await a1111.draw("no-internal", remembered={"task": "easel-0"})).kept) == 1
    assert a1111.server.interrupted == []


async def test_a_job_that_takes_too_long_is_stopped(a1111):
    provider = a1111.provider("held")
    await provider.models()
    a1111.provider = lambda *_, **__: provider
    a1111.hurry(0.1)
    assert type(await a1111.fail("held")) is Timeout
    assert len(a1111.server.interrupted) == 1
    assert a1111.progress.remembered is None


async def test_a_job_whose_connection_breaks_off_is_stopped(a1111):
    drawing = await begin(a1111, "held")
    task = a1111.server.at_work
    a1111.server.cut()
    with pytest.raises(Unavailable):
        await drawing
    assert a1111.server.interrupted == [task]
    assert a1111.progress.remembered is None


# Upscaling


@pytest.mark.parametrize(
    ("case", "side", "result", "upscaler"),
    [("", 512, 1024, "4x-Sharp"), ("", 3000, 4096, "4x-Sharp"), ("plain-upscalers", 64, 128, "Lanczos")],
)
async def test_upscaling(a1111, case, side, result, upscaler):
    progress = await a1111.draw(case, upscale=True, sources=sources_of(draw("small", (side, side))))
    assert progress.sizes == [(result, result)]
    assert progress.remembered is None
    assert drawings(a1111) == ["POST /extra-single-image"]
    assert body(a1111)["upscaler_1"] == upscaler


@pytest.mark.parametrize("case", ["no-upscalers", "sdcpp", "sdnext"])
async def test_no_upscaling_without_an_upscaler(a1111, case):
    assert not any(model.capabilities.upscale for model in await a1111.provider(case).models())
    raised = await a1111.fail(case, upscale=True, sources=SOURCES)
    assert (type(raised), option_of(raised)) == (InvalidRequest, "image")
    assert drawings(a1111) == []


async def test_an_image_that_is_too_large_to_upscale_is_refused(a1111):
    raised = await a1111.fail(upscale=True, sources=sources_of(draw("large", (4096, 8))))
    assert raised == ImageTooLarge(option="image", size=Size(4096, 8), longest_side=4095)
    assert drawings(a1111) == []


# Parsers

NUMBERS = st.integers(-5, 9) | st.none()
INFOS = st.fixed_dictionaries(
    {},
    optional={
        "seed": NUMBERS,
        "all_seeds": st.lists(st.integers(0, 2**31), max_size=6),
        "index_of_first_image": NUMBERS,
    },
)


@given(st.text() | INFOS.map(json.dumps) | st.none() | st.integers() | st.lists(st.text(), max_size=2) | INFOS)
def test_any_info_can_be_parsed(text):
    assert isinstance(read_info(text), GenerationInfo)


@given(
    st.lists(st.text("abc", min_size=1, max_size=3), max_size=8),
    st.text() | INFOS.map(json.dumps),
    st.integers(1, 4),
    NUMBERS,
)
def test_own_pictures_are_some_of_those_that_came(images, info, count, seed):
    own = Result(images=images, info=info).own_pictures(count, seed)
    assert len(own) <= count
    assert bool(own) == bool(images)
    assert [picture for picture, _ in own] in [images[place : place + len(own)] for place in range(len(images) + 1)]


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        ({"error": "prompt required"}, "400: prompt required"),
        ({"error": "server_error", "message": "out of luck"}, "400: out of luck"),
        ({"error": "ValueError", "detail": "", "errors": "no <b>luck</b>"}, "400: ValueError: no luck"),
        ({"error": {"message": "deep"}}, "400: deep"),
        ({"detail": "plain", "code": 400}, "400: plain"),
        ([], "400"),
    ],
)
def test_error_messages_of_every_form(said, detail):
    with pytest.raises(InvalidRequest) as caught:
        checked(Answer(400, {}, json.dumps(said).encode()))
    assert str(caught.value) == detail
