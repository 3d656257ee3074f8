"""HTTP client of one provider: its base URL, its key, and redaction of secrets in responses."""

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
from providers.http.redaction import LONG_TEXT, REDACTED, Redactor
from providers.http.transport import Transport

BASIC = "Basic "
"""Prefix of user and password (RFC 7617)."""
MAX_JSON_BYTES = 16 * 1024 * 1024
"""Cap for a JSON response without pictures; a list of 100,000 models is shorter."""


class Api:
    """Client for one base URL. Secrets are redacted from every response: its headers, JSON, events and messages."""

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
        secrets: Sequence[str] = (),
    ) -> None:
        """domains: their hosts may get the key too, where a response gives a URL to call.

        link_hosts: hosts that result links may lead to although their address is private.
        secrets: redacted, besides the key and a password in the base URL.
        """
        self._transport = transport
        self._domains = domains
        self._link_hosts = link_hosts
        self._base_url = base_url.rstrip("/")
        self._key = key.get_secret_value() if key else ""
        self._headers = {header: prefix + self._key} if self._key else {}
        self.redactor = Redactor([*secrets, self._key, _account_of(base_url)])
        # A proxy that asks for user and password does so for pictures, too.
        self._login = self._headers if prefix == BASIC else None

    async def get(self, path: str, *, headers: Mapping[str, str] | None = None, tries: int = 3) -> Answer:
        return await self.send("GET", path, headers=headers, tries=tries)

    async def get_json(self, path: str, *, headers: Mapping[str, str] | None = None, tries: int = 3) -> Answer:
        """Like `get`, with a smaller cap: for JSON without pictures, such as a list of models."""
        return await self.send("GET", path, headers=headers, tries=tries, cap=MAX_JSON_BYTES)

    async def post(self, path: str, body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> Answer:
        return await self.send("POST", path, json=body, headers=headers)

    async def is_reachable(self) -> bool:
        """Whether the base URL answers with any status."""
        return await self._transport.reaches(self._base_url + "/")

    def key_header(self, header: str) -> dict[str, str]:
        """The key in another header."""
        return {header: self._key} if self._key else {}

    async def send(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any) -> Answer:
        """path: relative to the base URL, or a URL from a response. options: of `Transport.call`."""
        url = self.url(path)
        if on_event := options.get("on_event"):
            options["on_event"] = partial(self._redact_event, on_event)
        answer = await self._transport.call(method, url, headers={**self._headers, **(headers or {})}, **options)
        answer = replace(answer, headers=self.redactor.strike_headers(answer.headers), redactor=self.redactor)
        if answer.is_picture():
            return answer
        if len(answer.body) > LONG_TEXT:
            answer = replace(answer, body=await self._strike_long(answer.body, str.encode))
        return await answer.parse_in_thread()

    async def fetch(self, url: str, *, seed: int | None = None, seconds: float | None = None) -> Picture:
        """Like `Transport.fetch`; a result on the base URL's host and port may have a private address."""
        return await self._transport.fetch(
            url, own=self._base_url, hosts=self._link_hosts, login=self._login, seed=seed, seconds=seconds
        )

    async def _strike_long(self, text: AnyStr, spelled: Callable[[str], AnyStr]) -> AnyStr:
        """A long text without the secrets that it holds as they are; spelled: a secret in the text's type."""
        for secret in map(spelled, self.redactor.long_secrets()):
            if await _contains(text, secret):
                text = text.replace(secret, spelled(REDACTED))
        return text

    async def _redact_event(self, on_event: Callable[[Event], Awaitable[bool]], event: Event) -> bool:
        data = await self._strike_long(event.data, str) if len(event.data) > LONG_TEXT else event.data
        return await on_event(event._replace(data=self.redactor.strike_long(data)))

    def socket(self, path: str) -> AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse]:
        """Like `Transport.socket`."""
        return self._transport.socket(self.url(path).replace("http", "ws", 1), self._headers)

    def url(self, path: str) -> str:
        """The absolute URL of a path; raises BadResponse for one that would send the key to another host."""
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


def _account_of(base_url: str) -> str:
    """User and password in a URL, as `user:password`."""
    url = exact_url(base_url)
    return f"{url.user or ''}:{url.password}" if url.password else ""


async def _contains(text: AnyStr, key: AnyStr) -> bool:
    """Search piece by piece, in a thread for long texts: each piece releases the GIL."""

    def look() -> bool:
        return any(text.find(key, at, at + PIECE_BYTES + len(key)) >= 0 for at in range(0, len(text), PIECE_BYTES))

    return look() if len(text) <= PIECE_BYTES else await asyncio.to_thread(look)


def _is_in_domain(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def path_segment(text: str) -> str:
    """Quote a remote id as one segment of a path."""
    return quote(text, safe="")


def path_segments(text: str) -> str:
    """Quote a model's id such as `owner/name` for a path, keeping its slashes."""
    return quote(text, safe="/")


def without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Drop fields that are None: APIs do not document how they treat null."""
    return {name: value for name, value in fields.items() if value is not None}
