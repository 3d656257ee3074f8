"""The offline preview: the bot on a simulated Discord, as a page in the browser."""

import asyncio
import os
import sys
import tempfile
import webbrowser
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, cast
from zlib import crc32

import discord
import simcord
from pydantic import BaseModel, SecretStr
from simcord.preview import Preview, _action_plans, _component_projection

from config import Config, ConfigError, sqlite_url
from domain import Job
from providers.sketch import SketchSettings
from views.greeting import Greeting, greeting

PREVIEW_PORT = 8765
SERVER, CHANNEL = "The Easel Arms", "pictures"
SETTLE_SECONDS = 2.0
"""simcord shows a click's result once no timer is due within this time; the shortest heartbeat is every ten."""
REFRESH_RETRY_SECONDS = 0.05
"""Between attempts to redraw the page while a click is being handled."""


OnJob = Callable[[Job], None]
KeyOf = Callable[..., str | None]
OpenBot = Callable[[Config, OnJob, OnJob], AbstractAsyncContextManager[Any]]


async def show(config: Config, open_bot: OpenBot) -> None:
    """Serve the page until it is closed there, or until cancelled."""
    _key_menus_by_what_they_show()
    with tempfile.TemporaryDirectory(prefix="easel-preview-", ignore_cleanup_errors=True) as folder:
        async with AsyncExitStack() as stack:
            changed = asyncio.Event()

            def on_job(_: Job) -> None:
                changed.set()

            bot = await stack.enter_async_context(open_bot(_offline(config, Path(folder)), on_job, on_job))
            env = simcord.Env(bot, settle_timeout=SETTLE_SECONDS, check_errors=False)
            env.backend.clock = _RealClock()  # pyright: ignore[reportAttributeAccessIssue] - its type is private
            await env.start()
            env.backend.bot_user.name = "Easel"
            stack.push_async_callback(env.shutdown)
            # After env.start and in this task, or jobs would not run on the real clock and the simulated Discord.
            await bot.studio.start()
            channel, viewers = _server(env)
            offered = bot.studio.catalogue.providers
            await bot.get_channel(channel.id).send(
                greeting(offered, own=config.preview_providers), view=Greeting(bot.requests, offered)
            )
            page = await _opened_page(stack, env.preview(channel, viewers=viewers, layout="channel", port=PREVIEW_PORT))
            refreshing = asyncio.create_task(_refresh(page, changed))
            stack.callback(refreshing.cancel)
            _announce(page.url)
            await page.wait_closed()


def _offline(config: Config, folder: Path) -> Config:
    """The config with a temporary data folder, as simulated ids repeat, and with the preview's providers."""
    kept = {"data_dir": folder, "database_url": SecretStr(sqlite_url(folder / "easel.db")), "spool_url": None}
    alone = {"shard_count": 1, "shard_ids": None, "metrics_port": None}
    own = {} if config.preview_providers else {"providers": _free(config), "default_provider": "sketch"}
    return config.model_copy(update={**kept, **alone, **own})


def _free(config: Config) -> dict[str, BaseModel]:
    """Sketch, and AI Horde unless AIHORDE=off."""
    horde = config.providers["aihorde"]
    if "enabled" not in horde.model_fields_set:
        horde = horde.model_copy(update={"enabled": True})
    return {"sketch": SketchSettings(), "aihorde": horde}


async def _opened_page(stack: AsyncExitStack, page: Preview) -> Preview:
    try:
        return await stack.enter_async_context(page)
    except simcord.SetupError:
        raise ConfigError(f"Port {PREVIEW_PORT} is in use: is another preview open?") from None


def _server(env: simcord.Env) -> tuple[simcord.ChannelHandle, list[simcord.MemberActor]]:
    """The channel of a new server, and the members as whom it can be seen: an admin and a guest."""
    guild = env.create_guild(SERVER)
    channel = guild.create_text_channel(CHANNEL, topic="Type /imagine")
    manager = guild.create_role("Admin", permissions=discord.Permissions(manage_guild=True, manage_messages=True))
    admin = guild.add_member(env.create_user("admin"), roles=[manager])
    return channel, [admin, guild.add_member(env.create_user("guest"))]


class _RealClock:
    """In place of simcord's, which moves only while a click is handled."""

    def __init__(self) -> None:
        self.elapsed = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def advance(self, seconds: float) -> None:
        """Called by simcord when it has waited for a timer."""
        self.elapsed += seconds


async def _refresh(page: Preview, changed: asyncio.Event) -> None:
    """Redraw the page when a job has changed, after any click that is being handled."""
    while True:
        await changed.wait()
        try:
            await page.refresh()
            changed.clear()
        except (simcord.SetupError, TimeoutError):
            await asyncio.sleep(REFRESH_RETRY_SECONDS)


def _announce(url: str) -> None:
    print(f"Easel's preview: {url}\nPress Ctrl-C to end it.", flush=True)  # noqa: T201
    screen = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if screen:
        webbrowser.open(url)


def _key_menus_by_what_they_show() -> None:
    """Let the page forget a member's choice in a menu when the message marks something else.

    simcord keeps choices by the place of a menu, whose key is made in two functions: for the page, and of its answers.
    """
    for module, name in ((_component_projection, "_control_key"), (_action_plans, "_component_key")):
        key_of = cast("KeyOf", getattr(module, name))
        if not hasattr(key_of, "__wrapped__"):
            setattr(module, name, _with_options(key_of))


def _with_options(key_of: KeyOf) -> KeyOf:
    @wraps(key_of)
    def key(*about: Any) -> str | None:
        plain = key_of(*about)
        options: list[Mapping[str, Any]] = (
            next(each for each in about if not isinstance(each, (str, int))).get("options") or []
        )
        shown = [(each.get("value"), bool(each.get("default"))) for each in options]
        return f"{plain}-{crc32(repr(shown).encode()):x}" if plain and shown else plain

    return key
