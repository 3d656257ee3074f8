# pyright: basic
"""A member's /imagine on the offline provider: options, receipt, buttons, refusals."""

import asyncio

import pytest
from PIL import Image

import views.delivery
from domain import State
from providers.sketch import Sketch
from tests.bot.conftest import encoded, files, png
from views.delivery import DiscordDelivery
from views.requests import DiscordRequests

SMALL = {"size": "64x64", "steps": 1}


async def test_prompt_alone_is_drawn_with_the_defaults(world):
    shown, job = await world.imagine(prompt="a lighthouse at dusk")
    (image,) = await files(shown)
    assert job.state is State.DELIVERED
    assert image.size == (1024, 1024)
    assert "`a lighthouse at dusk`" in shown.response.content
    assert "Sketch" in shown.response.content
    assert f"seed {job.drawn[0].seed}" in shown.response.content
    assert "not by an AI model" in shown.response.content


async def test_a_slow_answer_says_drawing(world, monkeypatch):
    announced = asyncio.Event()

    async def generate(self, request, sources, progress):
        await announced.wait()
        await draw(self, request, sources, progress)

    async def show(self, *report):
        await edit(self, *report)
        announced.set()

    draw, edit = Sketch.generate, DiscordDelivery._show
    monkeypatch.setattr(Sketch, "generate", generate)
    monkeypatch.setattr(DiscordDelivery, "_show", show)
    monkeypatch.setattr(views.delivery, "REPORT_PAUSE", 0.0)
    await world.imagine(prompt="a boat", **SMALL)
    edits = [each.json["content"] for each in world.env.http_requests if each.method == "PATCH"]
    assert "drawing… `a boat`" in edits[0]
    assert "drawing…" not in edits[-1]


async def test_every_picture_has_alt_text_and_a_neutral_name(world):
    shown, job = await world.imagine(prompt="two cats; @everyone", count=2, **SMALL)
    assert [each.description for each in shown.response.attachments] == [
        "A picture drawn by Sketch (offline) (Oil painting) for the words: two cats; @everyone"
    ] * 2
    assert [each.filename for each in shown.response.attachments] == [f"easel-{job.id}-{n}.png" for n in (1, 2)]


async def test_count_gives_as_many_different_pictures(world):
    shown, job = await world.imagine(prompt="a castle", count=3, seed=7, **SMALL)
    assert len({image.tobytes() for image in await files(shown)}) == 3
    assert [drawn.seed for drawn in job.drawn] == [7, 8, 9]


async def test_the_same_seed_gives_the_same_picture(world):
    one, _ = await world.imagine(prompt="a castle", seed=7, **SMALL)
    two, _ = await world.imagine(prompt="a castle", seed=7, **SMALL)
    assert (await files(one))[0].tobytes() == (await files(two))[0].tobytes()


async def test_sizes_are_offered_by_names_that_a_person_knows(world):
    choices = await world.member.autocomplete(world.channel, "imagine", "size", "wide")
    assert {"name": "wide 16:9 · 1024x576", "value": "1024x576"} in choices
    own = await world.member.autocomplete(world.channel, "imagine", "size", "640x320")
    assert own == [{"name": "wide 2:1 · 640x320", "value": "640x320"}]


async def test_a_size_by_its_name_alone_is_understood(world):
    _, job = await world.imagine(prompt="x", size="tall", model="pixel")
    assert job.request.size == (576, 1024)


async def test_models_are_found_anywhere_in_id_or_title(world):
    choices = await world.member.autocomplete(world.channel, "imagine", "model", "art")
    assert [each["value"] for each in choices] == ["pixel"]


@pytest.mark.parametrize(
    ("option", "typed", "offered"),
    [("quality", "", ["draft", "fine"]), ("style", "col", ["cold"]), ("scheduler", "", ["loose", "tidy"])],
)
async def test_what_the_model_takes_is_offered(world, option, typed, offered):
    choices = await world.member.autocomplete(world.channel, "imagine", option, typed)
    assert choices == [{"name": each, "value": each} for each in offered]


