"""Proxies and certificates of the host's network."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path

from pydantic import SecretStr

from domain.frozen import Frozen

LOOPBACK_NAME = "localhost"


class Proxy(Frozen):
    """An HTTP proxy."""

    url: str
    """Without user and password."""
    user: str | None = None
    password: SecretStr = SecretStr("")


class Network(Frozen):
    """How this machine reaches others."""

    http: Proxy | None = None
    """For `http://` URLs."""
    https: Proxy | None = None
    no_proxy: tuple[str, ...] = ()
    """Hosts that are reached directly, as in NO_PROXY: names, which stand for all below them, addresses, networks."""
    ca_file: Path | None = None
    """Certificates that are trusted besides the system's."""

    def proxy_for(self, scheme: str, host: str, port: int | None) -> Proxy | None:
        """None: the host is reached directly. This machine always is."""
        proxy = self.http if scheme in ("http", "ws") else self.https
        host = host.rstrip(".").lower()
        is_direct = proxy is None or _is_loopback(host) or any(_covers(each, host, port) for each in self.no_proxy)
        return None if is_direct else proxy


def _is_loopback(host: str) -> bool:
    address = parse_address(host)
    return address.is_loopback if address else host == LOOPBACK_NAME or host.endswith(f".{LOOPBACK_NAME}")


def parse_address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _network(name: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(name, strict=False)
    except ValueError:
        return None


def _covers(entry: str, host: str, port: int | None) -> bool:
    """Whether an entry of NO_PROXY stands for the host, by curl's rules."""
    if entry == "*":
        return True
    name, own_port = _split_port(entry)
    if own_port is not None and own_port != port:
        return False
    address, network = parse_address(host), _network(name)
    if address or network:
        return address is not None and network is not None and address in network
    name = name.removeprefix("*").removeprefix(".").rstrip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _split_port(entry: str) -> tuple[str, int | None]:
    """The host and the port; an IPv6 address with a port is in brackets."""
    if entry.startswith("["):
        host, _, port = entry[1:].partition("]")
        return host, int(port[1:]) if port[1:].isdecimal() else None
    host, colon, port = entry.rpartition(":")
    is_port = colon and ":" not in host and port.isdecimal()
    return (host, int(port)) if is_port else (entry, None)
