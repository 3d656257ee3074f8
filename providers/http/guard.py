"""SSRF protection: downloads of URLs from outside never connect to private addresses.

A custom resolver is not enough: aiohttp does not ask it for IP literals. The socket factory sees the address of
every connection, whether it came from a name, a literal, a redirect or DNS rebinding.
"""

import errno
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, cast

from yarl import URL

ADDRESS_REFUSED = "address not allowed"
WEB_PORTS = (80, 443)
NAT64 = ip_network("64:ff9b::/96")
MAX_LINK_LENGTH = 8000
"""Characters. S3's links have up to 2,000 with a session token; most servers accept no more than this."""
PRIVATE_SUFFIXES = (".local", ".localhost", ".lan", ".home", ".internal", ".home.arpa")
"""Suffixes of names that resolve only in a private network."""
NON_PUBLIC_NETWORKS = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "fec0::/10")))
"""Networks that `ipaddress` calls global although they are not (measured on Python 3.11.7)."""


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
