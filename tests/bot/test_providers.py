# pyright: basic
"""Each hosted provider from /imagine to the delivered picture, and from each error to its sentence."""

import pytest

from domain import Model, State, Unavailable
from providers import REGISTRY
from providers.http.transport import Transport
from providers.popcord import PopCord
from tests.bot.conftest import files, png
from tests.replay.replicate_schemas import KONTEXT


async def test_popcord(hosted):
    shown, job = await hosted.imagine(prompt="a cat", provider="popcord", model="flux", size="786x1024")
    assert job.state is State.DELIVERED
    assert (await files(shown))[0].size == (786, 1024)
    assert "PopCord · FLUX · 786x1024" in shown.response.content


async def test_popcords_poli_takes_one_size(hosted):
    sentence = await hosted.refused(prompt="a cat", provider="popcord", model="poli", size="512x512")
    assert "1024x1024" in sentence
    assert hosted.replays["popcord"].count("POST") == 0


async def test_imagepipeline_at_once(hosted):
    shown, job = await hosted.imagine(
        prompt="a cat", provider="imagepipeline", count=4, negative_prompt="dogs", steps=30, guidance=7.5, seed=5,
        scheduler="DDIMScheduler", strength=0.5, size="768x768",
    )  # fmt: skip
    assert job.state is State.DELIVERED
    assert len(await files(shown)) == 4
    (submit,) = [call.json for call in hosted.replays["imagepipeline"].requests if call.method == "POST"]
    assert submit["samples"] == 4
    assert submit["safety_checker"] is True
    assert submit["scheduler"] == "DDIMScheduler"


async def test_imagepipeline_pending(hosted):
    shown, job = await hosted.imagine(prompt="a cat case:pending", provider="imagepipeline")
    assert job.state is State.DELIVERED
    assert len(await files(shown)) == 1
    assert hosted.replays["imagepipeline"].count("POST") == 1


async def test_imagepipeline_two_of_four(hosted):
    shown, job = await hosted.imagine(prompt="a cat case:two", provider="imagepipeline", count=4)
    assert job.state is State.DELIVERED
    assert len(await files(shown)) == 2
    assert "2 of 4" in shown.response.content


@pytest.mark.impatient
async def test_imagepipeline_pending_for_ever(hosted):
    shown, job = await hosted.imagine(prompt="a cat case:for-ever", provider="imagepipeline")
    assert job.state is State.FAILED
    assert "no picture in time" in shown.response.content


@pytest.mark.parametrize(
    ("case", "ending", "says"),
    [
        ("avif", "png", "Converted from AVIF, which Discord does not show."),
        ("heic", "png", "Converted from HEIC"),
        ("gif", "gif", ""),
        ("moving-webp", "webp", ""),
        ("moving-png", "png", ""),
        ("comment", "png", ""),
        ("endless", "jpg", ""),
        ("huge", "png", "5000x4000"),
        ("half", "png", "It arrived damaged"),
        ("svg", "svg", "cannot be shown here (SVG)"),
        ("video", "mp4", "cannot be shown here (MP4)"),
    ],
)
async def test_every_providers_picture_arrives(hosted, case, ending, says):
    shown, job = await hosted.imagine(prompt=f"a cat case:{case}", provider="pollinations")
    assert (job.state, job.remote) == (State.DELIVERED, None)
    (file,) = shown.response.attachments
    assert file.filename.endswith(f".{ending}")
    assert says in shown.response.content


async def test_retry_of_a_call_that_may_be_billed_asks_for_the_same_picture(hosted):
    options = {"prompt": "a cat case:broken", "provider": "pollinations", "model": "flux"}
    shown, _ = await hosted.imagine(**options)
    assert "Retry asks for the same picture again" in shown.response.content
    await hosted.member.click(shown.response, label="Retry")
    again = await hosted.end()
    assert again.failure.kind == "Unavailable", "it is asked for, and broken still"
    calls = [call.query for call in hosted.replays["pollinations"].requests if call.path.startswith("/image/a")]
    assert len(set(calls)) == 1, "the same picture"


