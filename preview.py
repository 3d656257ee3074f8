"""The offline preview: the bot on a simulated Discord, as a page in the browser."""

import asyncio
import logging
import os
import sys
import tempfile
import webbrowser
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import discord
import simcord
from pydantic import SecretStr
from simcord.preview import Preview

from config import Config, ConfigError
from domain import Job
from providers.sketch import SketchSettings

log = logging.getLogger(__name__)

PREVIEW_PORT = 8765
SERVER, CHANNEL = "The Easel Arms", "pictures"
SETTLE_SECONDS = 1.0
"""simcord shows a click's result once no timer is due within this time; the shortest heartbeat is every ten."""
REFRESH_RETRY_SECONDS = 0.05
"""Between attempts to redraw the page while a click is being handled."""


OnJob = Callable[[Job], None]
OpenBot = Callable[[Config, OnJob, OnJob], AbstractAsyncContextManager[Any]]


async def show(config: Config, open_bot: OpenBot) -> None:
    """Serve the page until it is closed there, or until cancelled."""
    with tempfile.TemporaryDirectory(prefix="easel-preview-", ignore_cleanup_errors=True) as folder:
        async with AsyncExitStack() as stack:
            changed = asyncio.Event()

            def on_job(_: Job) -> None:
                changed.set()

            bot = await stack.enter_async_context(open_bot(_offline(config, Path(folder)), on_job, on_job))
            env = simcord.Env(bot, settle_timeout=SETTLE_SECONDS, check_errors=False)
            await env.start()
            stack.push_async_callback(env.shutdown)
            # After env.start and in this task, or jobs would not run on the real clock and the simulated Discord.
            await bot.studio.start()
            page = await _opened_page(stack, env)
            refreshing = asyncio.create_task(_refresh(page, changed))
            stack.callback(refreshing.cancel)
            _announce(page.url)
            await page.wait_closed()


def _offline(config: Config, folder: Path) -> Config:
    """The config with a temporary data folder, as simulated ids repeat; only Sketch unless PREVIEW_PROVIDERS is on."""
    providers = config.providers if config.preview_providers else {"sketch": SketchSettings()}
    kept = {"data_dir": folder, "database_url": SecretStr(f"sqlite:///{folder / 'easel.db'}"), "spool_url": None}
    default = config.default_provider if config.preview_providers else None
    alone = {"shard_count": 1, "shard_ids": None, "metrics_port": None}
    return config.model_copy(update={**kept, **alone, "providers": providers, "default_provider": default})


async def _opened_page(stack: AsyncExitStack, env: simcord.Env) -> Preview:
    try:
        return await stack.enter_async_context(_page(env))
    except simcord.SetupError:
        raise ConfigError(f"Port {PREVIEW_PORT} is in use: is another preview open?") from None


def _page(env: simcord.Env) -> Preview:
    """A server with one channel, seen by an admin and by a guest."""
    _set_looks(env)
    guild = env.create_guild(SERVER)
    channel = guild.create_text_channel(CHANNEL, topic="Type /imagine")
    manager = guild.create_role("Admin", permissions=discord.Permissions(manage_guild=True, manage_messages=True))
    admin = guild.add_member(env.create_user("admin"), roles=[manager])
    guest = guild.add_member(env.create_user("guest"))
    return env.preview(channel, viewers=[admin, guest], layout="channel", port=PREVIEW_PORT)


def _set_looks(env: simcord.Env) -> None:
    """Set today's date and the bot's name on the page; best effort, as both are private attributes of simcord."""
    try:
        env.backend.clock._epoch = datetime.now(UTC)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        env.backend.bot_user.name = "Easel"
    except AttributeError:
        log.debug("the page shows simcord's own date and name")


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
