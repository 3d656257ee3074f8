# pyright: basic
"""The bot's commands are registered with Discord only when they have changed."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import closing
from typing import Any, NamedTuple

import discord
import pytest
from discord import app_commands
from discord.http import Route

import syncing
from storage.store import Store, open_store
from syncing import CommandSync
from tests.discord_server import DiscordServer, is_sync

TOKEN = "canary-token.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbb"
SECONDS = 30


class Bot(NamedTuple):
    """A logged-in client with one command, and its database."""

    server: DiscordServer
    tree: app_commands.CommandTree[Any]
    store: Store
    execute: Callable[[str], None]
    """Runs SQL on a separate connection."""

    def sync(self) -> CommandSync:
        return CommandSync(self.tree, self.store.meta)

    def registrations(self) -> int:
        """How often the commands have been registered."""
        return sum(map(is_sync, self.server.requests))


@app_commands.command()
async def imagine(interaction: discord.Interaction, prompt: str) -> None:
    """Draw."""


@app_commands.command()
async def another(interaction: discord.Interaction) -> None:
    """One more."""


@pytest.fixture
async def bot(tmp_path, monkeypatch, caplog) -> AsyncGenerator[Bot]:
    monkeypatch.setattr(syncing, "SYNC_BACKOFF", ())
    monkeypatch.setattr(syncing, "LAST_SYNC_PAUSE", 0.0)
    caplog.set_level("INFO", "easel")

    def execute(sql: str) -> None:
        with closing(sqlite3.connect(tmp_path / "easel.db", isolation_level=None)) as connection:
            connection.execute(sql)

    async with DiscordServer(TOKEN) as server, open_store(f"sqlite:///{tmp_path / 'easel.db'}", tmp_path) as store:
        monkeypatch.setattr(Route, "BASE", server.api_url)
        async with discord.Client(intents=discord.Intents(guilds=True)) as client:
            await client.login(TOKEN)
            tree = app_commands.CommandTree(client)
            tree.add_command(imagine)
            yield Bot(server, tree, store, execute)


async def test_a_database_error_is_retried_and_logged_once(bot, caplog):
    bot.execute("DROP TABLE meta")
    sync = bot.sync()
    ends = asyncio.create_task(sync.run())
    await sync.first_attempt_done.wait()
    bot.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
    await asyncio.wait_for(ends, SECONDS)
    assert bot.registrations() == 1
    assert sum("the registered ones stay" in record.getMessage() for record in caplog.records) == 1


async def test_unchanged_commands_are_registered_once(bot):
    bot.tree.add_command(another)
    for _ in range(3):
        await bot.sync().run()
        bot.server.commands.reverse()
    assert bot.registrations() == 1


def newer(commands: list[dict[str, Any]]) -> None:
    commands[0]["version"] += "0"


def replaced(commands: list[dict[str, Any]]) -> None:
    commands[0]["id"] += "0"


def added(commands: list[dict[str, Any]]) -> None:
    commands.append({"id": "77", "version": "77", "name": "theirs"})


@pytest.mark.parametrize("change", [newer, replaced, added, list.clear])
async def test_commands_changed_by_another_program_are_registered_again(bot, change):
    bot.tree.add_command(another)
    await bot.sync().run()
    change(bot.server.commands)
    for _ in range(2):
        await bot.sync().run()
    assert bot.registrations() == 2
    assert {each["name"] for each in bot.server.commands} == {"imagine", "another"}


async def test_changed_commands_are_registered(bot):
    await bot.sync().run()
    bot.tree.add_command(another)
    await bot.sync().run()
    assert bot.registrations() == 2
    assert {each["name"] for each in bot.server.commands} == {"imagine", "another"}
