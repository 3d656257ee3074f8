"""`--check`: tests the token and each provider's key, and prints a table."""

from collections.abc import Mapping, Sequence

import aiohttp
import discord

import providers
from config import Config, ConfigError, Remark
from domain import AuthError, BadResponse, EaselError, QuotaError, RateLimited, Timeout, Unavailable
from providers.http.transport import Transport
from providers.kit.base import Provider
from startup import STARTUP_ERRORS, default_provider_name, set_api_url, startup_sentence
from tracing import DiscordClock, add_hooks, clock_warning

ERROR_WORDS: Mapping[type[EaselError], str] = {
    AuthError: "the key is not accepted",
    QuotaError: "the account is out of credit",
    RateLimited: "too many requests",
    Unavailable: "cannot be reached, or does not work",
    Timeout: "no answer in time",
    BadResponse: "an answer that was not expected",
}


async def check(config: Config, remarks: Sequence[Remark] = ()) -> int:
    """Test the token and every enabled provider, without paying; returns the number of failed rows.

    remarks: what to tell about where the settings come from.
    """
    clock = DiscordClock()
    rows = [("discord", *await _check_token(config, clock))]
    rows += [("clock", "fails", warning)] if (warning := clock_warning(clock.offset)) else []
    async with Transport() as transport:
        enabled, disabled = providers.build(config.providers, transport)
        for provider in enabled.values():
            rows.append((provider.name, *await _check_provider(provider)))
            await provider.close()
        rows += [(each.name, "fails" if each.is_misconfigured else "off", each.reason) for each in disabled]
        rows.append(("default", *_check_default(config, enabled)))
        rows += remarks
    for name, state, result in rows:
        print(f"{name:14} {state:8} {result}")  # noqa: T201 - the table is the output of --check
    return sum(state == "fails" for _, state, _ in rows)


async def _check_token(config: Config, clock: DiscordClock) -> tuple[str, str]:
    if config.discord_token is None:
        return "off", "set DISCORD_TOKEN to switch it on"
    trace = add_hooks(aiohttp.TraceConfig(), clock)
    async with discord.Client(intents=discord.Intents.none(), http_trace=trace) as client:
        try:
            await set_api_url(config.discord_api_url)
            await client.login(config.discord_token.get_secret_value())
        except STARTUP_ERRORS as error:
            return "fails", startup_sentence(error)
        return "works", f"token accepted, the bot is {client.user}"


def _check_default(config: Config, enabled: Mapping[str, Provider]) -> tuple[str, str]:
    try:
        return "works", f"{default_provider_name(config, enabled)}, where neither a member nor a server chooses"
    except ConfigError as error:
        return "fails", str(error)


async def _check_provider(provider: Provider) -> tuple[str, str]:
    try:
        health = await provider.check()
    except EaselError as error:
        words, details = ERROR_WORDS.get(type(error), type(error).__name__), str(error)
        return "fails", f"{words}: {details}" if " " in details else words
    models = "" if health.models is None else f"{health.models} models, "
    result = f"reachable, {models}key: {health.key}"
    return ("works", result) if health.reachable else ("fails", "cannot be reached")
