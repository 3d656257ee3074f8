# pyright: basic, reportOptionalMemberAccess=false, reportReturnType=false
"""Pages with menus: Discord refuses a redraw, or is slow with it while the member clicks again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest

from tests.discord_server import MANAGE_SERVER, Message, Sent, held, is_callback, is_edit
from tests.discord_server.wire import json_answer
from tests.faults.world import World, prompt_of
from views.reporter import REDRAW_REFUSED

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMPONENT, UPDATE = 3, 7
Click = Callable[[World, Message], Awaitable[str]]


class Script(NamedTuple):
    """A page, two clicks on it, and its text after both."""

    open: Callable[[World], Awaitable[Message]]
    first: Click
    second: Click
    proof: Callable[[Message], object]


def refuses(status: int, code: int):
    async def action(answer):
        return json_answer({"message": "canary", "code": code}, status)

    return action


def is_redraw(sent: Sent) -> bool:
    return is_edit(sent) or (is_callback(sent) and sent.json["type"] == UPDATE)


def is_for_a_click(world: World) -> Callable[[Sent], object]:
    """Whether the edit is a redraw after a click: other edits have the tokens of commands."""
    made = world.discord.interactions.values()
    return lambda sent: (
        is_redraw(sent) and any(each.payload["type"] == COMPONENT and each.token in sent.path for each in made)
    )


def clicks(label: str) -> Click:
    return lambda world, page: world.discord.click(page, label, rights=MANAGE_SERVER)


def chooses(menu: str, value: str) -> Click:
    return lambda world, page: world.discord.choose(page, menu, value, rights=MANAGE_SERVER)


def chooses_model(title: str) -> Click:
    async def choose(world: World, page: Message) -> str:
        value = next(each["value"] for each in model_menu(page)["options"] if each["label"] == title)
        return await chooses("settings:model", value)(world, page)

    return choose


def model_menu(page: Message) -> dict[str, Any]:
    menus = [row["components"][0] for row in page.components]
    return next(menu for menu in menus if menu["custom_id"] == "settings:model")


async def page_of(world: World, token: str) -> Message:
    return await world.discord.until(lambda: world.discord.said(token))


async def done(world: World, page: Message, click: Click) -> None:
    """Click, and wait until the page has been redrawn."""
    token = await click(world, page)  # other edits, such as a job's progress, have other tokens
    await world.discord.until(
        lambda: any(is_redraw(each) and token in each.path and each.answered for each in world.discord.requests)
    )


async def settings(world: World) -> Message:
    """The start page of /settings, where the offline provider draws."""
    page = await page_of(world, await world.discord.slash("settings", rights=MANAGE_SERVER))
    await done(world, page, chooses("settings:provider", "sketch"))
    return page


def section(title: str) -> Callable[[World], Awaitable[Message]]:
    async def opened(world: World) -> Message:
        page = await settings(world)
        await done(world, page, clicks(title))
        return page

    return opened


drawing = section("Who draws…")


async def pictures(world: World) -> Message:
    page = await section("Members' pictures…")(world)
    if not off(page):
        await done(world, page, clicks("Private by default: on"))
    return page


def off(page: Message) -> bool:
    return "Private by default: off" in page.buttons


async def fallback(world: World) -> Message:
    page = await section("Who takes over…")(world)
    if page.content.count("\n1. "):
        await done(world, page, clicks("Remove all"))
    return page


async def providers(world: World) -> Message:
    return await page_of(world, await world.discord.slash("providers"))


async def privacy(world: World) -> Message:
    return await page_of(world, await world.discord.slash("privacy"))


async def queue(world: World) -> Message:
    """The queue page of a member with two drawings that are held."""
    world.hold(lambda call: prompt_of(call).startswith("a slow"))
    await world.imagine("a slow cat")
    await world.imagine("a slow dog")
    await world.until(lambda: len(world.rows("state in ('queued', 'sending', 'waiting')")) == 2)
    return await page_of(world, await world.discord.slash("queue"))


async def cancels(world: World, page: Message) -> str:
    """Cancel the first job in the menu, or the second if the first is being cancelled."""
    ids = [option["value"] for row in page.components for option in row["components"][0]["options"]]
    waiting = {row.id for row in world.rows("state in ('queued', 'sending', 'waiting') AND NOT cancelled")}
    return await chooses("queue:cancel", next(id for id in ids if id in waiting))(world, page)


SCRIPTS = {
    "settings": Script(
        pictures,
        clicks("Private by default: off"),
        clicks("◀ all settings"),
        lambda page: "Private by default: **on**" in page.content and "Who draws…" in page.buttons,
    ),
    "drawing": Script(
        drawing,
        chooses_model("Ink drawing"),
        chooses("settings:size", "512x512"),
        lambda page: "Ink drawing** · chosen" in page.content and "512x512** · chosen" in page.content,
    ),
    "fallback": Script(
        fallback,
        chooses("settings:chain:add", "sketch"),
        chooses("settings:chain:add", "popcord"),
        lambda page: "1. Sketch (offline)\n2. PopCord" in page.content,
    ),
    "providers": Script(
        providers,
        chooses("providers:pick", "sketch"),
        chooses("providers:pick", "popcord"),
        lambda page: page.content.startswith("🟢 **PopCord**") and "◀ all providers" in page.buttons,
    ),
    "queue": Script(queue, cancels, cancels, lambda page: "Nothing is being drawn" in page.content),
    "privacy": Script(
        privacy,
        clicks("Delete what is stored about me"),
        clicks("Delete what is stored about me"),
        lambda page: page.content.startswith("Deleted: ") and not page.components,
    ),
}
each_page = pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)


@each_page
@pytest.mark.parametrize("refusal", [(400, 50035), (404, 10008)], ids=["50035", "10008"])
async def test_a_page_whose_redraw_is_refused_says_so_and_still_works(running, script, refusal):
    page = await script.open(running)
    refused = running.discord.fault(is_for_a_click(running), refuses(*refusal))
    token = await script.first(running, page)
    await running.discord.until(lambda: any(each.content == REDRAW_REFUSED for each in _answers(running, token)))
    assert refused.hits == 1
    await script.second(running, page)
    await running.discord.until(lambda: script.proof(page))


@each_page
async def test_a_click_during_a_redraw_is_not_lost(running, script):
    page = await script.open(running)
    let_go = asyncio.Event()
    slow = running.discord.fault(is_for_a_click(running), held(let_go))
    await script.first(running, page)
    await running.discord.until(lambda: slow.hits)
    second = running.discord.interactions[await script.second(running, page)]
    await running.discord.until(lambda: second.answered)
    let_go.set()
    await running.discord.until(lambda: script.proof(page))


async def test_a_click_on_a_page_that_discord_shows_already_is_not_lost(running):
    """The click overtakes the answer to the request that redrew the page."""
    page = await settings(running)
    let_go = asyncio.Event()
    slow = running.discord.fault(is_for_a_click(running), held(let_go, taken=True))
    await clicks("Members' pictures…")(running, page)
    await running.discord.until(lambda: slow.hits and "◀ all settings" in page.buttons)
    second = running.discord.interactions[await clicks("◀ all settings")(running, page)]
    await running.discord.until(lambda: second.answered)
    let_go.set()
    await running.discord.until(lambda: "Who draws…" in page.buttons)


async def test_concurrent_changes_of_two_admins_are_both_kept(running):
    one, two = await pictures(running), await drawing(running)
    await asyncio.gather(
        clicks("Private by default: off")(running, one), chooses("settings:size", "768x768")(running, two)
    )
    await running.discord.until(lambda: not off(one) and "768x768** · chosen" in two.content)
    after = await page_of(running, await running.discord.slash("settings", rights=MANAGE_SERVER))
    assert "Private by default: **on**" in after.content
    assert "768x768** · chosen" in after.content


@pytest.mark.asyncio(loop_scope="function")
async def test_a_page_from_before_a_restart_says_that_it_has_expired(world):
    await world.start()
    page = await providers(world)
    await world.stop()
    await world.start()
    token = await chooses("providers:pick", "sketch")(world, page)
    told = await world.discord.until(lambda: world.discord.said(token))
    assert told.content.startswith("This page has changed or is too old")
    assert told.private


def _answers(world: World, token: str) -> list[Message]:
    return [each for each in world.discord.private() if each.cause.token == token]


async def test_a_model_chosen_in_an_outdated_menu_is_not_mistaken_for_another(running):
    page = await drawing(running)
    menu = model_menu(page)
    await done(running, page, chooses("settings:provider", "popcord"))
    shown = page.content
    await done(running, page, chooses("settings:model", menu["options"][2]["value"]))
    assert page.content == shown
