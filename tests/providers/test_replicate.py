# pyright: basic
import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import (
    AuthError,
    BadResponse,
    Cause,
    ContentRejected,
    ImageRequest,
    InvalidRequest,
    QuotaError,
    RateLimited,
    Size,
    SizeRange,
    Sources,
    Span,
    Timeout,
    Unavailable,
)
from providers.http.encoding import data_url
from providers.kit.base import NO_FREE_CALL
from providers.replicate import MODELS, fraction, output_links
from providers.replicate.inputs import (
    UNKNOWN_SCHEMA,
    Files,
    capabilities,
    model_inputs,
    read_schema,
    sizes_by_ratio,
)
from tests.outcomes import blames_model, cause_of, not_taken, option_of
from tests.providers.conftest import sources_of
from tests.providers.test_answers import JSON
from tests.replay.pictures import draw
from tests.replay.replicate import TRIFLES, VERSIONS
from tests.replay.replicate_schemas import (
    COMMUNITY,
    FILL,
    INPUTS,
    KONTEXT,
    ODD,
    RATIOS,
    SCHNELL,
    SD_35,
    SDXL,
    SEVERAL,
    STYLED,
)
from tests.replay.sources import DATA_URL

IMAGE = sources_of(draw("image"))
BOTH = sources_of(draw("image"), mask=draw("mask", mode="L"))
INLINE = Files([data_url(BOTH.images[0].data) or ""], data_url(BOTH.mask))
RUN, POLL = "POST /predictions", "GET /predictions/prediction0"
NAMES = "components schemas Input properties required prompt aspect_ratio enum allOf $ref minimum maximum width height"


@pytest.fixture
async def replicate(bench_for):
    return await bench_for("replicate")


def data(url: str) -> bytes:
    return base64.b64decode(url.removeprefix(DATA_URL))


def polls(bench) -> int:
    return sum(call.startswith("GET /predictions/") for call in bench.server.calls)


async def test_a_quick_prediction_needs_no_poll(replicate):
    progress = await replicate.draw(model=SCHNELL)
    assert len(progress.kept) == 1
    assert progress.kept[0].seconds == 1.5
    assert replicate.server.requests[1].headers["prefer"] == "wait=2"
    calls = [f"GET /models/{SCHNELL}", f"POST /models/{SCHNELL}/predictions", "GET /pictures/0.png"]
    assert replicate.server.calls == calls


async def test_polled_with_progress(replicate):
    progress = await replicate.draw("polled", seed=7)
    assert progress.kept[0].seed == 7
    assert [fraction for fraction, _, _ in progress.reports] == [None, None, 0.45]
    assert replicate.server.calls[:4] == [RUN, *[POLL] * 3]


async def test_a_version_runs_by_its_hash(replicate):
    await replicate.draw(seed=7)
    assert replicate.sent() == {"version": VERSIONS[SCHNELL], "input": {"prompt": "a quiet harbour", "seed": 7}}
    assert replicate.server.calls[0] == RUN


async def test_a_version_with_a_name_has_the_inputs_of_the_named_model(replicate):
    await replicate.draw(model=f"{SCHNELL}:{VERSIONS[SCHNELL]}", size=Size(1360, 768), steps=4)
    assert replicate.server.calls[:2] == [f"GET /models/{SCHNELL}", RUN]
    assert replicate.sent()["version"] == VERSIONS[SCHNELL]
    assert replicate.sent()["input"]["aspect_ratio"] == "16:9"
    assert replicate.sent()["input"]["num_inference_steps"] == 4


async def test_a_model_that_does_not_run_by_name_runs_by_its_newest_version(replicate):
    assert (await replicate.draw(model=COMMUNITY)).sizes == [(512, 512)]
    assert replicate.server.calls[1:3] == [f"POST /models/{COMMUNITY}/predictions", RUN]
    assert replicate.sent(1) == {"version": VERSIONS[COMMUNITY], "input": replicate.sent(0)["input"]}