async def test_quality_style_and_transparency_are_drawn_and_in_the_metadata(world):
    shown, job = await world.imagine(prompt="a castle", quality="draft", style="warm", transparent=True, **SMALL)
    (image,) = await files(shown)
    assert image.mode == "RGBA"
    assert (job.request.quality, job.request.style, job.request.transparent) == ("draft", "warm", True)
    data = await shown.response.attachments[0].read()
    assert b"draft" in data
    assert b"warm" in data


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"size": "77x77"}, "any size with sides from 64 to 1536, in steps of 8"),
        ({"size": "huge"}, "1024x768"),
        ({"steps": 400}, "1 to 50"),
        ({"guidance": 99.0}, "1 to 20"),
        ({"scheduler": "nonsense"}, "loose, tidy"),
        ({"quality": "nonsense"}, "draft, fine"),
        ({"style": "nonsense"}, "warm, cold, faded"),
        ({"model": "nonsense"}, "Watercolour"),
        ({"mask": ("mask.png", png())}, "A mask needs `image` too"),
    ],
)
async def test_what_the_model_does_not_take_is_refused_privately(world, options, sentence):
    assert sentence in await world.refused(prompt="x", **options)


async def test_an_upload_that_is_no_image_is_answered_and_nothing_is_drawn(world):
    shown = await world.member.slash(world.channel, "imagine", prompt="x", image=("a.png", b"no image at all"))
    assert "PNG, JPEG, WebP or HEIC" in shown.response.content
    assert world.ended.empty()


@pytest.mark.parametrize("field", ["image", "mask"])
async def test_a_file_announced_as_another_type_is_refused_privately(world, field):
    files = {"image": ("a.png", png()), "mask": ("m.png", png())} | {field: ("a.gif", b"GIF89a")}
    told = await world.refused(prompt="x", **files)
    assert f"The {field} is a file of the type image/gif. Send a still PNG" in told


async def test_strength_without_an_image_is_refused(world):
    assert "`strength` needs `image` too" in await world.refused(prompt="x", strength=0.5)


async def test_an_image_and_a_mask_are_repainted(world):
    red, mask = (200, 30, 30), Image.new("L", (64, 64), 0)
    mask.paste(255, (0, 0, 64, 32))
    shown, _ = await world.imagine(
        prompt="a sea", image=("a.png", png((64, 64), red)), mask=("m.png", encoded(mask)), **SMALL
    )
    (image,) = await files(shown)
    assert image.crop((0, 32, 64, 64)).getcolors() == [(64 * 32, red)]
    assert len(image.crop((0, 0, 64, 32)).getcolors(64 * 32) or ()) > 1


async def test_a_second_image_is_refused_by_a_model_that_takes_one(world, monkeypatch):
    async def take(requests, interaction, request, images=(), *more):
        await taken(requests, interaction, request, [*images, *images], *more)

    taken = DiscordRequests.take
    monkeypatch.setattr(DiscordRequests, "take", take)
    shown, job = await world.imagine(
        prompt="a sea", image=("a.png", png()), mask=("m.png", png(colour=255, mode="L")), **SMALL
    )
    keys = [f"uploads/{job.id}/{world.member.id}.{name}" for name in ("image", "image2", "mask")]
    assert [each.key for each in job.request.uploads()] == keys
    assert (job.state, job.drawn) == (State.REFUSED, ())
    assert "draws from one image at most" in shown.response.content


async def test_the_shape_of_the_image_is_kept(world):
    _, job = await world.imagine(prompt="x", image=("a.png", png((160, 90))), steps=1)
    assert job.request.size == (1024, 576)


async def test_a_seed_of_minus_one_is_random(world):
    seeds = [(await world.imagine(prompt="a boat", seed=-1, **SMALL))[1].request.seed for _ in range(3)]
    assert len(set(seeds)) > 1
    assert min(seeds) >= 0


