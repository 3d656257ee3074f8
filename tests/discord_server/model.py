# pyright: basic
"""The test server's data: places, members, messages and interactions, and their JSON."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

APPLICATION, GUILD, CHANNEL, MEMBER, AGED_CHANNEL, DIRECT = "1001", "1002", "1003", "1004", "1005", "1006"
MANAGE_SERVER, MANAGE_MESSAGES, SEND = 1 << 5, 1 << 13, 1 << 11
SERVERS, MEMBERS = "0", "1"
"""Keys of an interaction's installation owners: the server, or the member."""
EPHEMERAL, LOADING = 1 << 6, 1 << 7
MESSAGE, DEFERRED, QUIET, UPDATE = 4, 5, 6, 7
"""Types of an interaction's answer."""
COMMAND, COMPONENT, SUGGEST = 2, 3, 4
"""Types of interactions."""
BOT = {"id": APPLICATION, "username": "easel", "discriminator": "0", "avatar": None, "global_name": None, "bot": True}
FILES = ("image", "mask")
"""The options that are attachments."""


class Place(NamedTuple):
    """Where a member is: a channel of a server, or a direct message."""

    channel: str = CHANNEL
    guild: str | None = GUILD
    installed_by: str = SERVERS


HERE = Place()
AGE_RESTRICTED = Place(AGED_CHANNEL)
DIRECT_MESSAGE = Place(DIRECT, None)
FOREIGN_SERVER = Place("9003", "9002", installed_by=MEMBERS)
"""A server without the bot, in which a member uses their own installation of it."""


def nth(number: int) -> Place:
    """The first channel of the bot's nth server, from 0; the servers are spread evenly over shards."""
    shift = number << 22
    return Place(str(int(CHANNEL) + shift), str(int(GUILD) + shift))