async def test_every_input_by_its_name_in_the_schema(replicate):
    await replicate.draw(
        model=SDXL,
        sources=BOTH,
        negative_prompt="fog",
        count=2,
        seed=7,
        steps=30,
        guidance_scale=7.5,
        strength=0.4,
        scheduler="DDIM",
    )
    sent = replicate.sent()["input"]
    assert (data(sent.pop("image")), data(sent.pop("mask"))) == (BOTH.images[0].data, BOTH.mask)
    assert sent == {
        "prompt": "a quiet harbour",
        "negative_prompt": "fog",
        "width": 512,
        "height": 512,
        "num_outputs": 2,
        "num_inference_steps": 30,
        "guidance_scale": 7.5,
        "prompt_strength": 0.4,
        "scheduler": "DDIM",
        "seed": 7,
    }
    assert len(replicate.progress.kept) == 2


async def test_names_that_the_schema_lacks_are_not_sent(replicate):
    options = {"negative_prompt": "fog", "count": 2, "steps": 30, "guidance_scale": 7.5, "strength": 0.4}
    await replicate.draw(model=KONTEXT, sources=IMAGE, size=None, **options)
    assert set(replicate.sent()["input"]) == {"prompt", "input_image"}
    assert data(replicate.sent()["input"]["input_image"]) == IMAGE.images[0].data


async def test_style_and_background_by_their_names_in_the_schema(replicate):
    await replicate.draw(model=STYLED, size=None, quality="high", style="Realistic", transparent=True)
    looks = {"quality": "high", "style_type": "Realistic", "background": "transparent"}
    assert replicate.sent()["input"] == {"prompt": "a quiet harbour"} | looks


async def test_guidance_by_its_short_name(replicate):
    await replicate.draw(model=FILL, sources=BOTH, guidance_scale=4.5)
    assert replicate.sent()["input"]["guidance"] == 4.5


async def test_steps_and_guidance_of_stable_diffusion_3_5(replicate):
    await replicate.draw(model=SD_35, size=None, steps=40, guidance_scale=5.5)
    assert replicate.sent()["input"] == {"prompt": "a quiet harbour", "steps": 40, "cfg": 5.5}


async def test_an_input_that_is_a_list_takes_all_images(replicate):
    two = Sources(images=(*IMAGE.images, *sources_of(draw("other")).images))
    await replicate.draw(model=SEVERAL, size=None, sources=two)
    sent = replicate.sent()["input"]["image_input"]
    assert [data(url) for url in sent] == [each.data for each in two.images]


async def test_a_large_image_is_uploaded_first(replicate, monkeypatch):
    monkeypatch.setattr("providers.replicate.files.MAX_INLINE_BYTES", 100)
    await replicate.draw(model=SDXL, sources=BOTH)
    assert replicate.server.calls[1:4] == ["POST /files", "POST /files", f"POST /models/{SDXL}/predictions"]
    assert list(replicate.server.files.values()) == [BOTH.images[0].data, BOTH.mask]
    sent = next(call.json for call in replicate.server.requests if call.path.endswith("/predictions"))["input"]
    assert (sent["image"], sent["mask"]) == tuple(f"{replicate.server.url}/files/file{n}" for n in (0, 1))


@pytest.mark.parametrize(("case", "option"), [("invalid", "prompt"), ("missing", "image")])
async def test_a_refusal_names_its_input(replicate, case, option):
    assert option_of(await replicate.fail(case)) == option


UNREADABLE = ["aside-F04", "aside-F05", "aside-F12-null"]


@pytest.mark.parametrize("case", [*UNREADABLE, "no-schema"])
async def test_without_a_schema_only_prompt_and_seed_are_sent(replicate, case):
    await replicate.draw(case, model=SCHNELL, size=None, seed=7)
    assert replicate.sent() == {"input": {"prompt": "a quiet harbour", "seed": 7}}


@pytest.mark.parametrize(("case", "kind"), [("aside-F01", AuthError), ("aside-F03-ever", RateLimited)])
async def test_an_unreadable_schema_raises_the_calls_error(replicate, case, kind):
    error = await replicate.fail(case, model=SDXL)
    assert (type(error), not_taken(error)) == (kind, True)
    assert replicate.server.count("POST") == 0