@pytest.mark.impatient
async def test_retry_of_a_remote_job_needs_no_list_of_models(hosted, monkeypatch):
    options = {"prompt": "a cat case:poll-F04", "provider": "replicate", "model": KONTEXT}
    await hosted.bot.studio.catalogue.providers["replicate"].models()
    shown, first = await hosted.imagine(**options, image=("a.png", png()))
    assert first.remote

    async def others() -> list[Model]:
        return [Model(id="another", title="Another")]

    monkeypatch.setattr(hosted.bot.studio.catalogue.providers["replicate"], "models", others)
    await hosted.member.click(shown.response, label="Retry")
    again = await hosted.end()
    assert (again.model, again.remote, again.failure.kind) == (KONTEXT, first.remote, first.failure.kind)
    assert hosted.replays["replicate"].count("POST") == 1


async def test_a_model_that_keeps_the_images_size_takes_no_other(hosted):
    options = {"prompt": "a cat", "provider": "stability", "model": "sd3.5-large", "image": ("a.png", png((256, 256)))}
    assert "but at the image's own size" in await hosted.refused(**options, size="1536x672")
    shown, job = await hosted.imagine(**options)
    assert (job.request.size, "Smaller than" in shown.response.content) == (None, False)


@pytest.mark.impatient
async def test_retry_after_a_time_out_asks_for_the_same_result_and_pays_nothing(hosted):
    shown, first = await hosted.imagine(prompt="a cat case:for-ever", provider="imagepipeline")
    await hosted.member.click(shown.response, label="Retry")
    second = await hosted.end()
    assert second.parent == first.id
    assert hosted.replays["imagepipeline"].count("POST") == 1


async def test_nebulablock(hosted):
    shown, job = await hosted.imagine(prompt="a cat", provider="nebulablock", seed=3)
    assert job.state is State.DELIVERED
    assert len(await files(shown)) == 1
    assert job.drawn[0].seconds
    assert "price" not in shown.response.content


async def test_nebulablock_with_image_and_mask_picks_the_model_that_can(hosted):
    shown, job = await hosted.imagine(
        prompt="a hat",
        provider="nebulablock",
        image=("a.png", png((256, 256))),
        mask=("m.png", png((256, 256), 255, "L")),
    )
    assert job.state is State.DELIVERED
    assert "Fill" in job.model
    assert len(await files(shown)) == 1


async def test_appypie_from_words(hosted):
    shown, job = await hosted.imagine(prompt="a cat", provider="appypie")
    assert (job.state, job.model) == (State.DELIVERED, "sdxl")
    assert len(await files(shown)) == 1


async def test_appypie_from_an_image_gets_discords_own_link(hosted):
    _, job = await hosted.imagine(prompt="a cat", provider="appypie", image=("a.png", png()))
    assert (job.state, job.model) == (State.DELIVERED, "sdxl-img2img")
    (call,) = hosted.replays["appypie"].requests
    assert call.json["inputImage"].startswith("https://cdn.simcord.invalid/")
    assert (await hosted.bot.studio.jobs.find(job.id)).request.images[0].url is None


async def test_again_with_an_image_by_link_asks_the_member_for_the_image(hosted):
    shown, _ = await hosted.imagine(prompt="a cat", provider="appypie", image=("a.png", png()))
    again = await hosted.member.click(shown.response, label="Again")
    assert "Send it again" in again.response.content


