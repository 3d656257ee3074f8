"""What the loopback Discord tells a bot, field by field as far as discord.py reads it."""

from collections.abc import Sequence
from typing import Any

APPLICATION, GUILD, CHANNEL, MEMBER = 1001, 1002, 1003, 5000
CHANNELS, ROLES = 30, 20
"""Of each server but the first."""
BOT = {
    "id": str(APPLICATION),
    "username": "bot",
    "discriminator": "0",
    "avatar": None,
    "global_name": None,
    "bot": True,
}
OWNER = {"id": str(MEMBER), "username": "owner", "discriminator": "0", "avatar": None, "global_name": None}
APPLICATION_ABOUT: dict[str, Any] = {
    "id": str(APPLICATION),
    "name": "Bot",
    "icon": None,
    "description": "",
    "bot_public": True,
    "bot_require_code_grant": False,
    "verify_key": "",
    "flags": 0,
    "owner": OWNER,
}


def ready(ids: Sequence[int], shard: Sequence[int], gateway: str) -> dict[str, Any]:
    return {
        "v": 10,
        "user": BOT,
        "session_id": "s",
        "application": {"id": str(APPLICATION), "flags": 0},
        "resume_gateway_url": gateway,
        "shard": shard,
        "guilds": [{"id": str(id), "unavailable": True} for id in ids],
    }


def interaction(id: str, member: int, provider: str, image: dict[str, Any] | None = None) -> dict[str, Any]:
    """image: an attachment, as Discord tells of one."""
    user = {"id": str(member), "username": f"member{member}", "discriminator": "0", "avatar": None, "global_name": None}
    given = {"prompt": f"a boat on a lake, number {id}", "provider": provider}
    options: list[dict[str, Any]] = [{"name": key, "type": 3, "value": value} for key, value in given.items()]
    if image:
        options.append({"name": "image", "type": 11, "value": image["id"]})
    return {
        "id": id,
        "application_id": str(APPLICATION),
        "type": 2,
        "token": f"token-{id}",
        "version": 1,
        "guild_id": str(GUILD),
        "channel_id": str(CHANNEL),
        "channel": {"id": str(CHANNEL), "type": 0, "name": "pictures", "guild_id": str(GUILD), "position": 0},
        "member": {
            "user": user,
            "roles": [],
            "joined_at": "2026-01-01T00:00:00Z",
            "permissions": "2048",
            "flags": 0,
            "deaf": False,
            "mute": False,
        },
        "app_permissions": "35840",
        "locale": "en-US",
        "guild_locale": "en-US",
        "entitlements": [],
        "authorizing_integration_owners": {"0": str(GUILD)},
        "context": 0,
        "attachment_size_limit": 10 * 2**20,
        "data": {
            "id": "2001",
            "name": "imagine",
            "type": 1,
            "options": options,
            "resolved": {"attachments": {image["id"]: image}} if image else {},
        },
    }


def guild(id: int) -> dict[str, Any]:
    many = id != GUILD
    place: dict[str, Any] = {
        "guild_id": str(id),
        "permission_overwrites": [],
        "parent_id": None,
        "nsfw": False,
        "topic": None,
    }
    shape = {"color": 0, "hoist": False, "managed": False, "mentionable": False, "permissions": "2048", "flags": 0}
    channels = [
        place | {"id": str(id + 1000 + n), "type": 0, "name": f"channel-{n}", "position": n}
        for n in range(CHANNELS * many)
    ]
    roles = [shape | {"id": str(id + 2000 + n), "name": f"role {n}", "position": n} for n in range(ROLES * many)]
    empty: dict[str, Any] = {key: [] for key in ("emojis", "features", "members", "threads", "stickers")}
    about = {"id": str(id), "name": f"Server {id}", "owner_id": str(MEMBER), "member_count": 200, "premium_tier": 0}
    return empty | about | {"preferred_locale": "en-US", "channels": channels, "roles": roles}


def message(id: str) -> dict[str, Any]:
    empty: dict[str, Any] = {key: [] for key in ("embeds", "attachments", "mentions", "mention_roles", "components")}
    return empty | {
        "id": id,
        "channel_id": str(CHANNEL),
        "author": BOT,
        "content": "",
        "timestamp": "2026-01-01T00:00:00Z",
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "pinned": False,
        "type": 0,
    }
