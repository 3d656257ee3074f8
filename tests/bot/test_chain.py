# pyright: basic, reportOptionalMemberAccess=false, reportAttributeAccessIssue=false, reportArgumentType=false
"""Every provider through /imagine, and the fallback chain."""

import asyncio
import re
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

from domain import Model, Picture, Settings, State
from providers.sketch import Sketch
from storage.outages import Outage
from tests.bot.conftest import files, png, variables, world_of
from tests.conftest import make_job
from tests.outcomes import option_of
from tests.replay import REPLAYS, Automatic1111Replay, ComfyUIReplay
from tests.replay.automatic1111 import LARGE, PLAIN
from tests.replay.comfyui import CHECKPOINTS

NAMES = [kind.name for kind in REPLAYS]


@pytest.mark.parametrize("kind", REPLAYS, ids=NAMES)
async def test_each_provider_draws_for_a_member(kind, tmp_path):
    async with kind() as replay, world_of(variables(tmp_path, [replay]), [replay]) as world:
        shown, job = await world.imagine(prompt="a quiet harbour", provider=kind.name)
        assert (job.state, job.failure, job.provider) == (State.DELIVERED, None, kind.name)
        assert len(await files(shown)) == 1
        assert replay.unexpected == []


@pytest.mark.parametrize(
    ("kind", "case", "broken", "good"),
    [(Automatic1111Replay, "broken-checkpoint", PLAIN, LARGE), (ComfyUIReplay, "error", *CHECKPOINTS)],
    ids=["automatic1111", "comfyui"],
)
async def test_a_broken_checkpoint_does_not_block_other_checkpoints(kind, case, broken, good, tmp_path):
    async with kind() as replay, world_of(variables(tmp_path, [replay]), [replay]) as world:
        for by in (world.member, world.other) * 2:
            shown, job = await world.imagine(by=by, prompt=f"case:{case}", provider=kind.name, model=broken)
            assert (job.state, option_of(job.failure)) == (State.FAILED, None)
            assert "could not draw with this model" in shown.response.content
        _, job = await world.imagine(prompt="a cat", provider=kind.name, model=good)
        assert (job.state, job.provider) == (State.DELIVERED, kind.name)


@pytest.mark.parametrize("kind", REPLAYS, ids=NAMES)
async def test_a_server_that_dies_during_a_job_leads_to_the_fallback_or_a_sentence(kind, tmp_path):
    async with AsyncExitStack() as stack:
        replay = await stack.enter_async_context(kind())
        world = await stack.enter_async_context(world_of(variables(tmp_path, [replay]), [replay]))
        await world.bot._store.settings.set(world.guild.id, Settings(chain=("sketch",)))
        reached = asyncio.Event()

        async def gate(call) -> None:
            if call.method == "POST" or (kind.by_get and "harbour" in call.path + call.query):
                reached.set()
                await asyncio.Event().wait()

        replay.gate = gate
        drawing = asyncio.create_task(world.imagine(prompt="a quiet harbour", provider=kind.name))
        await asyncio.wait(
            {asyncio.create_task(reached.wait()), drawing}, return_when=asyncio.FIRST_COMPLETED, timeout=30
        )
        assert reached.is_set(), (replay.calls, drawing)
        await replay.die()
        shown, job = await drawing
        provider = world.bot.studio.catalogue.providers[kind.name]
        if provider.is_paid:
            assert job.state in (State.FAILED, State.INTERRUPTED)
            assert provider.title in shown.response.content
        else:
            assert (job.state, job.provider) == (State.DELIVERED, "sketch")
            assert len(await files(shown)) == 1
            assert f"{provider.title} was not working, so Sketch (offline) drew it." in shown.response.content


async def test_a_provider_that_is_down_is_replaced_and_then_skipped(hosted):
    await hosted.bot._store.settings.set(hosted.guild.id, Settings(chain=("sketch",)))
    popcord = hosted.replays["popcord"]
    for number in range(5):
        shown, job = await hosted.imagine(prompt="a cat case:F04-503", provider="popcord", size="512x512")
        assert (job.state, job.provider) == (State.DELIVERED, "sketch"), number
        assert "PopCord was not working, so Sketch (offline) drew it." in shown.response.content
    assert popcord.count("POST") == 3 * 3
    page = (await hosted.member.slash(hosted.channel, "providers")).response.content
    assert re.search(r"🔴 \*\*PopCord\*\* · (the default here · )?down since <t:\d+:t> · 0% drawn · ", page)
    shown, job = await hosted.imagine(prompt="a cat", provider="popcord", model="flux")
    assert job.state is State.FAILED
    assert "has not been working since <t:" in shown.response.content