@pytest.mark.parametrize("wish", [{}, {"size": None, "count": 2}, {"size": None, "sources": IMAGE}])
@pytest.mark.parametrize("case", UNREADABLE)
async def test_options_without_a_schema_are_not_submitted(replicate, case, wish):
    error = await replicate.fail(case, model=SDXL, **wish)
    assert (type(error), not_taken(error)) == (Unavailable, True)
    assert replicate.server.count("POST") == 0


@pytest.mark.parametrize(
    ("case", "count"), [("output-string", 1), ("output-dict", 2), ("output-data", 1), ("polled", 2)]
)
async def test_outputs_of_every_form(replicate, case, count):
    assert len((await replicate.draw(case, model=SCHNELL, count=2)).kept) == count


async def test_a_data_url_is_not_remembered(replicate):
    assert (await replicate.draw("output-data")).remembered == {"id": "prediction0"}


@pytest.mark.parametrize(
    ("case", "error", "detail"),
    [
        ("nsfw", ContentRejected, "NSFW content detected"),
        ("failed", Unavailable, "out of breath"),
        ("others-credit", QuotaError, "exceeded your current quota"),
        ("canceled", Unavailable, "canceled"),
        ("aborted", Unavailable, "aborted"),
        ("output-null", BadResponse, "without a picture"),
        ("output-words", BadResponse, "without a picture"),
        ("lost", Timeout, "no longer knows"),
    ],
)
async def test_final_statuses_raise_and_forget(replicate, case, error, detail):
    raised = await replicate.fail(case)
    assert type(raised) is error
    assert detail in str(raised)
    assert cause_of(raised) is (Cause.STOPPED if case in ("canceled", "aborted") else None)
    assert replicate.progress.remembered is None
    assert replicate.server.count("POST") == 1
    assert blames_model(raised) == (error in (Unavailable, QuotaError)), "another model may yet draw"


@pytest.mark.parametrize(("case", "error"), [("no-credit", QuotaError), ("invalid", InvalidRequest)])
async def test_refusals(replicate, case, error):
    raised = await replicate.fail(case)
    assert type(raised) is error
    assert "input" in str(raised) or "credit" in str(raised)
    assert not blames_model(raised)
    assert replicate.server.calls == [RUN]


async def test_the_pause_in_the_message_is_read(replicate):
    assert len((await replicate.draw("throttled")).kept) == 1
    assert replicate.waits == [30]
    assert replicate.server.count("POST") == 2


@pytest.mark.parametrize("case", ["late", "odd-word", "poll-F02", "poll-F03-none"])
async def test_temporary_errors_are_polled_again(replicate, case):
    assert len((await replicate.draw(case)).kept) == 1
    assert replicate.server.count("POST") == 1


@pytest.mark.parametrize("case", ["poll-F04", "poll-F11", "poll-F03-ever"])
async def test_an_accepted_job_stays_remembered_during_an_outage(replicate, case):
    await replicate.draw_until(6, case)
    assert polls(replicate) > 3
    assert replicate.server.count("POST") == 1


async def test_an_unknown_status_is_logged(replicate, caplog):
    await replicate.draw("odd-word")
    assert "dreaming" in caplog.text


@pytest.mark.parametrize("case", TRIFLES)
async def test_an_invalid_optional_field_does_not_lose_the_picture(replicate, case):
    assert len((await replicate.draw(case)).kept) == 1


async def test_after_a_503_acceptance_is_unknown(replicate):
    raised = await replicate.fail("taken-503")
    assert (type(raised), not_taken(raised)) == (Unavailable, False)
    assert replicate.server.count("POST") == 1


@pytest.mark.parametrize(
    ("limits", "low", "high"),
    [({"maximum": 65535}, 0, 65535), ({"minimum": 5, "maximum": 9}, 5, 9), ({"minimum": 2**31}, None, None)],
)
async def test_a_seed_is_in_the_schemas_range_and_kept(replicate, monkeypatch, limits, low, high):
    monkeypatch.setitem(INPUTS, SCHNELL, INPUTS[SCHNELL] | {"seed": {"type": "integer", **limits}})
    progress = await replicate.draw("polled", model=SCHNELL, seed=2**31 - 1)
    sent = replicate.sent()["input"].get("seed")
    assert progress.kept[0].seed == sent
    assert sent is None if low is None else low <= sent <= high
    again = await replicate.draw("polled", model=SCHNELL, seed=2**31 - 1)
    assert again.kept[0].seed == sent


