"""Sends all HTTP requests, with time limits, size caps and retries.

API calls go to the operator's base URLs with their keys, and follow no redirect: aiohttp drops `Authorization`
on the way to another origin but forwards every custom key header. Downloads go to URLs from outside, without keys,
through a guard that refuses private addresses.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from math import inf
from types import TracebackType
from typing import Self, Unpack

import aiohttp

from domain import Acceptance, BadResponse, Cause, Flaw, Picture, ProviderError, Timeout, Unavailable
from domain.network import Network
from providers.http.addresses import (
    LinkHosts,
    can_be_opened,
    exact_url,
    guarded_socket,
    is_allowed_host,
    on_own_server,
    redirect_target,
    web_link,
)
from providers.http.answers import Answer
from providers.http.bodies import MAX_ERROR_BYTES
from providers.http.calls import (
    CALL_ERRORS,
    CONNECT_SECONDS,
    RETRYABLE_STATUSES,
    Call,
    CallOptions,
    Sender,
    error_for_exception,
)
from providers.http.encoding import MAX_PICTURE_BYTES, decode_picture_async, is_inline_picture
from providers.http.response_heads import MAX_HEADERS, MAX_LINE, Connector
from providers.http.routes import proxy_options, refuse_private, trusted

log = logging.getLogger(__name__)

DIRECT = Network()
MAX_REDIRECTS = 3
SOCKET_CLOSE_SECONDS = 1.0
"""Time limit of a WebSocket's closing handshake."""
MAX_SOCKET_MESSAGE = 4 * 1024 * 1024
"""Bytes of a WebSocket message, such as a preview."""
SOCKET_PING_SECONDS = 20.0
"""Interval of pings on a WebSocket; one without an answer breaks the connection."""
DRAW_SECONDS = 300.0
"""Time limit of a POST, which draws; slow APIs answer after minutes."""
OTHER_CALL_SECONDS = 30.0
"""Time limit of any other call."""