async def test_again_repeats_the_members_own_request(hosted):
    await hosted.bot._store.settings.set(hosted.guild.id, Settings(chain=("sketch",)))
    shown, _ = await hosted.imagine(prompt="a cat case:F04-503", provider="popcord", size="512x512", private=True)
    again = await hosted.member.click(shown.response, label="Again")
    job = await hosted.end()
    assert [each.provider for each in job.tried] == ["popcord"]
    assert again.ephemeral


async def test_a_finished_job_keeps_no_upload_link_even_with_a_fallback_chain(world):
    await world.bot._store.settings.set(world.guild.id, Settings(chain=("sketch",)))
    _, job = await world.imagine(prompt="a boat", image=("boat.png", png()))
    kept = await world.bot._store.jobs.get(job.id)
    ((asked,), (drawn,)) = kept.asked.images, kept.request.images
    assert asked.key
    assert (asked.url, drawn.url) == (None, None)


async def test_startup_does_not_wait_for_a_job_of_a_disabled_provider_over_its_limit(tmp_path):
    values = variables(tmp_path, [])
    async with world_of(values, []) as world:
        now = datetime.now(UTC)
        await world.bot._store.outages.write(Outage("popcord", "RateLimited", now, now + timedelta(seconds=60), 30.0))
        await world.bot._store.jobs.add(make_job(7, provider="popcord", created=now, guild_id=world.guild.id))
    async with world_of(values, []) as world:
        job = await world.end()
        assert (job.id, job.failure.kind) == ("7", "SwitchedOff")


async def test_admins_put_the_chain_together_and_members_may_not(hosted):
    panel = await hosted.admin.slash(hosted.channel, "settings")
    assert panel.ephemeral
    assert "Fallback providers: **none**" in panel.response.content
    await hosted.admin.click(panel.response, label="Fallback providers…")
    for name in ("nebulablock", "sketch", "popcord"):
        await hosted.admin.select(panel.response, [name], custom_id="settings:chain:add")
    assert "1. Nebula Block\n2. Sketch (offline)\n3. PopCord" in panel.response.content
    await hosted.admin.click(panel.response, label="◀ all settings")
    assert "Fallback providers: **Nebula Block, Sketch (offline), PopCord**" in panel.response.content
    await hosted.admin.click(panel.response, label="Fallback providers…")
    await hosted.admin.click(panel.response, label="Remove the last")
    assert (await hosted.bot._store.settings.get(hosted.guild.id)).chain == ("nebulablock", "sketch")
    again = await hosted.admin.slash(hosted.channel, "settings")
    assert "Fallback providers: **Nebula Block, Sketch (offline)**" in again.response.content
    await hosted.admin.click(panel.response, label="Remove all")
    assert (await hosted.bot._store.settings.get(hosted.guild.id)).chain == ()


class Enlarger(Sketch):
    """A provider that draws and upscales."""

    async def offered(self):
        return [_with_upscale(model) for model in await super().offered()]

    async def generate(self, request, sources, progress):
        if not request.upscale:
            return await super().generate(request, sources, progress)
        assert sources.only_image()
        return await progress.keep(Picture(data=png((1024, 1024))))


def _with_upscale(model: Model) -> Model:
    return model.model_copy(update={"capabilities": model.capabilities.model_copy(update={"upscale": True})})


async def test_the_upscale_button_upscales_a_picture(world):
    providers = world.bot.studio.catalogue.providers
    providers["sketch"] = Enlarger(providers["sketch"].settings, None)
    shown, drawn = await world.imagine(prompt="a castle", size="512x512", private=True)
    larger = await world.member.click(shown.response, label="Upscale")
    job = await world.end()
    assert (job.state, job.request.upscale, job.private) == (State.DELIVERED, True, True)
    assert job.parent == drawn.id
    assert [image.size for image in await files(larger)] == [(1024, 1024)]
    assert larger.ephemeral
    assert "Upscale" not in [item.get("label") for row in larger.response.components for item in row["components"]]


async def test_a_self_hosted_server_upscales_its_picture(tmp_path):
    async with Automatic1111Replay() as replay, world_of(variables(tmp_path, [replay]), [replay]) as world:
        shown, drawn = await world.imagine(prompt="a quiet harbour", provider="automatic1111", size="512x512")
        larger = await world.member.click(shown.response, label="Upscale")
        job = await world.end()
        assert (drawn.state, job.state, job.failure) == (State.DELIVERED, State.DELIVERED, None)
        assert [image.size for image in await files(larger)] == [(1024, 1024)]
        assert "POST /sdapi/v1/extra-single-image" in replay.calls
        assert replay.unexpected == []
