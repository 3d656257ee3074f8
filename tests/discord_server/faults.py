# pyright: basic
"""Faults for requests to the test server, and predicates that choose the requests."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from tests.discord_server.model import Sent
from tests.discord_server.wire import json_answer

Answer = Callable[[], web.Response]
Action = Callable[[Answer], Awaitable[web.StreamResponse | None]]
"""Takes the normal answer as a function, which it may call; returning None resets the connection."""


@dataclass(eq=False)
class Fault:
    wanted: Callable[[Sent], object]
    action: Action
    times: int
    hits: int = 0

    def strikes(self, sent: Sent) -> bool:
        return self.hits < self.times and bool(self.wanted(sent))


def fails(status: int, *, taken: bool = False) -> Action:
    """A 5xx. taken: after the request has been carried out."""

    async def action(answer: Answer) -> web.Response:
        if taken:
            answer()
        return json_answer({"message": f"{status}", "code": 0}, status)

    return action


def refuses(status: int, code: int, text: str = "refused") -> Action:
    """A refusal with one of Discord's JSON error codes."""

    async def action(_: Answer) -> web.Response:
        return json_answer({"message": text, "code": code}, status)

    return action


def cloudflare(status: int, retry_after: int | None = None) -> Action:
    """An HTML error page of Cloudflare, without a JSON error code."""

    async def action(_: Answer) -> web.Response:
        headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
        return web.Response(text="<title>error 1015</title>", content_type="text/html", status=status, headers=headers)

    return action


def busy(seconds: float = 0.05, *, via: bool = True, told: bool = True) -> Action:
    """429. via: with a Via header; without it discord.py does not retry. told: with Retry-After."""

    async def action(answer: Answer) -> web.Response:
        about = {"message": "You are being rate limited.", "retry_after": seconds, "global": False}
        headers = ({"Via": "1.1 google"} if via else {}) | ({"Retry-After": f"{seconds}"} if told else {})
        return json_answer(about, 429, headers)

    return action


def breaks(*, taken: bool = False) -> Action:
    """The connection is reset. taken: after the request has been carried out."""

    async def action(answer: Answer) -> None:
        if taken:
            answer()

    return action


def cut() -> Action:
    """The request is carried out, but the connection ends after the answer's head."""

    async def action(answer: Answer) -> web.StreamResponse:
        answered = answer()
        head = web.StreamResponse(status=answered.status, headers={"Content-Type": "application/json"})
        head.content_length = answered.content_length
        head.force_close()
        return head

    return action


def headed(headers: Mapping[str, str]) -> Action:
    """The normal answer with these headers, such as another Date, or an Age as from a cache."""

    async def action(answer: Answer) -> web.Response:
        answered = answer()
        answered.headers.update(headers)
        return answered

    return action


def held(until: asyncio.Event, *, taken: bool = False) -> Action:
    """The answer is delayed until the event is set. taken: the request is carried out at once."""

    async def action(answer: Answer) -> web.Response:
        early = answer() if taken else None
        await until.wait()
        return early or answer()

    return action


def is_login(sent: Sent) -> bool:
    return sent.path == "/users/@me"


def is_application(sent: Sent) -> bool:
    """The second step of a login."""
    return sent.path == "/oauth2/applications/@me"


def is_sync(sent: Sent) -> bool:
    return sent.method == "PUT" and sent.path.endswith("/commands")


def is_callback(sent: Sent) -> bool:
    return sent.path.endswith("/callback")


def is_edit(sent: Sent) -> bool:
    """Of an interaction's reply."""
    return sent.method == "PATCH" and sent.path.startswith("/webhooks/")


def is_follow_up(sent: Sent) -> bool:
    return sent.method == "POST" and sent.path.startswith("/webhooks/")


def is_channel(sent: Sent) -> bool:
    """A message posted or edited by the bot's own token."""
    return sent.method in ("POST", "PATCH") and sent.path.startswith("/channels/")


def is_channel_edit(sent: Sent) -> bool:
    """Of a message by the bot's own token."""
    return sent.method == "PATCH" and sent.path.startswith("/channels/")


def is_post(sent: Sent) -> bool:
    """A new message by the bot's own token."""
    return sent.method == "POST" and sent.path.startswith("/channels/")


def larger_than(size: int) -> Callable[[Sent], bool]:
    """Has a file of more bytes."""
    return lambda sent: max(sent.sizes, default=0) > size


def has_picture(sent: Sent) -> bool:
    return bool(sent.sizes)


def reset(request: web.Request) -> web.Response:
    """End the connection with RST, as if a machine on the way had failed."""
    if request.transport:
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response()
