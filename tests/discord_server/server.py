# pyright: basic
"""The test server: actions of members, the REST API for the bot, and queries for tests."""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import formatdate
from typing import Any, Self, TypeVar

from aiohttp import web

from tests.discord_server.faults import Action, Answer, Fault, reset
from tests.discord_server.gateway import Event, Gateway, Session
from tests.discord_server.model import (
    APPLICATION,
    BOT,
    CHANNEL,
    COMMAND,
    COMPONENT,
    DEFERRED,
    HERE,
    LOADING,
    MEMBER,
    MEMBERS,
    MESSAGE,
    QUIET,
    SUGGEST,
    UPDATE,
    Attachment,
    Clock,
    Interaction,
    Message,
    Place,
    Sent,
    channel_json,
    guild_json,
    interaction_json,
    nth,
    option_json,
    user_json,
)
from tests.discord_server.wire import json_answer, problems, read_body

DISCORD_EPOCH = 1_420_070_400
MEBIBYTE = 2**20
REQUEST_LIMIT = 25 * MEBIBYTE
ANSWER_SECONDS, TOKEN_SECONDS, NONCE_SECONDS = 3, 15 * 60, 5 * 60
PATIENCE_SECONDS = 60.0
FOLLOW_UPS = 5
"""Discord's limit for an app that is not in the server."""
UNKNOWN = {10003: "Channel", 10008: "Message", 10015: "Webhook", 10062: "interaction"}

Found = TypeVar("Found")
Files = list[tuple[bytes, int]]
"""Contents and sizes."""


class Refused(Exception):
    def __init__(self, status: int, code: int, text: str = "") -> None:
        self.status, self.body = status, {"code": code, "message": text or f"Unknown {UNKNOWN[code]}"}


