"""Easel's two kinds of Discord client: the bot behind the gateway, and the worker without one."""

import hashlib
import json
import logging
from collections.abc import Callable

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands
from discord.voice_client import VoiceClient

from cogs.imagine import Imagine
from cogs.info import Info
from cogs.queue import Queue
from cogs.recover import Recover
from cogs.settings import SettingsCog
from config import Config
from storage.store import Store
from studio.studio import Studio
from views.buttons import card_buttons
from views.desk import Desk
from views.origins import Interaction
from views.panels import answer_unheard
from views.reporter import report

log = logging.getLogger("easel")


class Tree(app_commands.CommandTree["Easel"]):
    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError, /) -> None:  # type: ignore[override]
        await report(interaction, error)


class Easel(commands.AutoShardedBot):
    """The Discord side: commands, buttons, and the clean-up behind a server that has left."""

    def __init__(
        self,
        config: Config,
        store: Store,
        studio: Callable[[discord.Client], Studio],
        trace: aiohttp.TraceConfig | None,
        upload_hosts: frozenset[str],
    ) -> None:
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=Tree,
            intents=_intents(),
            max_messages=None,
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
            allowed_mentions=discord.AllowedMentions.none(),
            shard_count=config.shard_count,
            shard_ids=list(config.shard_ids) if config.shard_ids else None,  # type: ignore[arg-type]
            http_trace=trace,  # type: ignore[arg-type] # None is its default, whatever its types say
        )
        self._store = store
        self.studio = studio(self)
        self._desk = Desk(self.studio, store.settings, upload_hosts)

    async def setup_hook(self) -> None:
        await self.add_cog(Imagine(self._desk, self.tree))
        await self.add_cog(Recover(self.studio))
        await self.add_cog(Queue(self.studio))
        await self.add_cog(Info(self.studio, self._store.settings))
        await self.add_cog(SettingsCog(self._store.settings, self.studio.planner))
        self.add_dynamic_items(card_buttons(self._desk))
        await self._sync()

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

    async def _sync(self) -> None:
        """Tell Discord the commands, only when they have changed: it counts, and limits, how often."""
        commands = sorted((command.to_dict(self.tree) for command in self.tree.get_commands()), key=lambda c: c["name"])
        digest = hashlib.sha256(json.dumps(commands, sort_keys=True).encode()).hexdigest()
        key = f"commands:{self.application_id}"
        if await self._store.meta.get(key) == digest:
            log.info("commands: unchanged")
            return
        await self.tree.sync()
        await self._store.meta.set(key, digest)
        log.info("commands: %d told to Discord", len(commands))


class Worker(discord.Client):
    """Draws and delivers; what members type and press reaches the processes with a gateway."""

    def __init__(self, studio: Callable[[discord.Client], Studio], trace: aiohttp.TraceConfig | None) -> None:
        super().__init__(
            intents=_intents(),
            max_messages=None,
            allowed_mentions=discord.AllowedMentions.none(),
            http_trace=trace,  # type: ignore[arg-type] # None is its default, whatever its types say
        )
        self.studio = studio(self)


def _intents() -> discord.Intents:
    VoiceClient.warn_nacl = VoiceClient.warn_dave = False  # a bot of pictures misses no voice
    intents = discord.Intents.none()
    intents.guilds = True
    return intents