class Clock:
    """Discord's own time, in seconds since 1970."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += seconds


@dataclass(eq=False)
class Sent:
    """One request from the bot."""

    method: str
    path: str
    json: Any
    files: list[bytes]
    sizes: list[int]
    """Of the files."""
    time: float
    """When the whole request had arrived, by time.monotonic()."""
    answered: float | None = None
    status: int | None = None


class Attachment(NamedTuple):
    id: str
    filename: str
    size: int
    data: bytes

    def json(self, host: str) -> dict[str, Any]:
        url = f"{host}/attachments/{self.id}/{self.filename}"
        about = {"id": self.id, "filename": self.filename, "size": self.size, "content_type": "image/png"}
        return about | {"url": url, "proxy_url": url}


@dataclass(eq=False)
class Interaction:
    id: str
    token: str
    user: str
    at: Place
    made: float
    payload: dict[str, Any]
    answered: bool = False
    reply: str | None = None
    """The id of its @original."""
    follow_ups: int = 0
    choices: list[dict[str, Any]] = field(default_factory=list)
    """Suggestions, if it is an autocompletion."""

    def asks(self, prompt: str) -> bool:
        options = self.payload["data"].get("options", [])
        return any(each["name"] == "prompt" and each["value"] == prompt for each in options)

    def metadata(self) -> dict[str, Any]:
        owners = {self.at.installed_by: self.at.guild or "0"}
        about = {"id": self.id, "type": self.payload["type"], "authorizing_integration_owners": owners}
        return about | {"user": user_json(self.user)}

    def answer_json(self, kind: int, message: "Message | None", host: str) -> dict[str, Any]:
        about: dict[str, Any] = {"id": self.id, "type": self.payload["type"]}
        if message and kind in (MESSAGE, DEFERRED):
            about |= {"response_message_id": message.id, "response_message_loading": message.thinking}
            about |= {"response_message_ephemeral": message.private}
        shown = {"message": message.json(host)} if message and kind in (MESSAGE, UPDATE) else {}
        return {"interaction": about, "resource": {"type": kind, **shown}}


@dataclass(eq=False)
class Message:
    id: str
    channel: str
    cause: Interaction | None
    """The command or click that it answers."""
    flags: int = 0
    content: str = ""
    attachments: list[Attachment] = field(default_factory=list)
    components: list[dict[str, Any]] = field(default_factory=list)
    embeds: list[dict[str, Any]] = field(default_factory=list)
    deleted: bool = False

    @property
    def private(self) -> bool:
        return bool(self.flags & EPHEMERAL)

    @property
    def thinking(self) -> bool:
        return bool(self.flags & LOADING)

    @property
    def empty(self) -> bool:
        return not (self.content or self.attachments or self.components or self.embeds)

    @property
    def buttons(self) -> dict[str, str]:
        """Custom ids by label."""
        items = [item for row in self.components for item in row.get("components", ())]
        return {item["label"]: item["custom_id"] for item in items if "label" in item}

    def write(self, data: Mapping[str, Any], files: list[tuple[bytes, int]], new_id: Callable[[], str]) -> None:
        """Edit the message: missing fields stay, attachments that are not listed are deleted."""
        for key in ("content", "components", "embeds"):
            if key in data:
                setattr(self, key, data[key] or type(getattr(self, key))())
        listed = data.get("attachments")
        kept = [each for each in self.attachments if listed is None or each.id in {str(a["id"]) for a in listed}]
        names = {str(each["id"]): each["filename"] for each in listed or () if "filename" in each}
        named = [(names.get(str(number), "file"), *file) for number, file in enumerate(files)]
        self.attachments = kept + [Attachment(new_id(), name, size, content) for name, content, size in named]
        self.flags &= ~LOADING

    def json(self, host: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "channel_id": self.channel,
            "author": BOT,
            "content": self.content,
            "timestamp": "2026-01-01T00:00:00Z",
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "embeds": self.embeds,
            "components": self.components,
            "attachments": [each.json(host) for each in self.attachments],
            "pinned": False,
            "type": 0,
            "flags": self.flags,
            **({"interaction_metadata": self.cause.metadata()} if self.cause else {}),
        }


def interaction_json(
    id: str, token: str, kind: int, data: Mapping[str, Any], user: str, at: Place, rights: int
) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "id": id,
        "application_id": APPLICATION,
        "type": kind,
        "token": token,
        "version": 1,
        "channel_id": at.channel,
        "channel": channel_json(at),
        "app_permissions": "35840",
        "locale": "en-US",
        "entitlements": [],
        "authorizing_integration_owners": {at.installed_by: user if at.installed_by == MEMBERS else at.guild or "0"},
        "context": 0 if at.guild else 1,
        "data": dict(data),
    }
    if at.guild is None:
        return payload | {"user": user_json(user)}
    member = {"user": user_json(user), "roles": [], "joined_at": "2026-01-01T00:00:00Z", "deaf": False, "mute": False}
    member |= {"permissions": str(SEND | rights), "flags": 0}
    return payload | {"guild_id": at.guild, "guild_locale": "en-US", "member": member}


def option_json(name: str, value: Any) -> dict[str, Any]:
    """An option as Discord sends it; a mapping has its fields except the name."""
    if isinstance(value, Mapping):
        return {"name": name, **value}
    kinds = {str: 11 if name in FILES else 3, bool: 5, int: 4, float: 10}
    return {"name": name, "value": value, "type": kinds[type(value)]}


def user_json(id: str) -> dict[str, Any]:
    return {"id": id, "username": f"member{id}", "discriminator": "0", "avatar": None, "global_name": None}


def channel_json(at: Place) -> dict[str, Any]:
    if at.guild is None:
        return {"id": at.channel, "type": 1, "recipients": []}
    aged = at.channel == AGED_CHANNEL
    return {"id": at.channel, "type": 0, "name": "pictures", "guild_id": at.guild, "position": 0, "nsfw": aged}


def guild_json(at: Place) -> dict[str, Any]:
    """A server whose second channel is age-restricted."""
    ids = [int(at.channel) + 2 * number for number in range(2)]
    role = {"permissions": "0", "position": 0, "hoist": False, "managed": False, "mentionable": False, "flags": 0}
    return {
        "id": at.guild,
        "name": f"Server {at.guild}",
        "owner_id": MEMBER,
        "member_count": 2,
        "premium_tier": 0,
        "preferred_locale": "en-US",
        "channels": [
            channel_json(at) | {"id": str(id), "position": place, "nsfw": place == 1, "permission_overwrites": []}
            for place, id in enumerate(ids)
        ],
        "roles": [role | {"id": at.guild, "name": "role 0"}],
        **{key: [] for key in ("emojis", "features", "members", "threads", "stickers")},
    }