class DiscordServer:
    """guilds: how many servers the bot is in. shards: the number that GET /gateway/bot recommends.

    answer_seconds: the deadline of an interaction's first answer; on a busy machine, tests that are not about it use
    more than Discord's three seconds. Bodies that Discord's specification forbids are recorded in `problems`.
    """

    def __init__(
        self,
        token: str,
        *,
        guilds: int = 1,
        shards: int = 1,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self.token = token
        self.clock = Clock()
        self.requests: list[Sent] = []
        self.messages: dict[str, Message] = {}
        self.interactions: dict[str, Interaction] = {}
        """By token."""
        self.commands: list[dict[str, Any]] = []
        self.faults: list[Fault] = []
        self.problems: list[str] = []
        self.gone: set[str] = set()
        """Channels that were deleted."""
        self.forbidden: set[str] = set()
        """Channels where the bot may not send; answers to interactions need no such right."""
        self.upload_limit = self.told_limit = 10 * MEBIBYTE
        """The real limit of a file's bytes, and the limit that interactions state."""
        self.own_limit: int | None = None
        """The limit for messages sent with the bot's token, if it differs."""
        self.tells_channel = True
        """Whether interactions include their channel."""
        self.ready = asyncio.Event()
        """Set when a shard has received its servers, or has resumed."""
        self.gateway = Gateway(token, self._hello, self._is_ready)
        self._guilds = [nth(number) for number in range(guilds)]
        self._shards, self._answer_seconds = shards, answer_seconds
        self._waiting: list[asyncio.Future[None]] = []
        self._numbers = itertools.count()
        self._uploads: dict[str, Attachment] = {}
        self._nonces: dict[tuple[str, str], tuple[float, Message]] = {}

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * MEBIBYTE)
        app.router.add_get("/gateway", self.gateway.connected)
        app.router.add_get("/attachments/{id}/{name}", self._upload)
        app.router.add_route("*", "/api/v10/{path:.*}", self._rest)
        self._runner = web.AppRunner(app, shutdown_timeout=0, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, backlog=2048).start()
        address = f"127.0.0.1:{self._runner.addresses[0][1]}"
        self._host, self._gateway_url = f"http://{address}", f"ws://{address}/gateway"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.gateway.cut()
        await self._runner.cleanup()

    @property
    def api_url(self) -> str:
        return f"{self._host}/api/v10"

    def snowflake(self, *, ahead: float = 0) -> str:
        """A new id for now plus `ahead` seconds; clients compute an interaction's age from it."""
        return str((int((self.clock.now() + ahead - DISCORD_EPOCH) * 1000) << 22) + next(self._numbers) % 2**22)

    async def until(self, condition: Callable[[], Found]) -> Found:
        """Wait until the condition returns something true, and return that; TimeoutError."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (found := condition()):
                self._waiting.append(future := asyncio.get_running_loop().create_future())
                await future
        return found

    async def sent(self, wanted: Callable[[Sent], object]) -> Sent:
        """Wait for the first request that matches."""
        seen = 0

        def first() -> list[Sent]:
            nonlocal seen
            fresh, seen = self.requests[seen:], len(self.requests)
            return list(itertools.islice(filter(wanted, fresh), 1))

        return (await self.until(first))[0]

    def reply(self, token: str) -> Message | None:
        """The interaction's reply; None if there is none or it was deleted."""
        message = self.messages.get(self.interactions[token].reply or "")
        return message if message and not message.deleted else None

    def said(self, token: str) -> Message | None:
        """The interaction's reply; None while it is only deferred."""
        message = self.reply(token)
        return message if message and not message.thinking else None

    def public(self, channel: str = CHANNEL) -> list[Message]:
        """The messages that all members see in a channel."""
        return [each for each in self._shown() if each.channel == channel and not each.private]

    def private(self, user: str = MEMBER) -> list[Message]:
        """The messages that only one member sees."""
        return [each for each in self._shown() if each.private and each.cause and each.cause.user == user]

    def _shown(self) -> Iterator[Message]:
        return (each for each in self.messages.values() if not each.deleted and each.channel not in self.gone)

    def fault(self, wanted: Callable[[Sent], object], action: Action, times: int = 1) -> Fault:
        """Apply an action to the next requests that match, `times` times."""
        self.faults.append(made := Fault(wanted, action, times))
        return made

    async def slash(
        self, name: str, *, user: str = MEMBER, at: Place = HERE, rights: int = 0, age: float = 0, **options: Any
    ) -> str:
        """A member sends a command; returns the interaction's token. Options that are bytes become attached pictures.

        age: seconds since it was sent, according to its id; the server accepts an answer as if it were new.
        """
        files = {key: self._attach(value) for key, value in options.items() if isinstance(value, bytes)}
        given = [option_json(key, files[key].id if key in files else value) for key, value in options.items()]
        resolved = {"attachments": {each.id: each.json(self._host) for each in files.values()}} if files else {}
        data = self._command(name, 1) | {"options": given, "resolved": resolved}
        return await self._interact(COMMAND, data, user, at, rights, age)

    async def suggest(self, name: str, option: str, typed: Any, *, user: str = MEMBER, **options: Any) -> str:
        """A member types in an option with autocompletion; the suggestions are the interaction's `choices`."""
        given = [option_json(key, value) for key, value in options.items()]
        given.append(option_json(option, typed) | {"focused": True})
        return await self._interact(SUGGEST, self._command(name, 1) | {"options": given}, user, HERE)

    async def menu(self, name: str, message: Message, *, user: str = MEMBER, at: Place = HERE) -> str:
        """A member picks a command from a message's menu."""
        resolved = {"messages": {message.id: message.json(self._host)}}
        data = self._command(name, 3) | {"target_id": message.id, "resolved": resolved}
        return await self._interact(COMMAND, data, user, at)

    async def click(
        self, message: Message, label: str, *, user: str = MEMBER, at: Place = HERE, rights: int = 0
    ) -> str:
        """A member presses a button."""
        data = {"custom_id": message.buttons[label], "component_type": 2}
        return await self._interact(COMPONENT, data, user, at, rights, message=message.json(self._host))

    async def choose(
        self, message: Message, menu: str, value: str, *, user: str = MEMBER, at: Place = HERE, rights: int = 0
    ) -> str:
        """A member chooses an option of a menu."""
        data = {"custom_id": menu, "component_type": 3, "values": [value]}
        return await self._interact(COMPONENT, data, user, at, rights, message=message.json(self._host))

    async def replay(self, token: str) -> None:
        """The gateway sends an interaction once more."""
        interaction = self.interactions[token]
        await self.gateway.dispatch("INTERACTION_CREATE", interaction.payload, interaction.at.guild)

    def replace_commands(self, commands: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Register these commands, each with a new version."""
        added = {"application_id": APPLICATION, "version": self.snowflake()}
        self.commands = [each | added | {"id": str(2001 + n)} for n, each in enumerate(commands)]
        return self.commands

    def answer_elsewhere(self, token: str) -> None:
        """Another process with the same token answers the interaction first."""
        interaction = self.interactions[token]
        self._callback(interaction.id, token, {"type": MESSAGE, "data": {"content": "drawn elsewhere"}}, [])

    async def delete_channel(self, at: Place = HERE) -> None:
        self.gone.add(at.channel)
        await self.gateway.dispatch("CHANNEL_DELETE", channel_json(at), at.guild)

    async def _interact(
        self, kind: int, data: Mapping[str, Any], user: str, at: Place, rights: int = 0, age: float = 0, **more: Any
    ) -> str:
        id = self.snowflake(ahead=self._answer_seconds - ANSWER_SECONDS - age)
        token = f"interaction-token-{id}"
        more["attachment_size_limit"] = self.told_limit
        payload = interaction_json(id, token, kind, data, user, at, rights) | more
        if not self.tells_channel:
            del payload["channel"], payload["channel_id"]
        if at.installed_by == MEMBERS:
            self.forbidden.add(at.channel)
        self.interactions[token] = Interaction(id, token, user, at, self.clock.now(), payload)
        await self.gateway.dispatch("INTERACTION_CREATE", payload, at.guild)
        return token

    def _command(self, name: str, kind: int) -> dict[str, Any]:
        known = [each["id"] for each in self.commands if each["name"] == name and each.get("type", 1) == kind]
        return {"id": (known or ["2001"])[0], "name": name, "type": kind}

    def _attach(self, data: bytes) -> Attachment:
        made = Attachment(self.snowflake(), "picture.png", len(data), data)
        self._uploads[made.id] = made
        return made

    def _hello(self, session: Session) -> Iterator[Event]:
        guilds = [each for each in self._guilds if session.takes(each.guild)]
        ready = {"v": 10, "user": BOT, "session_id": session.id, "resume_gateway_url": self._gateway_url}
        ready |= {"shard": [session.shard, session.count], "application": {"id": APPLICATION, "flags": 0}}
        yield "READY", ready | {"guilds": [{"id": each.guild, "unavailable": True} for each in guilds]}
        for each in guilds:
            yield "GUILD_CREATE", guild_json(each)

    def _is_ready(self) -> None:
        self.ready.set()
        self.happened()

    def happened(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        """A member's attachment, as Discord's CDN serves it."""
        sent = Sent("GET", request.path, None, [], [], time.monotonic())
        data = self._uploads[request.match_info["id"]].data
        return await self._answered(request, sent, lambda: web.Response(body=data, content_type="image/png"))

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        path = "/" + request.match_info["path"]
        names, body, files = read_body(request.headers.get("Content-Type", ""), await request.read())
        arrived, sizes = time.monotonic(), [len(each) for each in files]
        sent = Sent(request.method, path, body, files, sizes, arrived)
        self.problems += problems(sent.method, path, names, body)
        authorized = request.headers.get("Authorization") == f"Bot {self.token}"
        return await self._answered(request, sent, lambda: self._checked(sent, authorized=authorized))

    async def _answered(self, request: web.Request, sent: Sent, answer: Answer) -> web.StreamResponse:
        """The normal answer, or a matching fault's."""
        self.requests.append(sent)
        fault = next((each for each in self.faults if each.strikes(sent)), None)
        if fault:
            fault.hits += 1
        self.happened()
        answered = await fault.action(answer) if fault else answer()
        if answered:
            answered.headers.setdefault("Date", formatdate(self.clock.now(), usegmt=True))
        sent.answered, sent.status = time.monotonic(), answered.status if answered else None
        self.happened()
        return answered or reset(request)

    def _checked(self, sent: Sent, *, authorized: bool) -> web.Response:
        by_token = sent.path.startswith(("/webhooks/", "/interactions/"))
        files = list(zip(sent.files, sent.sizes, strict=True))
        try:
            if not authorized and not by_token and sent.path != "/gateway":
                raise Refused(401, 0, "401: Unauthorized")
            limit = self.upload_limit if by_token or self.own_limit is None else self.own_limit
            if sum(sent.sizes) > REQUEST_LIMIT or any(size > limit for size in sent.sizes):
                raise Refused(413, 40005, "Request entity too large")
            result = self._handle(sent, files)
        except Refused as error:
            return json_answer(error.body, error.status)
        return web.Response(status=204) if result is None else json_answer(result)

    def _handle(self, sent: Sent, files: Files) -> Any:
        match sent.method, sent.path.strip("/").split("/"):
            case "POST", ["interactions", id, token, "callback"]:
                return self._callback(id, token, sent.json, files)
            case "POST", ["webhooks", _, token]:
                return self._follow_up(self._answered_interaction(token), sent.json, files).json(self._host)
            case method, ["webhooks", _, token, "messages", id]:
                interaction = self._answered_interaction(token)
                message = self._message((interaction.reply or "") if id == "@original" else id, token=token)
                return self._change(method, message, sent.json, files)
            case "POST", ["channels", channel, "messages"]:
                return self._post(self._open(channel), sent.json, files).json(self._host)
            case method, ["channels", channel, "messages", id]:
                return self._change(method, self._message(id, channel=self._open(channel)), sent.json, files)
        return self._about_the_bot(sent)

    def _about_the_bot(self, sent: Sent) -> Any:
        match sent.method, sent.path.strip("/").split("/"):
            case "GET", ["gateway"]:
                return {"url": self._gateway_url}
            case "GET", ["gateway", "bot"]:
                starts = {"total": 1000, "remaining": 1000, "reset_after": 86_400_000, "max_concurrency": 16}
                return {"url": self._gateway_url, "shards": self._shards, "session_start_limit": starts}
            case "GET", ["users", "@me"]:
                return BOT
            case "GET", ["oauth2", "applications", "@me"]:
                team = {"id": APPLICATION, "name": "Easel", "icon": None, "description": "", "bot_public": True}
                team |= {"bot_require_code_grant": False, "verify_key": "", "flags": 0}
                return team | {"owner": user_json(MEMBER)}
            case "GET", ["applications", _, "commands"]:
                return self.commands
            case "PUT", ["applications", _, "commands"]:
                return self.replace_commands(sent.json)
        self.problems.append(f"{sent.method} {sent.path}: no such call")
        raise Refused(404, 0, "404: Not Found")

    def _callback(self, id: str, token: str, body: Any, files: Files) -> Any:
        interaction, kind, data = self.interactions.get(token), body["type"], body.get("data") or {}
        if interaction is None or interaction.id != id:
            raise Refused(404, 10062)
        if interaction.answered:
            raise Refused(400, 40060, "Interaction has already been acknowledged.")
        if self.clock.now() - interaction.made > self._answer_seconds:
            raise Refused(404, 10062)
        message = self._first_answer(interaction, kind, data, files)
        interaction.answered, interaction.reply = True, message.id if message else None
        interaction.choices = data.get("choices", [])
        return interaction.answer_json(kind, message, self._host)

    def _first_answer(self, interaction: Interaction, kind: int, data: Any, files: Files) -> Message | None:
        new = Message(self.snowflake(), interaction.at.channel, interaction, data.get("flags", 0))
        if kind == DEFERRED:
            new.flags |= LOADING
            self.messages[new.id] = new
            return new
        if kind == MESSAGE:
            return self._write(new, data, files)
        if kind in (QUIET, UPDATE):
            old = self._message(interaction.payload["message"]["id"])
            return self._write(old, data, files) if kind == UPDATE else old
        return None

    def _answered_interaction(self, token: str) -> Interaction:
        """The answered interaction of a valid token; Refused."""
        interaction = self.interactions.get(token)
        if interaction is None or not interaction.answered:
            raise Refused(404, 10015)
        if self.clock.now() - interaction.made > TOKEN_SECONDS:
            raise Refused(401, 50027, "Invalid Webhook Token")
        if interaction.at.channel in self.gone:
            raise Refused(404, 10003)
        return interaction

    def _open(self, channel: str) -> str:
        if channel in self.gone:
            raise Refused(404, 10003)
        if channel in self.forbidden:
            raise Refused(403, 50013, "Missing Permissions")
        return channel

    def _message(self, id: str, *, token: str | None = None, channel: str | None = None) -> Message:
        """The message, if it is reachable by its interaction's token, or in a channel if it is not private; Refused."""
        message = self.messages.get(id)
        if message is None or message.deleted:
            raise Refused(404, 10008)
        answers = message.cause is not None and message.cause.token == token
        if token and not (answers or id == self.interactions[token].reply):
            raise Refused(404, 10008)
        if channel and (message.private or message.channel != channel):
            raise Refused(404, 10008)
        return message

    def _follow_up(self, interaction: Interaction, body: Any, files: Files) -> Message:
        """Post a follow-up; the first after a defer fills the deferred reply."""
        interaction.follow_ups += 1
        if interaction.at.installed_by == MEMBERS and interaction.follow_ups > FOLLOW_UPS:
            raise Refused(400, 40094, "Maximum number of follow up messages reached")
        reply = self.messages.get(interaction.reply or "")
        if reply and reply.thinking and not reply.deleted:
            return self._write(reply, body, files)
        new = Message(self.snowflake(), interaction.at.channel, interaction, body.get("flags", 0))
        return self._write(new, body, files)

    def _post(self, channel: str, body: Any, files: Files) -> Message:
        key = channel, str(body.get("nonce"))
        posted, known = self._nonces.get(key, (0.0, None))
        if body.get("enforce_nonce") and known and self.clock.now() - posted < NONCE_SECONDS:
            return known
        message = self._write(Message(self.snowflake(), channel, None), body, files)
        if body.get("nonce"):
            self._nonces[key] = self.clock.now(), message
        return message

    def _change(self, method: str, message: Message, body: Any, files: Files) -> Any:
        if method == "DELETE":
            message.deleted = True
            return None
        return (self._write(message, body, files) if method == "PATCH" else message).json(self._host)

    def _write(self, message: Message, body: Any, files: Files) -> Message:
        message.write(body, files, self.snowflake)
        if message.empty:
            raise Refused(400, 50006, "Cannot send an empty message")
        self.messages[message.id] = message
        return message
