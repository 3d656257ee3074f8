"""Keeps downloads of URLs from outside away from private addresses.

A resolver of our own would not do: aiohttp does not ask it for IP literals. The socket factory sees the address
of every connection, whether it came from a name, a literal, a redirect or a changed DNS answer.
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
"""S3's have up to 2,000 signs with the token of a session; most servers read no more than this."""
PRIVATE_SUFFIXES = (".local", ".localhost", ".lan", ".home", ".internal", ".home.arpa")
"""Ends of names that only a house of its own knows."""
NON_PUBLIC_NETWORKS = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "fec0::/10")))
"""What `ipaddress` takes for public and is not (measured on Python 3.11.7)."""


def can_be_opened(url: URL) -> bool:
    """Whether a member could follow a link: not into the host's own network, nor one that no server reads."""
    return len(str(url)) <= MAX_LINK_LENGTH and url.port in WEB_PORTS and may_be_public(url.raw_host or "")


def may_be_public(host: str) -> bool:
    """Whether a host, by its spelling alone, may be one that others reach, too."""
    if is_address(host):
        return is_public(host)
    host = host.rstrip(".")
    end = host.rpartition(".")[2]
    return (
        "." in host and not host.endswith(PRIVATE_SUFFIXES) and not end[:1].isdigit()
    )  # 127.1 and 0x7f.1 are numbers, too


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_public(text: str) -> bool:
    """Whether an IP address, looked through every way of wrapping IPv4 in IPv6, is on the public internet."""
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
    """A socket for aiohttp's connector; PermissionError when the address is private or the port unusual."""
    family, kind, protocol, _, target = info
    host, port = cast("tuple[object, ...]", target)[:2]
    if not is_public(str(host)) or port not in WEB_PORTS:
        raise PermissionError(errno.EACCES, ADDRESS_REFUSED)
    return socket.socket(family, kind, protocol)