async def test_private_is_seen_by_its_owner_alone(world):
    shown, job = await world.imagine(prompt="a secret", private=True, **SMALL)
    assert shown.ephemeral
    assert job.private
    assert b"a secret" not in await shown.response.attachments[0].read()


async def test_a_public_file_tells_how_it_was_made(world):
    shown, _ = await world.imagine(prompt="a lighthouse & a <boat>", **SMALL)
    data = await shown.response.attachments[0].read()
    assert b"algorithmicMedia" in data
    assert b"trainedAlgorithmicMedia" not in data
    assert b"a lighthouse &amp; a &lt;boat&gt;" in data


async def test_prompts_ping_nobody_and_hold_no_links(world):
    shown, _ = await world.imagine(prompt="@everyone `x` [a](http://b.c) <@1>\nnew", **SMALL)
    first = shown.response.content.splitlines()[0]
    assert first.count("`") == 2
    assert first.startswith("`@everyone")
    assert shown.response.message.mention_everyone is False


async def test_again_draws_with_a_new_seed(world):
    shown, first = await world.imagine(prompt="a boat", **SMALL)
    again = await world.other.click(shown.response, label="Again")
    second = await world.end()
    assert second.parent == first.id
    assert second.user_id == world.other.id
    assert second.request.seed != first.request.seed
    assert second.request.size == first.request.size
    assert len(again.response.attachments) == 1


async def test_again_keeps_an_upload_for_a_while(world):
    shown, _ = await world.imagine(prompt="a boat", image=("a.png", png()), **SMALL)
    await world.member.click(shown.response, label="Again")
    assert (await world.end()).state is State.DELIVERED


async def test_again_says_when_the_upload_is_gone(world):
    shown, job = await world.imagine(prompt="a boat", image=("a.png", png()), **SMALL)
    await world.bot._store.spool.delete_job(job.id)
    again = await world.member.click(shown.response, label="Again")
    assert "no longer kept" in again.response.content
    assert again.ephemeral


@pytest.mark.parametrize(("who", "may"), [("member", True), ("admin", True), ("other", False)])
async def test_delete_is_for_the_owner_and_for_moderators(world, who, may):
    shown, _ = await world.imagine(prompt="a boat", **SMALL)
    clicked = await getattr(world, who).click(shown.response, label="Delete")
    assert (shown.response is None) is may
    if not may:
        assert "Only the member who asked" in clicked.followups[0].content if clicked.followups else clicked.response


async def test_a_button_of_an_unknown_job_is_answered(world):
    shown, _ = await world.imagine(prompt="a boat", **SMALL)
    await world.bot.studio.jobs.delete_finished(user_id=world.member.id)
    clicked = await world.other.click(shown.response, label="Again")
    assert "no longer know" in clicked.response.content


@pytest.mark.parametrize("verb", ["again", "upscale", "retry", "delete"])
@pytest.mark.parametrize("options", [{"private": True}, {}])
async def test_a_forged_button_reaches_no_other_job(world, options, verb):
    shown, _ = await world.imagine(prompt="a boat", **SMALL)
    theirs, hidden = await world.imagine(prompt="a secret", by=world.admin, **options, **SMALL)
    forge(world, shown, f"easel:{verb}:{hidden.id}")
    clicked = await world.member.click(shown.response, label="Again")
    if verb == "delete":
        assert shown.response is None  # their own message, as Discord says
        assert theirs.response is not None
    else:
        assert "no longer know" in clicked.response.content
    assert await world.bot.studio.jobs.find(hidden.id)


def forge(world, shown, custom_id: str) -> None:
    """Replace the custom id of Again."""
    stored = world.env.backend.get_message(world.channel.id, shown.response.id)
    button = next(each for row in stored.components for each in row["components"] if each.get("label") == "Again")
    button["custom_id"] = custom_id


async def test_works_in_a_direct_message(world):
    shown = await world.member.user.slash("imagine", prompt="a boat", **SMALL)
    job = await world.end()
    assert job.guild_id is None
    assert len(shown.response.attachments) == 1
