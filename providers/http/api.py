"""One provider's corner of the transport: its base URL and its key."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from typing import Any, AnyStr
from urllib.parse import quote

import aiohttp
from pydantic import SecretStr

from domain import BadResponse, Picture
from providers.http.addresses import LinkHosts, exact_url
from providers.http.answers import Answer
from providers.http.events import Event
from providers.http.parsing import PIECE_BYTES
from providers.http.transport import Transport

MIN_KEY_LENGTH = 8
"""Shorter keys are placeholders for servers that want none; striking them out would damage ordinary words."""
MIN_KEY_LENGTH_IN_LONG_BODY = 12
"""In long bodies, such as pictures in base64, a shorter key could occur by chance."""
LONG_BODY = 64 * 1024
MAX_JSON_BYTES = 16 * 1024 * 1024
"""Bytes of an answer without pictures; a list of 100,000 models is shorter."""


class Api:
    """Calls below one base URL. A key that an answer echoes is struck out before anybody reads it."""

    def __init__(
        self,
        transport: Transport,
        base_url: str,
        *,
        header: str = "",
        prefix: str = "",
        key: SecretStr | None = None,
        domains: Sequence[str] = (),
        link_hosts: LinkHosts = (),
    ) -> None:
        """domains: whose hosts may get the key too, where an answer says to ask there.

        link_hosts: those that results may lie at although their address is private.
        """
        self._transport = transport
        self._domains = domains
        self._link_hosts = link_hosts
        self._base_url = base_url.rstrip("/")
        self._key = key.get_secret_value() if key else ""
        self._headers = {header: prefix + self._key} if self._key else {}

    async def get(self, path: str, *, headers: Mapping[str, str] | None = None, tries: int = 3) -> Answer:
        return await self.send("GET", path, headers=headers, tries=tries)

    async def get_json(self, path: str, *, headers: Mapping[str, str] | None = None, tries: int = 3) -> Answer:
        """As `get`, for what is words and links alone, such as a list of models."""
        return await self.send("GET", path, headers=headers, tries=tries, cap=MAX_JSON_BYTES)

    async def post(self, path: str, body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> Answer:
        return await self.send("POST", path, json=body, headers=headers)

    async def is_reachable(self) -> bool:
        """Whether anything answers at the base URL, be it a 404."""
        return await self._transport.reaches(self._base_url + "/")

    def key_header(self, header: str) -> dict[str, str]:
        """The key under another header's name."""
        return {header: self._key} if self._key else {}

    async def send(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any) -> Answer:
        """Any call; path: below the base URL, or a whole URL that an answer gave. options: of `Transport.call`."""
        url = self.url(path)
        if on_event := options.get("on_event"):
            options["on_event"] = partial(self._redact_event, on_event)
        answer = await self._transport.call(method, url, headers={**self._headers, **(headers or {})}, **options)
        if answer.is_picture():
            return answer
        if self._is_redactable(len(answer.body)) and await _contains(answer.body, self._key.encode()):
            answer = replace(answer, body=answer.body.replace(self._key.encode(), b"***"))
        return await answer.parse_in_thread()

    async def fetch(self, url: str, *, seed: int | None = None, seconds: float | None = None) -> Picture:
        """As `Transport.fetch`: a result on the base URL's own host and port may have a private address."""
        return await self._transport.fetch(url, own=self._base_url, hosts=self._link_hosts, seed=seed, seconds=seconds)

    def _is_redactable(self, length: int) -> bool:
        return len(self._key) >= (MIN_KEY_LENGTH if length <= LONG_BODY else MIN_KEY_LENGTH_IN_LONG_BODY)

    async def _redact_event(self, on_event: Callable[[Event], Awaitable[bool]], event: Event) -> bool:
        if self._is_redactable(len(event.data)) and await _contains(event.data, self._key):
            event = event._replace(data=event.data.replace(self._key, "***"))
        return await on_event(event)

    def socket(self, path: str) -> AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse]:
        """As `Transport.socket`."""
        return self._transport.socket(self.url(path).replace("http", "ws", 1), self._headers)

    def url(self, path: str) -> str:
        """Where a path leads; BadResponse for a whole URL that would carry the key to somebody else."""
        if not path.startswith(("http://", "https://")):
            return f"{self._base_url}/{path.lstrip('/')}"
        url = exact_url(path)
        if url.user or url.password:
            raise BadResponse("a link to ask at with a name or a password")
        own = url.origin() == exact_url(self._base_url).origin()
        if own or (
            url.scheme == "https" and any(_is_in_domain(url.raw_host or "", domain) for domain in self._domains)
        ):
            return path
        raise BadResponse("a link to ask at that leads to another host")


async def _contains(text: AnyStr, key: AnyStr) -> bool:
    """Looked for piece by piece: done in a thread, that gives way to the event loop after each."""

    def look() -> bool:
        return any(text.find(key, at, at + PIECE_BYTES + len(key)) >= 0 for at in range(0, len(text), PIECE_BYTES))

    return look() if len(text) <= PIECE_BYTES else await asyncio.to_thread(look)


def _is_in_domain(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def path_segment(text: str) -> str:
    """A remote id as one segment of a path, whatever it holds."""
    return quote(text, safe="")


def path_segments(text: str) -> str:
    """A model's id such as `owner/name` as part of a path: its slashes lead on."""
    return quote(text, safe="/")


def without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A request's body: only the fields that are set, for no API says what it makes of null."""
    return {name: value for name, value in fields.items() if value is not None}
