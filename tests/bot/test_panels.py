# pyright: basic, reportOptionalMemberAccess=false, reportArgumentType=false
"""Pages with menus: a current page handles clicks, an expired one says that it has expired."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, NamedTuple

import pytest

from providers.sketch import Sketch
from tests.bot.conftest import World
from views.limits import VIEW_SECONDS
from views.panel import PAGE_EXPIRED


class Script(NamedTuple):
    """How to open a page, and a click on it."""

    open: Callable[[World], Awaitable[Any]]
    click: Callable[[World, Any], Awaitable[Any]]


def opens(command: str, section: str | None = None) -> Callable[[World], Awaitable[Any]]:
    async def opened(world: World) -> Any:
        panel = await world.admin.slash(world.channel, command)
        if section:
            await world.admin.click(panel.response, label=section)
        return panel

    return opened


def chooses(menu: str, value: str) -> Callable[[World, Any], Awaitable[Any]]:
    return lambda world, page: world.admin.select(page.response, [value], custom_id=menu)


def presses(label: str) -> Callable[[World, Any], Awaitable[Any]]:
    return lambda world, page: world.admin.click(page.response, label=label)


async def cancels(world: World, page: Any) -> Any:
    (job,) = await world.bot.studio.jobs.under_way(guild_id=world.guild.id)
    return await world.admin.select(page.response, [job.id], custom_id="queue:cancel")


SCRIPTS = {
    "settings": Script(opens("settings"), chooses("settings:provider", "sketch")),
    "drawing": Script(opens("settings", "Provider, model, size…"), chooses("settings:size", "512x512")),
    "fallback": Script(opens("settings", "Fallback providers…"), chooses("settings:chain:add", "sketch")),
    "pictures": Script(opens("settings", "Members' pictures…"), presses("Private by default: off")),
    "providers": Script(opens("providers"), chooses("providers:pick", "sketch")),
    "queue": Script(opens("queue"), cancels),
    "privacy": Script(opens("privacy"), presses("Delete what is stored about me")),
}
each_page = pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)


@pytest.fixture
async def busy(world, monkeypatch) -> AsyncGenerator[World]:
    """With a job being drawn, so that every page has something to click."""
    begun, end = asyncio.Event(), asyncio.Event()
    generate = Sketch.generate

    async def wait(*about):
        begun.set()
        await end.wait()
        return await generate(*about)

    monkeypatch.setattr(Sketch, "generate", wait)
    await world.admin.slash(world.channel, "imagine", prompt="a boat", size="64x64", steps=1)
    await begun.wait()
    yield world
    end.set()
    await world.end()


def said(clicked: Any) -> list[str]:
    return [each.content for each in (clicked.response, *clicked.followups) if each]


@each_page
async def test_a_click_on_a_current_page_is_not_answered_as_expired(busy, script):
    assert PAGE_EXPIRED not in said(await script.click(busy, await script.open(busy)))


@each_page
async def test_a_click_on_an_expired_page_says_so(busy, script):
    page = await script.open(busy)
    await busy.env.advance_time(VIEW_SECONDS + 60)
    assert said(await script.click(busy, page)) == [PAGE_EXPIRED]


async def test_old_views_of_a_page_are_freed(world):
    page = await world.admin.slash(world.channel, "providers")
    await chooses("providers:pick", "sketch")(world, page)
    await presses("◀ all providers")(world, page)
    await world.env.advance_time(VIEW_SECONDS + 60)
    assert world.bot.persistent_views == []