@pytest.mark.parametrize(
    ("provider", "case", "state", "sentence"),
    [
        ("popcord", "F01", State.FAILED, "does not accept this bot's key"),
        ("popcord", "F04", State.FAILED, "could not draw with this model"),
        ("popcord", "F05", State.FAILED, "no picture"),
        ("popcord", "F07", State.FAILED, "no picture"),
        ("popcord", "F08", State.FAILED, "in time"),
        ("popcord", "F10", State.FAILED, "no picture"),
        ("popcord", "inner-500", State.FAILED, "could not draw with this model"),
        ("imagepipeline", "failure-error", State.FAILED, "could not draw with this model"),
        ("imagepipeline", "no-links", State.REFUSED, "content filter"),
        ("imagepipeline", "gone", State.FAILED, "not working just now"),
        ("nebulablock", "no-credit", State.FAILED, "out of credit"),
        ("nebulablock", "F06", State.FAILED, "no picture"),
        ("appypie", "inner-500", State.FAILED, "could not draw with this model"),
        ("appypie", "empty", State.FAILED, "no picture"),
    ],
)
async def test_an_error_ends_in_its_sentence_and_its_state(hosted, provider, case, state, sentence):
    shown, job = await hosted.imagine(prompt=f"a cat case:{case}", provider=provider)
    assert job.state is state
    assert sentence in shown.response.content
    labels = [item["label"] for row in shown.response.components for item in row["components"]]
    hopeless = state is State.REFUSED or job.failure.kind in ("AuthError", "QuotaError")
    assert labels == (["Delete"] if hopeless else ["Retry", "Delete"])
    for secret in ("test-key", "http://", "<script>", "@everyone"):
        assert secret not in shown.response.content.removeprefix(f"`a cat case:{case}`")


async def test_appypies_trace_is_shown(hosted):
    shown, _ = await hosted.imagine(prompt="a cat case:no-prompt", provider="appypie")
    assert "reference" in shown.response.content


async def test_a_picture_that_cannot_be_fetched_is_passed_on_as_a_link(hosted, monkeypatch):
    async def away(*_, **__):
        raise Unavailable("503")

    monkeypatch.setattr(Transport, "download", away)
    monkeypatch.setattr(PopCord, "_submit", answered("https://pictures.example/a.png"))
    shown, job = await hosted.imagine(prompt="a cat", provider="popcord")
    assert job.state is State.DELIVERED
    assert shown.response.content.endswith("https://pictures.example/a.png")


async def test_a_link_into_the_hosts_own_network_is_not_passed_on(hosted):
    shown, job = await hosted.imagine(prompt="a cat case:picture-F04", provider="popcord")
    assert job.state is State.FAILED
    assert "127.0.0.1" not in shown.response.content


def answered(url):
    async def submit(*_) -> str:
        return url

    return submit


async def test_providers_page_lists_all(hosted):
    shown = await hosted.member.slash(hosted.channel, "providers")
    assert (shown.ephemeral, shown.followups) == (True, [])
    *lines, legend = shown.response.content.splitlines()
    assert legend.startswith("-# 🟢 up")
    for line, kind in zip(lines, REGISTRY, strict=True):
        assert f"🟢 **{kind.title}**" in line
    assert "🟢 **Black Forest Labs** · FLUX.2 pro · " in shown.response.content


async def test_providers_page_opens_one_and_goes_back(hosted):
    page = await hosted.member.slash(hosted.channel, "providers")
    whole = page.response.content
    await hosted.member.select(page.response, ["sketch"], custom_id="providers:pick")
    first, models, _ = page.response.content.splitlines()
    assert first == "🟢 **Sketch (offline)**"
    assert models.startswith("- **Oil painting**, **Watercolour**, **Ink drawing**, **Pixel art**: words alone, an ")
    await hosted.member.select(page.response, ["pollinations"], custom_id="providers:pick")
    assert "(price " in page.response.content
    await hosted.member.click(page.response, label="◀ all providers")
    assert page.response.content == whole


async def test_privacy_names_the_providers_that_fetch_an_original_file(hosted):
    shown = await hosted.member.slash(hosted.channel, "privacy")
    assert shown.ephemeral
    assert "except for models of Appy Pie, which" in shown.response.content
