# pyright: basic
"""Validates every body that the bot sends against Discord's published specification, if a copy is available."""

import importlib.util

import pytest

from tests.bot.conftest import World, png
from tests.conftest import ROOT
from views.settings.sections import SECTIONS

VALIDATOR = ROOT.parent / "shared" / "reference" / "validate_discord.py"
pytestmark = pytest.mark.skipif(not VALIDATOR.exists(), reason="no validator beside the repository")
SMALL = {"size": "64x64", "steps": 1}


@pytest.fixture(scope="module")
def problems():
    spec = importlib.util.spec_from_file_location("validate_discord", VALIDATOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.problems


def found(world: World, problems) -> dict[str, list[str]]:
    """What Discord would refuse, by request; at least one request had a body."""
    bodies = [each for each in world.env.http_requests if each.json is not None]
    assert bodies
    told = {f"{each.method} {each.path}": problems(each.method, each.path, each.json) for each in bodies}
    return {request: said for request, said in told.items() if said}


async def test_commands_and_pages(world, problems):
    for command in ("help", "privacy", "recover"):
        await world.member.slash(world.channel, command)
    page = await world.member.slash(world.channel, "providers")
    await world.member.select(page.response, ["sketch"], custom_id="providers:pick")
    assert any(each.path.endswith("/commands") for each in world.env.http_requests)
    assert found(world, problems) == {}


async def test_pictures_and_buttons(world, problems):
    shown, _ = await world.imagine(prompt="a boat " * 500, count=4, **SMALL)
    await world.imagine(prompt="a boat", image=("a.png", png()), private=True, **SMALL)
    await world.member.click(shown.response, label="Again")
    await world.end()
    await world.member.click(shown.response, label="Delete")
    await world.refused(prompt="x", steps=400)
    assert found(world, problems) == {}


async def test_every_page_of_the_settings(hosted, problems):
    panel = await hosted.admin.slash(hosted.channel, "settings")
    for provider in ("nebulablock", "popcord", "imagepipeline"):
        await hosted.admin.select(panel.response, [provider], custom_id="settings:provider")
        for section in SECTIONS:
            await hosted.admin.click(panel.response, label=f"{section.title}…")
            await hosted.admin.click(panel.response, label="◀ all settings")
    await hosted.admin.click(panel.response, label="Members' pictures…")
    await hosted.admin.click(panel.response, label="Refiner: off")
    assert found(hosted, problems) == {}


async def test_failures_and_links(hosted, problems):
    for case in ("F04", "picture-F04"):
        await hosted.imagine(prompt=f"a cat case:{case}", provider="popcord")
    assert found(hosted, problems) == {}


async def test_suggestions(hosted, problems):
    for option in ("model", "size", "scheduler"):
        await hosted.member.autocomplete(hosted.channel, "imagine", option, "", provider="imagepipeline")
    assert found(hosted, problems) == {}
