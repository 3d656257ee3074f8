# pyright: basic
"""The settings panel: what admins choose is saved, shown, and used by members, also after a restart."""

import pytest

from domain import Capabilities, Model, Settings, Size, State
from providers.sketch import Sketch
from tests.bot.conftest import variables, world_of
from views.limits import LABEL_CHARACTERS, MAX_CHOICES, MESSAGE_CHARACTERS, VIEW_SECONDS
from views.panel import PAGE_EXPIRED
from views.settings.sections import SECTIONS


def option(shown, menu: str) -> list[dict]:
    return next(
        item["options"]
        for row in shown.response.components
        for item in row["components"]
        if item.get("custom_id") == f"settings:{menu}"
    )


def chosen(shown, menu: str) -> str:
    return next(each["label"] for each in option(shown, menu) if each.get("default"))


async def opened(world, section: str | None = None):
    """Open /settings, at its start page or at a section."""
    panel = await world.admin.slash(world.channel, "settings")
    if section:
        await world.admin.click(panel.response, label=f"{section}…")
    return panel


async def back(world, panel) -> None:
    await world.admin.click(panel.response, label="◀ all settings")


def is_marked(shown, menu: str) -> bool:
    return any(each.get("default") for each in option(shown, menu))


def fits(shown) -> bool:
    rows = [row["components"] for row in shown.response.components]
    options = [each for row in rows for item in row for each in item.get("options", [])]
    return (
        len(shown.response.content) <= MESSAGE_CHARACTERS
        and len(rows) <= 5
        and all(len(row) <= 5 for row in rows)
        and all(len(item.get("options", [])) <= MAX_CHOICES for row in rows for item in row)
        and all(len(each["label"]) <= LABEL_CHARACTERS and len(each["value"]) <= LABEL_CHARACTERS for each in options)
    )


def labels(shown) -> list[str]:
    return [item["label"] for row in shown.response.components for item in row["components"] if "label" in item]


async def test_choices_are_saved_at_once_and_shown(world):
    panel = await opened(world)
    assert panel.ephemeral
    assert "Model: **Oil painting** · the provider's default" in panel.response.content
    await world.admin.click(panel.response, label="Provider, model, size…")
    place = next(each["value"] for each in option(panel, "model") if each["label"] == "Ink drawing")
    await world.admin.select(panel.response, [place], custom_id="settings:model")
    await world.admin.select(panel.response, ["1024x576"], custom_id="settings:size")
    assert await world.bot._store.settings.get(world.guild.id) == Settings(
        provider="sketch", model="ink", size=Size(1024, 576)
    )
    assert "Model: **Ink drawing** · chosen by this server" in panel.response.content
    assert chosen(panel, "provider") == "Sketch (offline)"
    assert chosen(panel, "model") == "Ink drawing"
    assert chosen(panel, "size") == "wide 16:9 · 1024x576"


async def test_members_draw_with_the_servers_defaults_after_a_restart(tmp_path):
    values = variables(tmp_path, [])
    async with world_of(values, []) as world:
        panel = await opened(world, "Provider, model, size")
        place = next(each["value"] for each in option(panel, "model") if each["label"] == "Pixel art")
        await world.admin.select(panel.response, [place], custom_id="settings:model")
        await world.admin.select(panel.response, ["512x512"], custom_id="settings:size")
        await back(world, panel)
        await world.admin.click(panel.response, label="Members' pictures…")
        await world.admin.click(panel.response, label="Private by default: off")
    async with world_of(values, []) as world:
        shown, job = await world.imagine(prompt="a castle")
        assert (job.state, job.model, job.request.size) == (State.DELIVERED, "pixel", (512, 512))
        assert shown.ephemeral


async def test_a_model_that_is_gone_is_shown_as_gone(world):
    await world.bot._store.settings.set(world.guild.id, Settings(provider="sketch", model="ended"))
    content = (await opened(world)).response.content
    assert "Model: **Oil painting** · the provider's default" in content
    assert "this server chose is not on offer now" in content


async def test_back_to_the_bots_default(world):
    await world.bot._store.settings.set(world.guild.id, Settings(provider="sketch", model="ink"))
    panel = await opened(world, "Provider, model, size")
    await world.admin.select(panel.response, ["default"], custom_id="settings:model")
    assert (await world.bot._store.settings.get(world.guild.id)).model is None


async def test_switches_are_there_where_the_model_has_them(hosted):
    panel = await opened(hosted)
    await hosted.admin.select(panel.response, ["popcord"], custom_id="settings:provider")
    await hosted.admin.click(panel.response, label="Members' pictures…")
    assert "Safety checker: on" not in labels(panel)
    assert "does not have: Safety checker, Refiner." in panel.response.content
    await back(hosted, panel)
    await hosted.admin.select(panel.response, ["imagepipeline"], custom_id="settings:provider")
    await hosted.admin.click(panel.response, label="Members' pictures…")
    await hosted.admin.click(panel.response, label="Safety checker: on")
    await hosted.admin.click(panel.response, label="Refiner: off")
    _, job = await hosted.imagine(prompt="a cat")
    assert (job.provider, job.request.safety_checker, job.request.refiner) == ("imagepipeline", False, True)
    (submit,) = [call.json for call in hosted.replays["imagepipeline"].requests if call.method == "POST"]
    assert (submit["safety_checker"], submit["refiner"]) == (False, True)


