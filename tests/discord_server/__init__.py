"""A loopback Discord on real sockets: REST v10 and the gateway, as far as Easel uses them, and ways to break both.

It keeps every request with its time, and every message as a member would see it. Its clock can be moved, so that
tokens die without waiting.
"""

from tests.discord_server.faults import (
    Answer,
    breaks,
    busy,
    cloudflare,
    fails,
    has_picture,
    held,
    is_callback,
    is_channel,
    is_edit,
    is_follow_up,
    is_login,
    is_sync,
    refuses,
)
from tests.discord_server.model import (
    AGE_RESTRICTED,
    APPLICATION,
    CHANNEL,
    DIRECT_MESSAGE,
    FOREIGN_SERVER,
    GUILD,
    HERE,
    MANAGE_MESSAGES,
    MANAGE_SERVER,
    MEMBER,
    Message,
    Place,
    Sent,
    nth,
)
from tests.discord_server.server import DiscordServer

__all__ = [
    "AGE_RESTRICTED",
    "APPLICATION",
    "CHANNEL",
    "DIRECT_MESSAGE",
    "FOREIGN_SERVER",
    "GUILD",
    "HERE",
    "MANAGE_MESSAGES",
    "MANAGE_SERVER",
    "MEMBER",
    "Answer",
    "DiscordServer",
    "Message",
    "Place",
    "Sent",
    "breaks",
    "busy",
    "cloudflare",
    "fails",
    "has_picture",
    "held",
    "is_callback",
    "is_channel",
    "is_edit",
    "is_follow_up",
    "is_login",
    "is_sync",
    "nth",
    "refuses",
]
