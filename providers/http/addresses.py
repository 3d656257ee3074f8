"""URLs from outside, kept byte for byte: a signed URL breaks when a client normalises it."""

import re
from collections.abc import Collection
from urllib.parse import quote, urljoin

from yarl import URL

from domain import BadResponse
from providers.http.guard import is_address, may_be_public

UNQUOTED_CHARACTERS = "!#$%&'()*+,-./:;=?@[]_|~"
"""Characters that are not quoted, besides letters and digits: those of RFC 3986, and `|`, which links hold unquoted."""
HOST_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?")
"""A host name in ASCII (IDNA) that can be resolved, and that is safe in a link shown to members."""
MAX_HOST_LENGTH = 254
UNESCAPED_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")

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
        raise BadResponse("the result is no link") from None


def web_link(text: str) -> URL:
    """Like `exact_url`; raises BadResponse unless it is http(s) with a valid host and no credentials."""
    url = exact_url(text)
    if url.scheme not in ("http", "https") or not _has_host(url) or url.user or url.password:
        raise BadResponse("the result is no web link")
    return url


def _has_host(url: URL) -> bool:
    """Whether its host is a valid name, or an IP address without a zone id."""
    host = url.raw_host or ""
    if ":" in host:
        return is_address(host) and "%" not in host
    return len(host) <= MAX_HOST_LENGTH and HOST_NAME.fullmatch(host) is not None


def redirect_target(url: URL, location: str) -> URL:
    """The URL that a redirect leads to; raises BadResponse."""
    try:
        return web_link(urljoin(str(url), location))
    except ValueError:
        raise BadResponse("a redirect to what is no link") from None


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
