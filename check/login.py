"""Tests the token, and this machine's clock by Discord's."""

import aiohttp
import discord

from check.rows import Row
from config import Config
from startup import NO_DISCORD, NO_DISCORD_ERRORS, STARTUP_ERRORS, set_api_url, startup_sentence, use_network
from tracing import DiscordClock, add_hooks, clock_warning


async def check_discord(config: Config) -> list[Row]:
    clock = DiscordClock()
    rows = [Row("discord", *await _check_token(config, clock))]
    return [*rows, Row("clock", "fails", warning)] if (warning := clock_warning(clock.offset)) else rows


async def _check_token(config: Config, clock: DiscordClock) -> tuple[str, str]:
    if config.discord_token is None:
        return "off", "set DISCORD_TOKEN to switch it on"
    trace = add_hooks(aiohttp.TraceConfig(), clock)
    async with discord.Client(intents=discord.Intents.none(), http_trace=trace) as client:
        try:
            await set_api_url(config.discord_api_url, config.network)
            use_network(client, config.network)
            await client.login(config.discord_token.get_secret_value())
        except STARTUP_ERRORS as error:
            return "fails", startup_sentence(error)
        except NO_DISCORD_ERRORS:
            return "fails", NO_DISCORD
        return "works", f"token accepted, the bot is {client.user}"
