"""Logs in to Discord, and describes versions and startup errors for the host."""

import asyncio
import errno
import logging
import os
import platform
import shlex
import sys
import tomllib
import warnings
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import discord
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from config import Config, ConfigError, closest
from domain.network import Network, Proxy
from providers.http.routes import proxy_options, trusted
from providers.kit.base import Provider
from storage.store import StoreError, StoreUnavailableError
from studio.intake.planning import default_provider
from views.discord_errors import retry_after

log = logging.getLogger("easel")

DISCORD_API = "https://discord.com/api/v10"
NETWORK_ERRORS = (aiohttp.ClientError, TimeoutError, discord.DiscordServerError, discord.GatewayNotFound)
NO_DISCORD_ERRORS = (ValueError, KeyError, TypeError)
"""What reading an answer of something else raises."""
NO_DISCORD = "DISCORD_API_URL leads to something that is not Discord's API."
LOGIN_BACKOFF = (5.0, 15.0, 45.0, 135.0, 300.0)
"""Seconds between login attempts; after the last the process exits, to be restarted by its supervisor."""
LONGEST_LOGIN_PAUSE = 900.0
BAD_LOGIN = "DISCORD_TOKEN is not accepted by Discord: copy it again from the developer portal."
CLOSE_CODE_SENTENCES = {
    4004: BAD_LOGIN,
    4010: "Discord knows no such shard: each of SHARD_IDS has to be less than SHARD_COUNT.",
    4011: "The bot is in too many servers for so few shards: set a larger SHARD_COUNT, or none.",
    4012: "Discord no longer speaks this version's API: upgrade Easel.",
    4013: "Discord does not know what this version asks to be told of: upgrade Easel.",
    4014: "Discord does not allow what this version asks to be told of: upgrade Easel, which needs no such right.",
}
"""The gateway's permanent close codes."""


class PortError(Exception):
    """A port cannot be opened now, but may be at a later start."""


STARTUP_ERRORS = (ConfigError, StoreError, PortError, discord.DiscordException, aiohttp.ClientError, TimeoutError)


def version_line() -> str:
    """The versions that a report of a fault should name."""
    project = tomllib.loads((Path(__file__).parent / "pyproject.toml").read_text("utf-8"))["project"]
    return f"Easel {project['version']}, Python {platform.python_version()}, discord.py {discord.__version__}"


async def set_api_url(api_url: str | None, network: Network) -> None:
    """Use another API than Discord's own, with the gateway that it names: a proxy, or a test server."""
    if api_url is None:
        return
    Route.BASE = api_url
    if api_url == DISCORD_API:
        return
    try:
        url = URL(f"{api_url}/gateway")
        options, connector = proxy_options(network, url), aiohttp.TCPConnector(ssl=trusted(network))
        async with aiohttp.ClientSession(connector=connector) as session, session.get(url, **options) as answer:
            if answer.status in (403, 429) or answer.status >= 500:
                answer.raise_for_status()
            DiscordWebSocket.DEFAULT_GATEWAY = URL((await answer.json(content_type=None))["url"])
    except aiohttp.ClientError:
        raise  # one about a certificate is a ValueError, too
    except NO_DISCORD_ERRORS:
        raise ConfigError(NO_DISCORD) from None


def default_provider_name(config: Config, enabled: Mapping[str, Provider]) -> str:
    """The default provider of this bot; ConfigError."""
    if not enabled:
        raise ConfigError("No provider is on: give one a key, or set SKETCH=on.")
    if config.default_provider and config.default_provider not in enabled:
        near = closest(config.default_provider, enabled)
        raise ConfigError(
            f"DEFAULT_PROVIDER names none of the providers that are on: {', '.join(enabled)}."
            + (f" Did you mean {near}?" if near else "")
        )
    return default_provider(enabled, config.default_provider)


def models_that_end(provider: Provider) -> list[str]:
    """A sentence about each of its models that ends within 30 days."""
    ids = [id for id, _ in provider.settings.models] or [model.id for model in provider.facts.listed]
    ends = provider.facts.ending_soon(ids)
    return [f"{id} ends on {end}: choose another in servers' settings and <NAME>_MODELS" for id, end in ends.items()]


