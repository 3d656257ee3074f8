"""Easel's two Discord clients: the bot, with a gateway connection, and the worker, without one."""

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
from cogs.option_check import accepts_options
from cogs.queue import Queue
from cogs.recover import Recover
from cogs.settings import SettingsCog
from config import Config
from storage.store import Store
from studio.studio import Studio
from syncing import CommandSync
from views.buttons import card_buttons
from views.interactions import ATTEMPTS, Attempts, Interaction
from views.panel import answer_expired_page
from views.reporter import is_real_autocomplete_error, report_error
from views.requests import DiscordRequests
from views.wording.text import say_count

log = logging.getLogger("easel")

IN_ONE_SERVER, IN_SERVERS = "in {count} server", "in {count} servers"
INTERACTION_EVENT = "INTERACTION_CREATE"
SYNC_SECONDS = 10.0
"""Longest wait at startup for the commands to be registered."""
MAX_RATE_LIMIT_SECONDS = 60.0
"""Longest rate limit, in seconds, that discord.py waits out; a longer one is raised."""


class Tree(app_commands.CommandTree["Easel"]):
    async def interaction_check(self, interaction: Interaction, /) -> bool:  # type: ignore[override]
        """CommandSignatureMismatch if Discord still shows another version of the command."""
        command, data = interaction.command, cast("Mapping[str, Any]", interaction.data or {})
        if isinstance(command, app_commands.Command) and not accepts_options(command, data.get("options", ())):
            raise app_commands.CommandSignatureMismatch(command)
        return True

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError, /) -> None:  # type: ignore[override]
        await report_error(interaction, error)


class Easel(commands.AutoShardedBot):
    """The bot: commands, buttons, and deletion of a server's data when the bot leaves it."""

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
            max_ratelimit_timeout=MAX_RATE_LIMIT_SECONDS,
        )
        self._store = store
        self.studio = studio(self)
        _skip_unreadable_events(self._connection.parsers, self.studio.timing.now)
        self._syncing: asyncio.Task[None] | None = None
        self.requests = DiscordRequests(self.studio.intake, upload_hosts)

    async def setup_hook(self) -> None:
        jobs, catalogue, settings = self.studio.jobs, self.studio.catalogue, self._store.settings
        await self.add_cog(Imagine(self.requests, catalogue, settings, self.tree))
        await self.add_cog(Recover(jobs))
        await self.add_cog(Queue(jobs, catalogue))
        await self.add_cog(Info(jobs, catalogue, settings))
        await self.add_cog(SettingsCog(settings, catalogue))
        self.add_dynamic_items(card_buttons(self.requests, jobs))
        logging.getLogger("discord.app_commands.tree").addFilter(is_real_autocomplete_error)
        await self._sync_commands()

    async def on_ready(self) -> None:
        log.info("on Discord as %s, %s", self.user, say_count(IN_ONE_SERVER, IN_SERVERS, len(self.guilds)))

    async def on_interaction(self, interaction: Interaction) -> None:
        """Called after the views' own handlers."""
        if interaction.type is discord.InteractionType.component:
            await answer_expired_page(interaction)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Discord does not send this for a temporary outage of a server."""
        for job in await self.studio.jobs.under_way(guild_id=guild.id):
            await self.studio.jobs.cancel(job.id)
        count = await self.studio.jobs.delete_finished(guild_id=guild.id)
        await self._store.settings.delete(guild.id)
        log.info("left server %s, %d of its jobs deleted", guild.id, count)

    async def close(self) -> None:
        if self._syncing:
            self._syncing.cancel()
            await asyncio.wait({self._syncing})
        await super().close()

    async def _sync_commands(self) -> None:
        """Start the sync, which retries in the background, and wait SYNC_SECONDS at most for its first attempt."""
        sync = CommandSync(self.tree, self._store.meta)
        self._syncing = asyncio.create_task(sync.run())
        with suppress(TimeoutError):
            async with asyncio.timeout(SYNC_SECONDS):
                await sync.first_attempt_done.wait()


class Worker(discord.Client):
    """Draws and delivers only; interactions reach the processes that have a gateway connection."""

    def __init__(self, studio: Callable[[discord.Client], Studio], trace: aiohttp.TraceConfig) -> None:
        super().__init__(
            intents=_intents(),
            max_messages=None,
            allowed_mentions=discord.AllowedMentions.none(),
            http_trace=trace,
            max_ratelimit_timeout=MAX_RATE_LIMIT_SECONDS,
        )
        self.studio = studio(self)


def _intents() -> discord.Intents:
    VoiceClient.warn_nacl = VoiceClient.warn_dave = False  # the bot uses no voice
    intents = discord.Intents.none()
    intents.guilds = True
    return intents


def _skip_unreadable_events(parsers: dict[str, Callable[[Any], None]], now: Callable[[], datetime]) -> None:
    """Log and skip gateway events that discord.py cannot parse, as one would end the process.

    parsers: discord.py's private table, which all shards use. now: Discord's time.
    """

    def guarded(event: str, parse: Callable[[Any], None]) -> Callable[[Any], None]:
        def parsed(data: Any) -> None:
            try:
                # The tasks that the interaction starts inherit its record of acknowledgements.
                ATTEMPTS.set(Attempts(int(data["id"]), now) if event == INTERACTION_EVENT else None)
                parse(data)
            except Exception:  # an edge: discord.py would end the process
                log.exception("gateway: unreadable event skipped, %s", event)

        return parsed

    parsers.update({event: guarded(event, parse) for event, parse in parsers.items()})
