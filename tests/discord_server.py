# pyright: basic, reportOptionalMemberAccess=false
"""A loopback Discord on real sockets: as much of REST v10 and the gateway as a start, an /imagine and a stop need.

It keeps every request. Two ways of discord.py that cost a failure each: it wants exactly `application/json` as a
content type, and gateway frames as one zlib stream.
"""

import asyncio
import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

from aiohttp import BodyPartReader, WSMsgType, web

APPLICATION, GUILD, CHANNEL, MEMBER = "1001", "1002", "1003", "1004"
DISCORD_EPOCH = 1_420_070_400_000
BOT = {"id": APPLICATION, "username": "easel", "discriminator": "0", "avatar": None, "global_name": None, "bot": True}
USER = {"id": MEMBER, "username": "member", "discriminator": "0", "avatar": None, "global_name": None}


class Sent(NamedTuple):
    """One request of the bot's."""

    method: str
    path: str
    json: Any
    files: list[bytes]


class DiscordServer:
    def __init__(self, token: str) -> None:
        self.token = token
        self.requests: list[Sent] = []
        self.ready = asyncio.Event()
        self._arrived = asyncio.Condition()
        self._socket: web.WebSocketResponse | None = None
        self._ids = 0

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_get("/gateway", self._gateway)
        app.router.add_route("*", "/api/v10/{path:.*}", self._rest)
        self._runner = web.AppRunner(app, shutdown_timeout=0, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/api/v10"

    def snowflake(self) -> str:
        """A new id of this moment: interactions are told their age by it."""
        self._ids += 1
        return str((int(datetime.now(UTC).timestamp() * 1000) - DISCORD_EPOCH << 22) + self._ids)

    async def sent(self, wanted: Callable[[Sent], object]) -> Sent:
        """The first request of a kind, as soon as it has arrived."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: any(map(wanted, self.requests)))
        return next(filter(wanted, self.requests))

    async def slash(self, name: str, **options: str) -> str:
        """A member types a command; the interaction's token."""
        id = self.snowflake()
        given = [{"name": key, "type": 3, "value": value} for key, value in options.items()]
        member = {"user": USER, "roles": [], "joined_at": "2026-01-01T00:00:00Z", "permissions": "2048", "flags": 0}
        await self._dispatch(
            "INTERACTION_CREATE",
            {
                "id": id,
                "application_id": APPLICATION,
                "type": 2,
                "token": f"interaction-token-{id}",
                "version": 1,
                "guild_id": GUILD,
                "channel_id": CHANNEL,
                "channel": {"id": CHANNEL, "type": 0, "name": "pictures", "guild_id": GUILD, "position": 0},
                "member": member | {"deaf": False, "mute": False},
                "app_permissions": "35840",
                "locale": "en-US",
                "guild_locale": "en-US",
                "entitlements": [],
                "authorizing_integration_owners": {"0": GUILD},
                "context": 0,
                "attachment_size_limit": 10 * 2**20,
                "data": {"id": "2001", "name": name, "type": 1, "options": given},
            },
        )
        return f"interaction-token-{id}"

    async def _rest(self, request: web.Request) -> web.Response:
        path = "/" + request.match_info["path"]
        body, files = await _body(request)
        async with self._arrived:
            self.requests.append(Sent(request.method, path, body, files))
            self._arrived.notify_all()
        if path == "/gateway":
            return _json({"url": f"ws://127.0.0.1:{self._port}/gateway"})
        by_token = path.startswith(("/webhooks/", "/interactions/"))
        if not by_token and request.headers.get("Authorization") != f"Bot {self.token}":
            return _json({"message": "401: Unauthorized", "code": 0}, 401)
        return self._answer(request.method, path, body)

    def _answer(self, method: str, path: str, body: Any) -> web.Response:
        match method, path.strip("/").split("/"):
            case "GET", ["users", "@me"]:
                return _json(BOT)
            case "GET", ["oauth2", "applications", "@me"]:
                team = {"id": APPLICATION, "name": "Easel", "icon": None, "description": "", "bot_public": True}
                return _json(team | {"bot_require_code_grant": False, "verify_key": "", "flags": 0, "owner": USER})
            case "PUT", ["applications", _, "commands"]:
                added = {"application_id": APPLICATION, "version": "1"}
                return _json([each | added | {"id": str(2001 + n)} for n, each in enumerate(body)])
            case "POST", ["interactions", id, _, "callback"]:
                interaction = {"id": id, "type": 2, "response_message_id": self.snowflake()}
                return _json({"interaction": interaction})
            case "PATCH", ["webhooks", _, _, "messages", message]:
                return _json(self._message(message))
        return _json({"message": "404: Not Found", "code": 0}, 404)

    def _message(self, id: str) -> dict[str, Any]:
        empty: dict[str, Any] = {
            key: [] for key in ("embeds", "attachments", "mentions", "mention_roles", "components")
        }
        return empty | {
            "id": id,
            "channel_id": CHANNEL,
            "author": BOT,
            "content": "",
            "timestamp": "2026-01-01T00:00:00Z",
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "pinned": False,
            "type": 0,
        }

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        self._socket = socket = web.WebSocketResponse()
        self._deflate = zlib.compressobj()
        await socket.prepare(request)
        await self._frame(10, {"heartbeat_interval": 41250})
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._heard(json.loads(message.data))
        return socket

    async def _heard(self, frame: dict[str, Any]) -> None:
        if frame["op"] == 1:
            await self._frame(11, None)
        elif frame["op"] == 2:
            assert frame["d"]["token"] == self.token
            ready = {"v": 10, "user": BOT, "session_id": "s", "guilds": [{"id": GUILD, "unavailable": True}]}
            url = f"ws://127.0.0.1:{self._port}/gateway"
            await self._dispatch(
                "READY", ready | {"resume_gateway_url": url, "application": {"id": APPLICATION, "flags": 0}}
            )
            empty: dict[str, Any] = {
                key: [] for key in ("roles", "emojis", "features", "channels", "members", "threads")
            }
            guild = {"id": GUILD, "name": "Server", "owner_id": MEMBER, "member_count": 2, "premium_tier": 0}
            await self._dispatch("GUILD_CREATE", empty | guild | {"preferred_locale": "en-US", "stickers": []})
            self.ready.set()

    async def _dispatch(self, event: str, data: dict[str, Any]) -> None:
        await self._frame(0, data, event)

    async def _frame(self, op: int, data: Any, event: str | None = None) -> None:
        assert self._socket is not None
        frame = json.dumps({"op": op, "d": data, "s": 1 if event else None, "t": event}).encode()
        await self._socket.send_bytes(self._deflate.compress(frame) + self._deflate.flush(zlib.Z_SYNC_FLUSH))


async def _body(request: web.Request) -> tuple[Any, list[bytes]]:
    if not request.content_type.startswith("multipart/"):
        text = await request.text()
        return (json.loads(text) if text else None), []
    payload, files = None, []
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        data = await part.read()
        if part.name == "payload_json":
            payload = json.loads(data)
        else:
            files.append(bytes(data))
    return payload, files


def _json(data: Any, status: int = 200) -> web.Response:
    return web.Response(body=json.dumps(data).encode(), status=status, headers={"Content-Type": "application/json"})