class Transport:
    """All client sessions. Use as an async context manager.

    network: the proxies and certificates.
    seconds: time limit of a POST; other calls have at most `OTHER_CALL_SECONDS`, downloads twice that.
    sleep: waits between attempts; tests pass one that does not.
    """

    def __init__(
        self,
        *,
        network: Network = DIRECT,
        seconds: float = DRAW_SECONDS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._network = network
        self._route = partial(proxy_options, network)
        self._sender = Sender(sleep, self._route)
        self._seconds = seconds
        self.sleep = sleep
        self._api_session: aiohttp.ClientSession
        self._fresh_session: aiohttp.ClientSession
        self._guarded_session: aiohttp.ClientSession
        self._proxied_session: aiohttp.ClientSession
        """For links from outside that a proxy opens; it connects to nothing but the proxy."""

    async def __aenter__(self) -> Self:
        trust = trusted(self._network)
        self._api_session = _session(Connector(ssl=trust))
        # No keep-alive: the peer may be closing a kept connection, and then it is unknown whether it got the call.
        self._fresh_session = _session(Connector(ssl=trust, force_close=True, limit=0))
        self._guarded_session = _session(Connector(ssl=trust, socket_factory=guarded_socket, ttl_dns_cache=10))
        self._proxied_session = _session(Connector(ssl=trust))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in (self._api_session, self._fresh_session, self._guarded_session, self._proxied_session):
            await session.close()

    async def reaches(self, url: str) -> bool:
        """Whether a server answers there, with any status."""
        try:
            call = Call("GET", exact_url(url), tries=1, seconds=OTHER_CALL_SECONDS, cap=MAX_ERROR_BYTES)
            await self._sender.send(call, self._api_session, self._fresh_session)
        except ProviderError as error:
            return isinstance(error, BadResponse) and error.flaw is Flaw.TOO_LONG
        return True

    async def call(self, method: str, url: str, **options: Unpack[CallOptions]) -> Answer:
        """Send one API call and return any response but a redirect; raises Unavailable, Timeout or BadResponse.

        A POST is retried only where the server surely did not accept it: no connection, or a response that
        `acceptance` judges so, usually 429 or 503. Only a GET uses keep-alive connections.
        """
        call = Call(method, exact_url(url), **options)
        limit = self._seconds if method == "POST" else min(self._seconds, OTHER_CALL_SECONDS)
        session = self._api_session if method == "GET" else self._fresh_session
        answer = await self._sender.send(call._replace(seconds=call.seconds or limit), session, self._fresh_session)
        if 300 <= answer.status < 400:
            raise BadResponse(f"{answer.status}: a redirect, which API calls do not follow")
        return answer

    @asynccontextmanager
    async def socket(
        self, url: str, headers: Mapping[str, str] | None = None
    ) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
        """Open a WebSocket; raises Unavailable where it cannot be opened, or breaks inside the block."""
        try:
            limit = aiohttp.ClientWSTimeout(ws_close=SOCKET_CLOSE_SECONDS)  # pyright: ignore[reportCallIssue]
            route = self._route(exact_url(url))
            async with asyncio.timeout(CONNECT_SECONDS):
                socket = await self._fresh_session.ws_connect(
                    exact_url(url),
                    proxy=route.get("proxy"),
                    proxy_headers=route.get("proxy_headers"),
                    headers=headers,
                    heartbeat=SOCKET_PING_SECONDS,
                    timeout=limit,
                    max_msg_size=MAX_SOCKET_MESSAGE,
                )
            async with socket:
                yield socket
        except CALL_ERRORS as error:
            raise error_for_exception(error, Acceptance.UNKNOWN) from None

    async def download(
        self, text: str, *, own: str = "", hosts: LinkHosts = (), login: Mapping[str, str] | None = None
    ) -> bytes:
        """Download a result's URL, or decode a data URL; sends no key, and checks each redirect.

        login: headers with user and password, sent to the server of `own` alone.
        own: the base URL of the server that gave the link; its address may be private, and its links may have an
        internal host name. hosts: others that may be private, as configured.
        """
        if is_inline_picture(text):
            return await decode_picture_async(text)
        url = web_link(text)
        if own and not is_allowed_host(url, hosts):
            url = on_own_server(url, own)
        session = self._api_session if own and url.origin() == exact_url(own).origin() else self._guarded_session
        for _ in range(1 + MAX_REDIRECTS):
            total = min(self._seconds, OTHER_CALL_SECONDS * 2)
            with ProviderError.after_acceptance():
                chosen = self._api_session if is_allowed_host(url, hosts) else session
                if chosen is self._guarded_session and self._route(url):
                    await refuse_private(url)
                    chosen = self._proxied_session
                # No limit on Retry-After: the picture is paid for, and available nowhere else.
                headers = login if own and url.origin() == exact_url(own).origin() else None
                call = Call("GET", url, headers, seconds=total, cap=MAX_PICTURE_BYTES, max_pause=inf)
                answer = await self._sender.send(
                    call, chosen, self._fresh_session if chosen is self._api_session else chosen
                )
            if not 300 <= answer.status < 400:
                return _picture_bytes(answer)
            target = redirect_target(url, answer.headers.get("Location", ""))
            session = session if target.origin() == url.origin() else self._guarded_session
            url = target
        raise BadResponse("too many redirects")

    async def fetch(
        self,
        url: str,
        *,
        own: str = "",
        hosts: LinkHosts = (),
        login: Mapping[str, str] | None = None,
        seed: int | None = None,
        seconds: float | None = None,
    ) -> Picture:
        """Download the picture of a result's URL; as a link where that fails or is too large.

        Raises BadResponse where the URL holds something else than a picture.
        """
        try:
            return Picture(data=await self.download(url, own=own, hosts=hosts, login=login), seed=seed, seconds=seconds)
        except (Unavailable, Timeout, BadResponse) as error:
            is_no_picture = isinstance(error, BadResponse) and error.flaw is None
            if is_no_picture or not can_be_opened(link := web_link(url)):
                raise
            log.warning("a picture is passed on as a link: %s", error)
            return Picture(link=str(link), seed=seed, seconds=seconds)


async def _refuse_redirect(*_: object) -> None:
    raise aiohttp.ClientError("a redirect")


def _session(connector: Connector) -> aiohttp.ClientSession:
    no_redirects = aiohttp.TraceConfig()
    no_redirects.on_request_redirect.append(_refuse_redirect)  # ws_connect has no allow_redirects
    session = aiohttp.ClientSession(
        connector=connector,
        max_line_size=MAX_LINE,
        max_field_size=MAX_LINE,
        max_headers=MAX_HEADERS,
        trace_configs=[no_redirects],
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "Easel", "Accept-Encoding": "identity"},
    )
    # aiohttp silently repeats a GET after a broken keep-alive connection (3.14).
    session._retry_connection = False  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    return session


def _picture_bytes(answer: Answer) -> bytes:
    if answer.status >= 500 or answer.status in RETRYABLE_STATUSES:
        raise Unavailable(f"the result's link answers {answer.status}", cause=Cause.LINK_FAILS)
    if not answer.ok:
        raise BadResponse(f"the result's link answers {answer.status}", flaw=Flaw.WITHHELD)
    if not answer.is_picture():
        raise BadResponse("the result's link holds no image")
    return answer.body