async def test_polls_go_to_the_base_url_only(replicate):
    assert len((await replicate.draw("foreign")).kept) == 1
    assert polls(replicate) == 3
    assert replicate.server.elsewhere == []


async def test_the_id_is_remembered_before_the_first_poll(replicate):
    assert type(await replicate.fail("poll-F01")) is AuthError
    assert replicate.progress.remembered == {"id": "prediction0"}


async def test_a_remembered_job_is_resumed(replicate):
    await replicate.fail("poll-F05")
    replicate.server.requests.clear()
    replicate.server._followed.clear()
    assert len((await replicate.draw(model=SCHNELL, remembered={"id": "prediction0"})).kept) == 1
    assert replicate.server.calls[0] == POLL
    assert replicate.server.count("POST") == 0


async def test_remembered_links_are_only_downloaded(replicate):
    ref = (await replicate.draw(model=SCHNELL, count=2, seed=7)).remembered
    replicate.server.requests.clear()
    progress = await replicate.draw(remembered=ref)
    assert [(picture.seed, picture.seconds) for picture in progress.kept] == [(7, 1.5)] * 2
    assert [call.partition("/pictures/")[0] for call in replicate.server.calls] == ["GET "] * 2


async def test_cancelling_is_a_post(replicate):
    await replicate.fail("poll-F01")
    await replicate.provider().cancel(replicate.progress.remembered)
    assert replicate.server.calls[-1] == "POST /predictions/prediction0/cancel"
    assert replicate.server.cancelled == ["prediction0"]


async def test_nothing_to_cancel(replicate):
    await replicate.provider().cancel({"urls": ["https://a.example/b.png"]})
    assert replicate.server.requests == []


async def test_an_id_is_one_path_segment(replicate):
    await replicate.fail(remembered={"id": "../account?x"})
    assert set(replicate.server.calls) == {"GET /predictions/..%2Faccount%3Fx"}


CHOSEN = tuple((id, id) for id in (SCHNELL, SDXL, STYLED, FILL, COMMUNITY, ODD, KONTEXT, SD_35, SEVERAL))


async def test_capabilities_come_from_the_schema(replicate):
    models = {model.id: model.capabilities for model in await replicate.provider(models=CHOSEN).models()}
    schnell, sdxl, styled, fill, community, odd, kontext, sd_35, several = models.values()
    assert tuple(models) == tuple(id for id, _ in CHOSEN)
    assert schnell.sizes[:2] == tuple(map(Size.parse, ("1024x1024", "1360x768")))
    assert len(schnell.sizes) == len(RATIOS)
    assert (schnell.steps, schnell.per_call, schnell.size_range) == (Span(low=1, high=4), 4, None)
    assert sdxl.size_range == SizeRange(low=256, high=1440, multiple=16)
    assert sdxl.sizes[0] == Size(1024, 1024)
    assert (sdxl.guidance_scale, sdxl.strength) == (Span(low=1, high=50), Span(low=0, high=1))
    assert (sdxl.negative_prompt, sdxl.schedulers, sdxl.per_call) == (True, ("DDIM", "K_EULER"), 2)
    assert (sdxl.text_to_image, sdxl.image_to_image, sdxl.inpainting) == (True, True, True)
    assert (kontext.text_to_image, kontext.image_to_image, kontext.inpainting) == (True, True, False)
    assert (styled.qualities, styled.styles) == (("low", "high", "auto"), ("Auto", "Realistic"))
    assert [takes for takes in models.values() if takes.transparent] == [styled]
    assert (fill.text_to_image, fill.image_to_image, fill.inpainting) == (False, False, True)
    assert (fill.guidance_scale, fill.steps, fill.sizes) == (Span(low=2, high=5), Span(low=1, high=50), ())
    assert (sd_35.guidance_scale, sd_35.steps) == (Span(low=0, high=20), Span(low=1, high=50))
    assert (several.text_to_image, several.image_to_image) == (True, True)
    assert (community.sizes, community.size_range, community.seed) == ((Size(768, 768), Size(512, 512)), None, False)
    assert (odd.seed, odd.sizes, odd.per_call, odd.text_to_image) == (True, (), 4, True)


