"""Registers the bot's commands with Discord, only when they have changed, as registering is rate-limited."""

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

from storage.database import is_transient
from storage.meta import Meta
from views.discord_errors import retry_after

log = logging.getLogger("easel")

SYNC_BACKOFF = (60.0, 300.0, 900.0)
LAST_SYNC_PAUSE = 3600.0
LONGEST_SYNC_PAUSE = 86_400.0
"""Cap in seconds on the pause that Discord asks for."""
LOGGED_ANSWER_CHARACTERS = 200
"""Of Discord's answer that refuses the commands."""
EXPECTED_ERRORS = (discord.HTTPException, discord.RateLimited, aiohttp.ClientError, OSError)


class CommandSync:
    """Registers the commands if they, or Discord's list of them, differ from the last registration."""

    def __init__(self, tree: app_commands.CommandTree[Any], meta: Meta) -> None:
        self._tree = tree
        self._meta = meta
        self._last_logged = ""
        self.first_attempt_done = asyncio.Event()
        """Set after the first attempt, successful or not."""

    async def run(self) -> None:
        """Retry until Discord has accepted the commands; the old ones stay in use meanwhile."""
        try:
            for pause in chain(SYNC_BACKOFF, repeat(LAST_SYNC_PAUSE)):
                error = await self._attempt()
                self.first_attempt_done.set()
                if error is None:
                    return
                wait = max(pause, min(retry_after(error), LONGEST_SYNC_PAUSE))
                self._log(error, wait)
                await asyncio.sleep(wait)
        finally:
            self.first_attempt_done.set()

    async def _attempt(self) -> BaseException | None:
        """The error of the attempt, of any type: the bot works without a sync."""
        (error,) = await asyncio.gather(self._sync(), return_exceptions=True)
        return error

    def _log(self, error: BaseException, wait: float) -> None:
        """Log an error that differs from the last one."""
        described, expected = _describe(error), isinstance(error, EXPECTED_ERRORS) or is_transient(error)
        if described != self._last_logged:
            trace = None if expected else error
            log.warning(
                "commands: %s; the registered ones stay, next attempt in %.0f s", described, wait, exc_info=trace
            )
        self._last_logged = described

    async def _sync(self) -> None:
        ours = _digest([command.to_dict(self._tree) for command in self._tree.get_commands()], "name")
        key = f"commands:{self._tree.client.application_id}"
        if await self._meta.get(key) == f"{ours}:{await self._theirs()}":
            log.info("commands: unchanged")
            return
        synced = await self._tree.sync()
        await self._meta.set(key, f"{ours}:{await self._theirs()}")
        log.info("commands: %d registered", len(synced))

    async def _theirs(self) -> str:
        """Digest of the commands that Discord has; every change gives a command a new version."""
        client = self._tree.client
        known = await client.http.get_global_commands(client.application_id or 0)
        return _digest([{"id": each["id"], "version": each.get("version")} for each in known], "id")


def _digest(commands: Iterable[Mapping[str, Any]], key: str) -> str:
    listed = sorted(commands, key=lambda each: str(each[key]))
    return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()


def _describe(error: BaseException) -> str:
    if isinstance(error, discord.HTTPException):
        answer = " ".join(error.text[:LOGGED_ANSWER_CHARACTERS].split())
        return f"Discord refuses them, {error.status}, {error.code}: {answer}"
    return f"cannot be registered, {type(error).__name__}"
