"""Tests the proxies, and says which certificates are trusted."""

import asyncio
import re
from collections.abc import Iterable

import aiohttp
from discord.http import Route
from yarl import URL

from check.rows import Row
from config import Config
from domain.network import Network, Proxy
from providers.http.routes import trusted

SECONDS = 10.0
STATUS_LINE = re.compile(rb"HTTP/\S+ (\d{3})")


async def check_network(config: Config) -> list[Row]:
    network = config.network
    proxies = {"http_proxy": network.http, "https_proxy": network.https}
    tested = await asyncio.gather(
        *(_check_proxy(name, proxy, network) for name, proxy in proxies.items() if proxy is not None)
    )
    return [*_certificates(network), *tested]


def _certificates(network: Network) -> Iterable[Row]:
    if network.ca_file:
        yield Row("ca_file", "works", f"the certificates in {network.ca_file} are trusted, besides the system's")


async def _check_proxy(name: str, proxy: Proxy, network: Network) -> Row:
    """Ask for a tunnel to Discord, which is closed again at once."""
    target = URL(Route.BASE)
    try:
        async with asyncio.timeout(SECONDS):
            status = await _status_of_tunnel(proxy, f"{target.host}:{target.port}", network)
    except (OSError, ValueError, TimeoutError):
        return Row(name, "fails", f"{proxy.url} cannot be reached")
    if status == 407:
        given = "does not accept this user and password" if proxy.user else "asks for a user and a password"
        return Row(name, "fails", f"{proxy.url} {given}")
    if status == 200:
        return Row(name, "works", f"{proxy.url} opens a tunnel to {target.host}")
    state = "fails" if name == "https_proxy" else "note"
    return Row(name, state, f"{proxy.url} opens no tunnel to {target.host}: status {status or 'unknown'}")


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