async def test_a_default_size_that_does_not_fit_is_fitted_and_noted(hosted):
    await hosted.bot._store.settings.set(hosted.guild.id, Settings(provider="popcord", size=Size(1024, 576)))
    shown, job = await hosted.imagine(prompt="a cat", model="poli")
    assert job.request.size == (1024, 1024)
    assert "does not take the server's 1024x576" in shown.response.content


async def test_a_disabled_default_provider_is_replaced_by_the_bots_default(world):
    await world.bot._store.settings.set(world.guild.id, Settings(provider="popcord", model="flux"))
    _, job = await world.imagine(prompt="a cat", size="64x64", steps=1)
    assert job.provider == "sketch"
    panel = await opened(world)
    assert "This server chose `popcord`, which the bot's host has switched off" in panel.response.content


async def test_the_panel_refuses_clicks_after_the_right_is_revoked(world):
    panel = await opened(world, "Members' pictures")
    world.env.backend.get_guild(world.guild.id).members[world.admin.id].role_ids.clear()
    clicked = await world.admin.click(panel.response, label="Private by default: off")
    assert "who may manage this server" in clicked.response.content
    assert await world.bot._store.settings.get(world.guild.id) == Settings()


async def test_a_member_without_the_right_is_refused_even_if_discord_shows_the_command(world):
    visible = world.env.backend.visible_commands(user_id=world.admin.id, channel_id=world.channel.id)
    (command,) = [each for each in visible if each["name"] == "settings"]
    world.guild.set_command_permissions(int(command["id"]), {world.member: True})
    shown = await world.member.slash(world.channel, "settings")
    assert shown.ephemeral
    assert shown.response.content == "Only those who may manage this server can do that."


def offer(monkeypatch, models: list[Model]) -> None:
    async def offered(_) -> list[Model]:
        return models

    monkeypatch.setattr(Sketch, "models", offered)


async def test_models_beyond_a_menu_are_on_further_pages(world, monkeypatch):
    offer(monkeypatch, [Model(id=f"m{n}", title=f"Model {n}") for n in range(60)])
    panel = await opened(world, "Provider, model, size")
    assert len(option(panel, "model")) == 25
    for _ in range(2):
        await world.admin.click(panel.response, label="models ▶")
    assert [each["label"] for each in option(panel, "model")][1:] == [f"Model {n}" for n in range(48, 60)]
    place = next(each["value"] for each in option(panel, "model") if each["label"] == "Model 59")
    await world.admin.select(panel.response, [place], custom_id="settings:model")
    assert (await world.bot._store.settings.get(world.guild.id)).model == "m59"
    assert chosen(panel, "model") == "Model 59"
    await world.admin.click(panel.response, label="◀ models")
    assert [each["label"] for each in option(panel, "model")][1:] == [f"Model {n}" for n in range(24, 48)]
    assert not is_marked(panel, "model")


async def test_the_default_can_be_restored_when_the_choice_is_disabled(world):
    await world.bot._store.settings.set(world.guild.id, Settings(provider="popcord"))
    panel = await opened(world)
    assert not is_marked(panel, "provider")
    await world.admin.select(panel.response, ["default"], custom_id="settings:provider")
    assert await world.bot._store.settings.get(world.guild.id) == Settings()
    assert "switched off" not in panel.response.content


async def test_every_page_keeps_within_what_discord_takes(world, monkeypatch):
    takes = Capabilities(sizes=tuple(Size(64 * n, 64) for n in range(1, 31)), refiner=True, safety_checker=True)
    offer(monkeypatch, [Model(id=f"m{n}", title=f"{n} {'*_' * 100}", capabilities=takes) for n in range(60)])
    long = Settings(provider="sketch", model="gone", size=Size(64, 64), chain=tuple(f"provider{n}" for n in range(40)))
    await world.bot._store.settings.set(world.guild.id, long)
    panel = await opened(world)
    assert fits(panel)
    for section in SECTIONS:
        await world.admin.click(panel.response, label=f"{section.title}…")
        assert section.title in panel.response.content
        assert fits(panel)
        await back(world, panel)


async def test_a_page_expires_some_time_after_its_last_click(world):
    panel = await opened(world, "Members' pictures")
    for label in ("Private by default: off", "Private by default: on", "Private by default: off"):
        await world.env.advance_time(VIEW_SECONDS - 60)
        await world.admin.click(panel.response, label=label)
    assert (await world.bot._store.settings.get(world.guild.id)).private
    await world.env.advance_time(VIEW_SECONDS + 60)
    told = await world.admin.click(panel.response, label="Private by default: on")
    assert told.ephemeral
    assert told.response.content == PAGE_EXPIRED
    assert (await world.bot._store.settings.get(world.guild.id)).private
    assert world.bot.persistent_views == []


@pytest.mark.parametrize(
    ("section", "menu", "value"),
    [
        (None, "settings:provider", "nobody"),
        ("Provider, model, size", "settings:size", "99999x99999"),
        ("Provider, model, size", "settings:model", "nothing"),
        ("Fallback providers", "settings:chain:add", "nobody"),
    ],
)
async def test_a_value_that_a_menu_does_not_offer_is_refused(world, section, menu, value):
    panel = await opened(world, section)
    before = await world.bot._store.settings.get(world.guild.id)
    stored = world.env.backend.get_message(world.channel.id, panel.response.id)
    forged = next(each for row in stored.components for each in row["components"] if each["custom_id"] == menu)
    forged["options"].append({"label": "forged", "value": value})
    clicked = await world.admin.select(panel.response, [value], custom_id=menu)
    told = [each.content for each in (clicked.response, *clicked.followups) if each]
    assert PAGE_EXPIRED in told
    assert await world.bot._store.settings.get(world.guild.id) == before
