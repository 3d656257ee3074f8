"""Links from outside as they are spelt: a signature covers every letter of one, so that none is spelt otherwise."""

import re
from collections.abc import Collection
from urllib.parse import quote, urljoin

from yarl import URL

from domain import BadResponse
from providers.http.guard import is_address, may_be_public

UNQUOTED_CHARACTERS = "!#$%&'()*+,-./:;=?@[]_|~"
"""Signs that stay as they are, besides letters and digits: those of RFC 3986, and `|`, which links hold unquoted."""
HOST_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?")
"""What can be looked up, and what a link shown to members may hold, once letters of other scripts are in ASCII."""
MAX_HOST_LENGTH = 254
UNESCAPED_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")

LinkHosts = Collection[tuple[str, int | None]]
"""Hosts that results may lie at whatever their address is; without a port, at each of theirs."""


def exact_url(text: str) -> URL:
    """A URL of which only the host is normalised, and quoted only what no request can hold; BadResponse.

    Whoever judges its host and whoever connects to it have the same object before them.
    """
    try:
        read, raw = URL(text), URL(text, encoded=True)
        path, query = _quote_invalid(raw.raw_path), _quote_invalid(raw.raw_query_string)
        return URL.build(
            scheme=read.scheme, authority=read.raw_authority, path=path or "/", query_string=query, encoded=True
        )
    except ValueError:
        raise BadResponse("the result is no link") from None


def web_link(text: str) -> URL:
    """As `exact_url`; BadResponse for what leads elsewhere than the web, or brings a name or a password."""
    url = exact_url(text)
    if url.scheme not in ("http", "https") or not _has_host(url) or url.user or url.password:
        raise BadResponse("the result is no web link")
    return url


def _has_host(url: URL) -> bool:
    """Whether it leads to a name, or an address that holds outside one machine."""
    host = url.raw_host or ""
    if ":" in host:
        return is_address(host) and "%" not in host
    return len(host) <= MAX_HOST_LENGTH and HOST_NAME.fullmatch(host) is not None


def redirect_target(url: URL, location: str) -> URL:
    """Where a redirect leads; BadResponse."""
    try:
        return web_link(urljoin(str(url), location))
    except ValueError:
        raise BadResponse("a redirect to what is no link") from None


def on_own_server(url: URL, base_url: str) -> URL:
    """A link of the server at a base URL, which may call itself by a name that only its own machine knows.

    Nobody else can mean such a name: the path is asked for where the server is known to be.
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