async def test_a_missing_model_does_not_affect_the_others(replicate):
    chosen = (("somebody/gone", "Gone"), (SCHNELL, SCHNELL))
    gone, schnell = await replicate.provider(models=chosen).models()
    assert (gone.title, gone.capabilities) == ("Gone", capabilities(UNKNOWN_SCHEMA))
    assert (schnell.title, bool(schnell.capabilities.sizes)) == ("FLUX.1 schnell", True)


@pytest.mark.parametrize("case", ["aside-F01", "aside-F04", "aside-F05", "aside-F10", "aside-F14"])
async def test_the_well_known_models_are_the_fallback(replicate, case):
    models = await replicate.provider(case).models()
    assert [(model.id, model.title) for model in models] == list(MODELS)
    assert all(model.capabilities == capabilities(UNKNOWN_SCHEMA) for model in models)


async def test_check_loads_a_model(replicate):
    assert await replicate.provider().check() == (True, None, "accepted")
    assert replicate.server.calls == [f"GET /models/{SCHNELL}"]
    with pytest.raises(AuthError):
        await replicate.provider("aside-F01").check()


async def test_check_where_there_are_only_versions(replicate):
    health = await replicate.provider(models=((VERSIONS[SCHNELL], "Mine"),)).check()
    assert health == (True, None, NO_FREE_CALL)


def test_it_needs_a_key(replicate):
    assert (
        type(replicate.provider()).missing_setting(replicate.provider(api_key=None).settings) == "set REPLICATE_API_KEY"
    )


NAMED = st.sampled_from([*NAMES.split(), "seed", "num_outputs", "image", "mask", "scheduler"])
NUMBERS = st.integers() | st.floats() | st.text()
INPUT = st.fixed_dictionaries(
    {}, optional={"enum": st.lists(st.integers() | st.text()), "minimum": NUMBERS, "maximum": NUMBERS}
)
SCHEMAS = st.dictionaries(NAMED, INPUT).map(
    lambda inputs: {"components": {"schemas": {"Input": {"properties": {"prompt": {}, **inputs}}}}}
)


@settings(max_examples=200, deadline=None)
@given(JSON | SCHEMAS, st.floats(0.1, 10))
def test_any_schema_can_be_read(schema, number):
    known = read_schema(schema)
    takes = capabilities(known)
    assert 1 <= takes.per_call <= 4
    request = ImageRequest(prompt="a", size=Size(1000, 700), seed=1, steps=3, guidance_scale=number, count=2)
    assert model_inputs(known, request, INLINE).keys() <= known.inputs.keys()


@given(st.integers(1, 99), st.integers(1, 99))
def test_a_ratios_size_is_sent_as_that_ratio(width, height):
    schema = {"properties": {"prompt": {}, "aspect_ratio": {"enum": [f"{width}:{height}", "custom"]}}}
    known = read_schema({"components": {"schemas": {"Input": schema}}})
    ((size, ratio),) = sizes_by_ratio(known).items()
    assert ratio == f"{width}:{height}"
    assert model_inputs(known, ImageRequest(prompt="a", size=size), Files())["aspect_ratio"] == ratio
    assert all(side % 16 == 0 for side in size)


@given(JSON)
def test_any_output_gives_links_only(output):
    assert all(link.startswith(("http://", "https://", "data:")) for link in output_links(output))


@given(st.text(), st.integers(0, 999))
def test_any_logs(logs, percent):
    assert (found := fraction(logs)) is None or 0 <= found <= 1
    assert fraction(f" {percent}%|###  | 1/20\n") == min(percent, 100) / 100
