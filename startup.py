"""Reaching Discord, or telling the host in one sentence why not."""

import asyncio
import errno
import logging
from collections.abc import Mapping

import aiohttp
import discord
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from config import Config, ConfigError
from providers.kit.base import Provider
from storage.store import StoreError, StoreUnavailableError
from studio.intake.planning import default_provider

log = logging.getLogger("easel")

DISCORD_API = "https://discord.com/api/v10"
UNREACHED = (aiohttp.ClientError, TimeoutError, discord.DiscordServerError, discord.GatewayNotFound)
PAUSES = (5.0, 15.0, 45.0, 135.0, 300.0)
"""Between tries to be let in; after the last one the process ends, to be started again."""
LONGEST_PAUSE = 900.0
NOT_ACCEPTED = "DISCORD_TOKEN is not accepted by Discord: copy it again from the developer portal."
CLOSED = {
    4004: NOT_ACCEPTED,
    4010: "Discord knows no such shard: each of SHARD_IDS has to be less than SHARD_COUNT.",
    4011: "The bot is in too many servers for so few shards: set a larger SHARD_COUNT, or none.",
    4012: "Discord no longer speaks this version's API: upgrade Easel.",
    4013: "Discord does not know what this version asks to be told of: upgrade Easel.",
    4014: "Discord does not allow what this version asks to be told of: upgrade Easel, which needs no such right.",
}
"""The gateway's close codes after which trying again is of no use."""


class PortError(Exception):
    """A port cannot be opened now: one sentence for the host, and starting again later may help."""


STARTUP_ERRORS = (ConfigError, StoreError, PortError, discord.DiscordException, aiohttp.ClientError, TimeoutError)


async def point_at(api_url: str | None) -> None:
    """Another Discord than Discord's, with its own gateway: a proxy, or one for tests."""
    if api_url is None:
        return
    Route.BASE = api_url
    if api_url == DISCORD_API:
        return
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{api_url}/gateway") as answer:
            if answer.status in (403, 429) or answer.status >= 500:
                answer.raise_for_status()
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


async def log_in(client: discord.Client, token: str) -> None:
    """As often as it takes while Discord does not let this machine in; LoginFailure, or the last try's error."""
    for pause in PAUSES:
        try:
            return await client.login(token)
        except (discord.HTTPException, discord.RateLimited) as error:
            wait = max(pause, min(pause_wanted(error), LONGEST_PAUSE))
            log.warning("%s Next try in %.0f s.", startup_sentence(error), wait)
        await client.http.close()
        client.http.connector = discord.utils.MISSING  # a closed one would be used again
        await asyncio.sleep(wait)
    return await client.login(token)


def pause_wanted(error: BaseException) -> float:
    """How many seconds Discord asks to be left alone."""
    if isinstance(error, discord.RateLimited):
        return error.retry_after
    asked = error.response.headers.get("Retry-After", "") if isinstance(error, discord.HTTPException) else ""
    return float(asked) if asked.replace(".", "", 1).isdecimal() else 0.0


def port_error(host: str, port: int, error: OSError) -> ConfigError | PortError:
    """What the host is told where METRICS_PORT cannot be opened."""
    if isinstance(error, PermissionError):
        return ConfigError(f"METRICS_PORT is one that Easel may not open: {host}:{port}.")
    state = "is in use" if error.errno == errno.EADDRINUSE else "cannot be opened"
    return PortError(f"METRICS_PORT {state}: {host}:{port}.")


def exit_code(error: BaseException) -> int:
    """2 where the host has to change something; 1 where starting again later may help."""
    if isinstance(error, StoreUnavailableError):
        return 1
    return 2 if isinstance(error, ConfigError | StoreError | discord.LoginFailure) or _closed(error) else 1


def startup_sentence(error: BaseException) -> str:
    match error:
        case discord.LoginFailure():
            return NOT_ACCEPTED
        case _ if told := _closed(error):
            return told
        case _ if isinstance(error, UNREACHED):
            return "Discord cannot be reached: check the network, and DISCORD_API_URL if it is set."
        case discord.HTTPException() | discord.RateLimited():
            status = getattr(error, "status", 429)
            return f"Discord does not let this machine in for now ({status}): it may ask too often."
        case _:
            return str(error)


def _closed(error: BaseException) -> str | None:
    """The sentence for a connection that Discord has closed for good."""
    if isinstance(error, discord.PrivilegedIntentsRequired):
        return CLOSED[4014]
    return CLOSED.get(error.code) if isinstance(error, discord.ConnectionClosed) else None
