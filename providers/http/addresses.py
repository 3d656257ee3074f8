"""URLs from outside: kept byte for byte, and never followed to a private address (SSRF).

A signed URL breaks when a client normalises it. A custom resolver is no sufficient guard: aiohttp does not ask it for
IP addresses in URLs. The socket factory sees the address of every connection, whether it came from a name, a URL, a
redirect or DNS rebinding.
"""

import errno
import re
import socket
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, cast
from urllib.parse import quote, urljoin

from yarl import URL

from domain import BadResponse

UNQUOTED_CHARACTERS = "!#$%&'()*+,-./:;=?@[]_|~"
"""Characters that are not quoted, besides letters and digits: those of RFC 3986, and `|`, unquoted in many links."""
HOST_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?")
"""A host name in ASCII (IDNA) that can be resolved, and that is safe in a link shown to members."""
MAX_HOST_LENGTH = 254
UNESCAPED_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
ADDRESS_REFUSED = "address not allowed"
LINK_REFUSED = "the result's link leads to an address that is not allowed"
WEB_PORTS = (80, 443)
NAT64 = ip_network("64:ff9b::/96")
MAX_LINK_LENGTH = 8000
"""Characters. S3's links have up to 2,000 with a session token; most servers accept no more than this."""
PRIVATE_SUFFIXES = (".local", ".localhost", ".lan", ".home", ".internal", ".home.arpa")
"""Suffixes of names that resolve only in a private network."""
NON_PUBLIC_NETWORKS = tuple(
    map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "fec0::/10", "3fff::/20"))
)
"""Networks that `ipaddress` calls global although they are not (measured on Python 3.11.7).

168.63.129.16 is the platform of Azure, reachable from its machines alone; 3fff::/20 is for documentation (RFC 9637).
"""
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A host's last label that makes it an IPv4 address, however it is written (WHATWG URL, 3.5)."""

LinkHosts = Collection[tuple[str, int | None]]
"""Hosts and ports that result links may lead to although they are private; None for any port."""


def exact_url(text: str) -> URL:
    """Parse a URL, normalise only its host and quote only invalid characters; raises BadResponse.

    The address check and the connection must both use the object returned here.
    """
    try:
        read, raw = URL(text), URL(text, encoded=True)
        path, query = _quote_invalid(raw.raw_path), _quote_invalid(raw.raw_query_string)
        return URL.build(
            scheme=read.scheme, authority=read.raw_authority, path=path or "/", query_string=query, encoded=True
        )
    except ValueError:
        raise BadResponse("the result is not a link") from None


def web_link(text: str) -> URL:
    """Like `exact_url`; raises BadResponse unless it is http(s) with a valid host and no credentials."""
    url = exact_url(text)
    if url.scheme not in ("http", "https") or not _has_host(url) or url.user or url.password:
        raise BadResponse("the result is not a web link")
    return url


def _has_host(url: URL) -> bool:
    """Whether its host is a valid name, in readable punycode, or an IP address without a zone id."""
    try:
        host = (url.host and url.raw_host) or ""
    except UnicodeError:
        return False
    if ":" in host:
        return is_address(host) and "%" not in host
    if not is_address(host) and NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        return False  # 127.1 and 10.0.0.1. are addresses to a resolver, and names to a check
    return len(host) <= MAX_HOST_LENGTH and HOST_NAME.fullmatch(host) is not None


def redirect_target(url: URL, location: str) -> URL:
    """The URL that a redirect leads to; raises BadResponse."""
    try:
        return web_link(urljoin(str(url), location))
    except ValueError:
        raise BadResponse("a redirect to an invalid link") from None


def on_own_server(url: URL, base_url: str) -> URL:
    """The link with scheme and host of the base URL where its own host is private.

    A server behind a container or proxy may put an internal host name into its links.
    """
    if may_be_public(url.raw_host or ""):
        return url
    own = exact_url(base_url)
    return URL.build(
        scheme=own.scheme,
        authority=own.raw_authority,
        path=url.raw_path,
        query_string=url.raw_query_string,
        encoded=True,
    )


def is_allowed_host(url: URL, hosts: LinkHosts) -> bool:
    return (url.raw_host, None) in hosts or (url.raw_host, url.port) in hosts


def _quote_invalid(text: str) -> str:
    return quote(UNESCAPED_PERCENT.sub("%25", text), safe=UNQUOTED_CHARACTERS, errors="surrogateescape")


def can_be_opened(url: URL) -> bool:
    """Whether a member could open a link: public host, usual port, acceptable length."""
    return len(str(url)) <= MAX_LINK_LENGTH and url.port in WEB_PORTS and may_be_public(url.raw_host or "")


def may_be_public(host: str) -> bool:
    """Whether a host may be public, judged by its spelling alone."""
    if is_address(host):
        return is_public(host)
    host = host.rstrip(".")
    end = host.rpartition(".")[2]
    return (
        "." in host and not host.endswith(PRIVATE_SUFFIXES) and not end[:1].isdigit()
    )  # 127.1 and 0x7f.1 are IP addresses, too


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_public(text: str) -> bool:
    """Whether an IP address is public, unwrapping IPv4 embedded in IPv6 (mapped, NAT64, 6to4, Teredo)."""
    if not is_address(text):
        return False
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        if address.scope_id:
            return False
        inner = _embedded_ipv4(address)
        if inner is not None:
            return is_public(str(inner))
    if any(address in network for network in NON_PUBLIC_NETWORKS if network.version == address.version):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_private)


def _embedded_ipv4(address: IPv6Address) -> IPv4Address | None:
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def guarded_socket(info: tuple[Any, ...]) -> socket.socket:
    """Socket factory for aiohttp's connector; raises PermissionError for a private address or another port."""
    family, kind, protocol, _, target = info
    host, port = cast("tuple[object, ...]", target)[:2]
    if not is_public(str(host)) or port not in WEB_PORTS:
        raise PermissionError(errno.EACCES, ADDRESS_REFUSED)
    return socket.socket(family, kind, protocol)
