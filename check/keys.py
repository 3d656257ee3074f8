"""Tests the key and the server of each provider, without paying."""

import asyncio
from collections.abc import Mapping

from check.rows import Row
from config import Config, ConfigError
from domain import AuthError, BadResponse, EaselError, QuotaError, RateLimited, Timeout, Unavailable
from providers.kit.base import Provider
from startup import default_provider_name, models_that_end

ERROR_WORDS: Mapping[type[EaselError], str] = {
    AuthError: "the key is not accepted",
    QuotaError: "the account is out of credit",
    RateLimited: "too many requests",
    Unavailable: "cannot be reached, or does not work",
    Timeout: "no answer in time",
    BadResponse: "an answer that was not expected",
}


async def check_providers(enabled: Mapping[str, Provider]) -> list[Row]:
    """A row for each, and one for each mistake that it found."""
    found = await asyncio.gather(*map(_check_provider, enabled.values()))
    return [row for rows in found for row in rows]


def check_default(config: Config, enabled: Mapping[str, Provider]) -> Row:
    try:
        name = default_provider_name(config, enabled)
        return Row("default", "works", f"{name}, where neither a member nor a server chooses")
    except ConfigError as error:
        return Row("default", "fails", str(error))


async def _check_provider(provider: Provider) -> list[Row]:
    try:
        health = await provider.check()
        mistakes = await provider.mistakes() if health.reachable else ()
        ending = [Row(provider.name, "note", said) for said in models_that_end(provider)]
    except EaselError as error:
        words, details = ERROR_WORDS.get(type(error), type(error).__name__), str(error)
        return [Row(provider.name, "fails", f"{words}: {details}" if " " in details else words)]
    finally:
        await provider.close()
    if not health.reachable:
        return [Row(provider.name, "fails", "cannot be reached")]
    models = "" if health.models is None else f"{health.models} models, "
    if mistakes:
        return [Row(provider.name, "fails", mistake) for mistake in mistakes]
    return [Row(provider.name, "works", f"reachable, {models}key: {health.key}"), *ending]
