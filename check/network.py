"""Tests the proxies, and says what is reached without them, and which certificates are trusted."""

import asyncio
import re
from collections.abc import Iterable, Mapping

import aiohttp
from yarl import URL

from check.rows import Row
from config import Config
from domain.network import Network, Proxy, parse_address
from providers.http.routes import trusted
from startup import DISCORD_API

SECONDS = 10.0
STATUS_LINE = re.compile(rb"HTTP/\S+ (\d{3})")


async def check_network(config: Config) -> list[Row]:
    network, discord = config.network, URL(config.discord_api_url or DISCORD_API)
    proxies = {"http_proxy": network.http, "https_proxy": network.https}
    tested = await asyncio.gather(
        *(_check_proxy(name, proxy, network, discord) for name, proxy in proxies.items() if proxy is not None)
    )
    return [*_certificates(network), *tested, *_without_proxy(network, {"discord": discord, **_own_servers(config)})]


def _certificates(network: Network) -> Iterable[Row]:
    if network.ca_file:
        yield Row("ca_file", "works", f"the certificates in {network.ca_file} are trusted, besides the system's")


def _own_servers(config: Config) -> Mapping[str, URL]:
    """The addresses that the host has set."""
    found = {name: each.base_url for name, each in config.providers.items()}
    found["spool"] = config.aws_endpoint_url if config.spool_url else None
    return {name: URL(url) for name, url in sorted(found.items()) if url}


def _without_proxy(network: Network, servers: Mapping[str, URL]) -> Iterable[Row]:
    if not (network.http or network.https):
        if network.no_proxy:
            yield Row("no_proxy", "note", "stands for nothing without HTTP_PROXY or HTTPS_PROXY")
        return
    led = [name for name, url in servers.items() if _leads(network, url)]
    direct = [name for name in servers if name not in led]
    if network.no_proxy:
        names = ", ".join(direct) or "none of the servers set here"
        yield Row("no_proxy", "works", f"reached without a proxy: {names}")
    for name in led:
        if _is_private(servers[name].raw_host or ""):
            through = f"{name} has a private address, and goes through the proxy: NO_PROXY can name it"
            yield Row("no_proxy", "note", through)


def _leads(network: Network, url: URL) -> bool:
    """Whether the URL is reached through a proxy."""
    return network.proxy_for(url.scheme, url.raw_host or "", url.port) is not None


def _is_private(host: str) -> bool:
    address = parse_address(host)
    return address is not None and address.is_private


async def _check_proxy(name: str, proxy: Proxy, network: Network, discord: URL) -> Row:
    """Ask for a tunnel to Discord, which is closed again at once."""
    try:
        async with asyncio.timeout(SECONDS):
            status = await _status_of_tunnel(proxy, f"{discord.raw_host}:{discord.port}", network)
    except (OSError, ValueError, TimeoutError):
        return Row(name, "fails", f"{proxy.url} cannot be reached")
    if status == 407:
        given = "does not accept this user and password" if proxy.user else "asks for a user and a password"
        return Row(name, "fails", f"{proxy.url} {given}")
    if status == 200:
        return Row(name, "works", f"{proxy.url} opens a tunnel to {discord.host}")
    is_needed = name == "https_proxy" and discord.scheme == "https" and _leads(network, discord)
    state = "fails" if is_needed else "note"
    return Row(name, state, f"{proxy.url} opens no tunnel to {discord.host}: status {status or 'unknown'}")


async def _status_of_tunnel(proxy: Proxy, target: str, network: Network) -> int:
    """The status of the answer to CONNECT; 0 for an answer that is no HTTP."""
    url = URL(proxy.url)
    tls = trusted(network) if url.scheme == "https" else None
    reader, writer = await asyncio.open_connection(url.host, url.port, ssl=tls)
    try:
        login = f"Proxy-Authorization: {_login(proxy)}\r\n" if proxy.user is not None else ""
        writer.write(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{login}\r\n".encode())
        found = STATUS_LINE.match(await reader.readline())
        return int(found[1]) if found else 0
    finally:
        writer.transport.abort()


def _login(proxy: Proxy) -> str:
    return aiohttp.encode_basic_auth(proxy.user or "", proxy.password.get_secret_value())
