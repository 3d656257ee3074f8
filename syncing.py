"""Telling Discord the bot's commands: only when something has changed, for it counts, and limits, how often."""

import asyncio
import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from itertools import chain, repeat
from typing import Any

import aiohttp
import discord
from discord import app_commands

from startup import pause_wanted
from storage.database import is_transient
from storage.meta import Meta

log = logging.getLogger("easel")

PAUSES = (60.0, 300.0, 900.0)
LAST_PAUSE = 3600.0
LONGEST_PAUSE = 86_400.0
"""However long Discord asks for."""
TOLD = 200
"""Characters of what Discord says against the commands that go into the log."""
REFUSALS = (discord.HTTPException, discord.RateLimited, aiohttp.ClientError, OSError)


class CommandSync:
    """Compares with what Discord has, too: another program with the same token may have replaced the commands."""

    def __init__(self, tree: app_commands.CommandTree[Any], meta: Meta) -> None:
        self._tree = tree
        self._meta = meta
        self._said = ""
        self.tried = asyncio.Event()
        """Set after the first try, whatever came of it."""

    async def run(self) -> None:
        """Until Discord has taken them; where it refuses, or anything else fails, the old ones serve meanwhile."""
        try:
            for pause in chain(PAUSES, repeat(LAST_PAUSE)):
                trouble = await self._trouble()
                self.tried.set()
                if trouble is None:
                    return
                wait = max(pause, min(pause_wanted(trouble), LONGEST_PAUSE))
                self._say(trouble, wait)
                await asyncio.sleep(wait)
        finally:
            self.tried.set()

    async def _trouble(self) -> Exception | None:
        try:
            await self._sync()
        except Exception as error:  # noqa: BLE001 - it is logged, and the bot works without
            return error
        return None

    def _say(self, trouble: Exception, wait: float) -> None:
        """Once, while it stays the same."""
        said, known = _told(trouble), isinstance(trouble, REFUSALS) or is_transient(trouble)
        if said != self._said:
            log.warning(
                "commands: %s; the old ones serve, next try in %.0f s", said, wait, exc_info=None if known else trouble
            )
        self._said = said

    async def _sync(self) -> None:
        ours = _digest([command.to_dict(self._tree) for command in self._tree.get_commands()], "name")
        key = f"commands:{self._tree.client.application_id}"
        if await self._meta.get(key) == f"{ours}:{await self._theirs()}":
            log.info("commands: unchanged")
            return
        told = await self._tree.sync()
        await self._meta.set(key, f"{ours}:{await self._theirs()}")
        log.info("commands: %d told to Discord", len(told))

    async def _theirs(self) -> str:
        """Which commands Discord has: each change by anybody gives one a new version."""
        client = self._tree.client
        known = await client.http.get_global_commands(client.application_id or 0)
        return _digest([{"id": each["id"], "version": each.get("version")} for each in known], "id")


def _digest(commands: Iterable[Mapping[str, Any]], key: str) -> str:
    listed = sorted(commands, key=lambda each: str(each[key]))
    return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()


def _told(trouble: Exception) -> str:
    if isinstance(trouble, discord.HTTPException):
        return f"Discord refuses them, {trouble.status}, {trouble.code}: {' '.join(trouble.text[:TOLD].split())}"
    return f"they cannot be told, {type(trouble).__name__}"