def use_network(client: discord.Client, network: Network) -> None:
    """Have a client, before its login, reach Discord through the proxy and with the certificates of the host."""
    url = URL(Route.BASE)
    if proxy := network.proxy_for(url.scheme, url.raw_host or "", url.port):
        client.http.proxy, client.http.proxy_auth = proxy.url, _proxy_login(proxy)
    # Without a new one, discord.py would use the closed one of the last attempt again.
    client.http.connector = (
        aiohttp.TCPConnector(limit=0, ssl=trusted(network)) if network.ca_file else discord.utils.MISSING
    )


def _proxy_login(proxy: Proxy) -> aiohttp.BasicAuth | None:
    """As discord.py takes it, though aiohttp warns of it."""
    if proxy.user is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return aiohttp.BasicAuth(proxy.user, proxy.password.get_secret_value(), "utf-8")


async def log_in(client: discord.Client, token: str, network: Network) -> None:
    """Log in with back-off; LoginFailure, or the last attempt's error."""
    for pause in LOGIN_BACKOFF:
        use_network(client, network)
        try:
            return await client.login(token)
        except (discord.HTTPException, discord.RateLimited) as error:
            wait = max(pause, min(retry_after(error), LONGEST_LOGIN_PAUSE))
            log.warning("%s Next try in %.0f s.", startup_sentence(error), wait)
        await client.http.close()
        await asyncio.sleep(wait)
    use_network(client, network)
    return await client.login(token)


def refuse_root_in_foreign_folder(data_dir: Path) -> None:
    """ConfigError if root would make files in another user's folder: that user could no longer open them."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return
    nearest = next(each for each in (data_dir, *data_dir.parents) if each.exists())
    if owner := nearest.stat().st_uid:
        raise ConfigError(
            f"DATA_DIR is a folder of user {_user_name(owner)}, who could not open what root makes there: {data_dir}. "
            f"Type: sudo -u {shlex.quote(_user_name(owner, '#'))} make run"
        )


def _user_name(uid: int, before_number: str = "") -> str:
    """The name of a user; the number of one without a name."""
    import pwd  # which Windows does not have

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"{before_number}{uid}"


def port_error(host: str, port: int, error: OSError) -> ConfigError | PortError:
    """The error for a METRICS_PORT that cannot be opened."""
    if isinstance(error, PermissionError):
        return ConfigError(f"METRICS_PORT is one that Easel may not open: {host}:{port}.")
    state = "is in use" if error.errno == errno.EADDRINUSE else "cannot be opened"
    return PortError(f"METRICS_PORT {state}: {host}:{port}.")


def exit_code(error: BaseException) -> int:
    """2 if the host has to change a setting; 1 if a later start may succeed."""
    if isinstance(error, StoreUnavailableError):
        return 1
    return 2 if isinstance(error, ConfigError | StoreError | discord.LoginFailure) or _close_sentence(error) else 1


def startup_sentence(error: BaseException) -> str:
    match error:
        case discord.LoginFailure():
            return BAD_LOGIN
        case _ if sentence := _close_sentence(error):
            return sentence
        case aiohttp.ClientProxyConnectionError():
            return "Discord cannot be reached: the proxy of HTTPS_PROXY does not answer."
        case aiohttp.ClientHttpProxyError():
            return f"Discord cannot be reached: the proxy of HTTPS_PROXY refuses the connection ({error.status})."
        case aiohttp.ClientConnectorCertificateError():
            return "Discord cannot be reached: its certificate is not trusted; CA_FILE can name more that are."
        case _ if isinstance(error, NETWORK_ERRORS):
            return "Discord cannot be reached: check the network, and DISCORD_API_URL if it is set."
        case discord.HTTPException() | discord.RateLimited():
            status = getattr(error, "status", 429)
            return f"Discord does not let this machine in for now ({status}): it may ask too often."
        case _:
            return str(error)


def _close_sentence(error: BaseException) -> str | None:
    """The sentence for a permanent close code; None for another error."""
    if isinstance(error, discord.PrivilegedIntentsRequired):
        return CLOSE_CODE_SENTENCES[4014]
    return CLOSE_CODE_SENTENCES.get(error.code) if isinstance(error, discord.ConnectionClosed) else None
