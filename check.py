"""`--check`: does the token work, and each provider's key?"""

from collections.abc import Mapping, Sequence

import aiohttp
import discord

import providers
from config import Config, ConfigError
from domain import AuthError, BadResponse, EaselError, QuotaError, RateLimited, Timeout, Unavailable
from providers.http.transport import Transport
from providers.kit.base import Provider
from startup import STARTUP_ERRORS, default_of, point_at, startup_sentence
from tracing import DiscordClock, clock_trouble, watch

SAID: Mapping[type[EaselError], str] = {
    AuthError: "the key is not accepted",
    QuotaError: "the account is out of credit",
    RateLimited: "too many requests",
    Unavailable: "cannot be reached, or does not work",
    Timeout: "no answer in time",
    BadResponse: "an answer that was not expected",
}


async def check(config: Config, mistakes: Sequence[str] = ()) -> int:
    """Try the token and every provider that is on, without paying; how many failed.

    mistakes: a sentence for each name that is set and that nothing reads.
    """
    clock = DiscordClock()
    rows = [("discord", *await _check_token(config, clock))]
    rows += [("clock", "fails", told)] if (told := clock_trouble(clock.ahead)) else []
    async with Transport() as transport:
        on, off = providers.build(config.providers, transport)
        for provider in on.values():
            rows.append((provider.name, *await _check_provider(provider)))
            await provider.close()
        rows += [(each.name, "fails" if each.is_misconfigured else "off", each.reason) for each in off]
        rows.append(("default", *_check_default(config, on)))
        rows += [(".env", "fails", mistake) for mistake in mistakes]
    for name, state, told in rows:
        print(f"{name:14} {state:8} {told}")  # noqa: T201 - the table is what was asked for
    return sum(state == "fails" for _, state, _ in rows)


async def _check_token(config: Config, clock: DiscordClock) -> tuple[str, str]:
    if config.discord_token is None:
        return "off", "set DISCORD_TOKEN to switch it on"
    trace = watch(aiohttp.TraceConfig(), clock)
    async with discord.Client(intents=discord.Intents.none(), http_trace=trace) as client:
        try:
            await point_at(config.discord_api_url)
            await client.login(config.discord_token.get_secret_value())
        except STARTUP_ERRORS as error:
            return "fails", startup_sentence(error)
        return "works", f"token accepted, the bot is {client.user}"


def _check_default(config: Config, on: Mapping[str, Provider]) -> tuple[str, str]:
    try:
        return "works", f"{default_of(config, on)}, where neither a member nor a server chooses"
    except ConfigError as error:
        return "fails", str(error)


async def _check_provider(provider: Provider) -> tuple[str, str]:
    try:
        health = await provider.check()
    except EaselError as error:
        said, told = SAID.get(type(error), type(error).__name__), str(error)
        return "fails", f"{said}: {told}" if " " in told else said
    models = "" if health.models is None else f"{health.models} models, "
    told = f"{models}key: {health.key}"
    return ("works", f"reachable, {told}") if health.reachable else ("fails", "cannot be reached")
