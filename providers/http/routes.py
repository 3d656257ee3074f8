"""The way to a URL: directly, or through the host's proxy; and which certificates are trusted."""

import asyncio
import ssl
from typing import Any

import aiohttp
from yarl import URL

from domain import BadResponse, Unavailable
from domain.network import Network
from providers.http.addresses import LINK_REFUSED, WEB_PORTS, is_public


def trusted(network: Network) -> ssl.SSLContext:
    """The system's certificates, and those of the host's file; raises OSError."""
    context = ssl.create_default_context()
    if network.ca_file:
        context.load_verify_locations(network.ca_file)
    return context


def proxy_options(network: Network, url: URL) -> dict[str, Any]:
    """aiohttp's arguments for a request to the URL."""
    proxy = network.proxy_for(url.scheme, url.raw_host or "", url.port)
    if proxy is None:
        return {}
    if proxy.user is None:
        return {"proxy": proxy.url}
    login = aiohttp.encode_basic_auth(proxy.user, proxy.password.get_secret_value())
    # aiohttp 3.14 turns it into Proxy-Authorization; under that name it would be sent for tunnels alone.
    return {"proxy": proxy.url, "proxy_headers": {"Authorization": login}}


async def refuse_private(url: URL) -> None:
    """Raise BadResponse for a URL at a private address that a proxy would open, Unavailable for an unknown name.

    The proxy looks the name up again: one whose address changes in between (DNS rebinding) is not refused.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(url.raw_host, url.port)
    except (OSError, UnicodeError):
        raise Unavailable("the host of the result's link is not found by this machine") from None
    if url.port not in WEB_PORTS or not all(is_public(str(each[4][0])) for each in found):
        raise BadResponse(LINK_REFUSED)
