"""Discord's error codes, and what they mean for a delivery.

The codes: https://docs.discord.com/developers/topics/opcodes-and-status-codes#json
"""

import discord

from domain import DeliveryRefusal
from studio.display import TemporarilyUndeliverable, Undeliverable

UNKNOWN_MESSAGE, UNKNOWN_WEBHOOK, UNKNOWN_INTERACTION = 10008, 10015, 10062
ALREADY_ANSWERED, INVALID_TOKEN = 40060, 50027
TOO_MANY_EDITS = 30046
"""The limit of edits to messages older than an hour."""
RETRYABLE = (20016, 20028, 20029, 40004, 40006, 40062, 40333, 130000)
"""Slow mode, write limits, features that are off for a while, Cloudflare, overload."""
CODES_OF_REFUSAL = {
    DeliveryRefusal.EXPLICIT: (20009,),
    DeliveryRefusal.BLOCKED: (200000, 200001, 240000),
    DeliveryRefusal.NO_RIGHT: (40007, 50001, 50007, 50009, 50013, 50278),
    DeliveryRefusal.TOO_LARGE: (40005, 50045),
    DeliveryRefusal.CLOSED: (50083, 160005),
    DeliveryRefusal.INVALID: (50006, 50035, 50046, 50109, 50110, 50123),
    DeliveryRefusal.GONE: (10003, 10004, UNKNOWN_MESSAGE),
    DeliveryRefusal.EXPIRED: (UNKNOWN_WEBHOOK, INVALID_TOKEN),
}
UNANSWERABLE = (UNKNOWN_MESSAGE, UNKNOWN_WEBHOOK, UNKNOWN_INTERACTION, ALREADY_ANSWERED, INVALID_TOKEN)
"""The interaction has expired or been answered, or its message is deleted: no answer can be sent."""
REFUSAL_OF_CODE = {code: kind for kind, codes in CODES_OF_REFUSAL.items() for code in codes}


def is_unanswerable(error: BaseException | None) -> bool:
    """Whether the interaction can no longer be answered."""
    return isinstance(error, discord.HTTPException) and error.code in UNANSWERABLE


def classify(error: discord.HTTPException) -> Undeliverable | TemporarilyUndeliverable:
    """TemporarilyUndeliverable if a retry may succeed, else the reason why Discord refuses."""
    blocked = error.status == 403 and not error.code  # Cloudflare's page: what Discord itself forbids has a code
    if error.status == 429 or error.status >= 500 or error.code in RETRYABLE or blocked:
        return TemporarilyUndeliverable(f"{error.status}, {error.code}")
    usual = DeliveryRefusal.TOO_LARGE if error.status == 413 else DeliveryRefusal.OTHER
    return Undeliverable(REFUSAL_OF_CODE.get(error.code, usual), error.code or error.status)


def retry_after(error: BaseException) -> float:
    """The seconds that Discord asks to wait; 0 if it does not."""
    if isinstance(error, discord.RateLimited):
        return error.retry_after
    asked = error.response.headers.get("Retry-After", "") if isinstance(error, discord.HTTPException) else ""
    return float(asked) if asked.replace(".", "", 1).isdecimal() else 0.0
