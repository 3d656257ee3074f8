"""Reaching Discord, or telling the host in one sentence why not."""

from collections.abc import Mapping

import aiohttp
import discord
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from config import Config, ConfigError
from providers.base import Provider
from storage.store import StoreAwayError, StoreError
from studio.planning import default_provider

DISCORD_API = "https://discord.com/api/v10"
TRANSIENT = (StoreAwayError, aiohttp.ClientError, TimeoutError, discord.DiscordServerError, discord.GatewayNotFound)
"""Nothing that the host has set is wrong: starting again later may help."""
STARTUP_ERRORS = (ConfigError, StoreError, discord.DiscordException, aiohttp.ClientError, TimeoutError)


async def point_at(api_url: str | None) -> None:
    """Another Discord than Discord's, with its own gateway: a proxy, or one for tests."""
    if api_url is None:
        return
    Route.BASE = api_url
    if api_url == DISCORD_API:
        return
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{api_url}/gateway") as answer:
            DiscordWebSocket.DEFAULT_GATEWAY = URL((await answer.json(content_type=None))["url"])
    except (ValueError, KeyError, TypeError):
        raise ConfigError("DISCORD_API_URL leads to something that is not Discord's API.") from None


def default_of(config: Config, on: Mapping[str, Provider]) -> str:
    """Who draws where nobody says who; ConfigError."""
    if not on:
        raise ConfigError("No provider is on: give one a key, or set SKETCH=on.")
    if config.default_provider and config.default_provider not in on:
        raise ConfigError(f"DEFAULT_PROVIDER names none of the providers that are on: {', '.join(on)}.")
    return default_provider(on, config.default_provider)


def startup_sentence(error: BaseException) -> str:
    match error:
        case discord.LoginFailure():
            return "DISCORD_TOKEN is not accepted by Discord: copy it again from the developer portal."
        case _ if isinstance(error, TRANSIENT) and not isinstance(error, StoreError):
            return "Discord cannot be reached: check the network, and DISCORD_API_URL if it is set."
        case _:
            return str(error)
