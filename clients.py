"""Easel's two kinds of Discord client: the bot behind the gateway, and the worker without one."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, cast

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands
from discord.voice_client import VoiceClient

from cogs.imagine import Imagine
from cogs.info import Info
from cogs.outdated import fits
from cogs.queue import Queue
from cogs.recover import Recover
from cogs.settings import SettingsCog
from config import Config
from storage.store import Store
from studio.studio import Studio
from syncing import CommandSync
from views.acknowledging import TRIES, Tries
from views.buttons import card_buttons
from views.desk import Desk
from views.origins import Interaction
from views.panel import answer_unheard
from views.reporter import is_worth_a_traceback, report

log = logging.getLogger("easel")

INTERACTION = "INTERACTION_CREATE"
SYNC_SECONDS = 10.0
"""How long the start waits for the commands to be told."""
LONGEST_LIMIT = 60.0
"""Seconds that discord.py waits by itself where Discord wants a pause; a longer one is an error, and comes again."""


class Tree(app_commands.CommandTree["Easel"]):
    async def interaction_check(self, interaction: Interaction, /) -> bool:  # type: ignore[override]
        """CommandSignatureMismatch for a command of another version."""
        command, data = interaction.command, cast("Mapping[str, Any]", interaction.data or {})
        if isinstance(command, app_commands.Command) and not fits(command, data.get("options", ())):
            raise app_commands.CommandSignatureMismatch(command)
        return True

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError, /) -> None:  # type: ignore[override]
        await report(interaction, error)


class Easel(commands.AutoShardedBot):
    """The Discord side: commands, buttons, and the clean-up behind a server that has left."""

    def __init__(
        self,
        config: Config,
        store: Store,
        studio: Callable[[discord.Client], Studio],
        trace: aiohttp.TraceConfig,
        upload_hosts: frozenset[str],
    ) -> None:
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=Tree,
            allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False),
            intents=_intents(),
            max_messages=None,
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
            allowed_mentions=discord.AllowedMentions.none(),
            shard_count=config.shard_count,
            shard_ids=list(config.shard_ids) if config.shard_ids else None,  # type: ignore[arg-type]
            http_trace=trace,
            max_ratelimit_timeout=LONGEST_LIMIT,
        )
        self._store = store
        self.studio = studio(self)
        _guard(self._connection.parsers, self.studio.now)
        self._telling: asyncio.Task[None] | None = None
        self._desk = Desk(self.studio, store.settings, upload_hosts)

    async def setup_hook(self) -> None:
        await self.add_cog(Imagine(self._desk, self.tree))
        await self.add_cog(Recover(self.studio))
        await self.add_cog(Queue(self.studio))
        await self.add_cog(Info(self.studio, self._store.settings))
        await self.add_cog(SettingsCog(self._store.settings, self.studio.planner))
        self.add_dynamic_items(card_buttons(self._desk))
        logging.getLogger("discord.app_commands.tree").addFilter(is_worth_a_traceback)
        await self._tell_commands()

    async def on_ready(self) -> None:
        log.info("on Discord as %s, in %d servers", self.user, len(self.guilds))

    async def on_interaction(self, interaction: Interaction) -> None:
        """Comes after the views have had it."""
        if interaction.type is discord.InteractionType.component:
            await answer_unheard(interaction)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Not sent for a server that is only out of reach for a while."""
        for job in await self.studio.under_way(guild_id=guild.id):
            await self.studio.cancel(job.id)
        count = await self.studio.forget(guild_id=guild.id)
        await self._store.settings.forget(guild.id)
        log.info("left server %s, %d of its jobs deleted", guild.id, count)

    async def close(self) -> None:
        if self._telling:
            self._telling.cancel()
            await asyncio.wait({self._telling})
        await super().close()

    async def _tell_commands(self) -> None:
        """Goes on by itself where that takes its time, or fails."""
        sync = CommandSync(self.tree, self._store.meta)
        self._telling = asyncio.create_task(sync.run())
        with suppress(TimeoutError):
            async with asyncio.timeout(SYNC_SECONDS):
                await sync.tried.wait()


class Worker(discord.Client):
    """Draws and delivers; what members type and press reaches the processes with a gateway."""

    def __init__(self, studio: Callable[[discord.Client], Studio], trace: aiohttp.TraceConfig) -> None:
        super().__init__(
            intents=_intents(),
            max_messages=None,
            allowed_mentions=discord.AllowedMentions.none(),
            http_trace=trace,
            max_ratelimit_timeout=LONGEST_LIMIT,
        )
        self.studio = studio(self)


def _intents() -> discord.Intents:
    VoiceClient.warn_nacl = VoiceClient.warn_dave = False  # a bot of pictures misses no voice
    intents = discord.Intents.none()
    intents.guilds = True
    return intents


def _guard(parsers: dict[str, Callable[[Any], None]], now: Callable[[], datetime]) -> None:
    """Have what cannot be parsed logged and left out: discord.py would end the process for one such event.

    Its table of parsers is where all shards look them up; subclassing its state would take as much of its inside.
    now: Discord's time.
    """

    def guarded(event: str, parse: Callable[[Any], None]) -> Callable[[Any], None]:
        def parsed(data: Any) -> None:
            try:
                # The tasks that an interaction starts inherit what counts its answers.
                TRIES.set(Tries(int(data["id"]), now) if event == INTERACTION else None)
                parse(data)
            except Exception:
                log.exception("gateway: an event that cannot be read is left out, %s", event)

        return parsed

    parsers.update({event: guarded(event, parse) for event, parse in parsers.items()})
