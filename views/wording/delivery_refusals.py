"""Why Discord refuses a picture, and what its owner can do."""

from domain import Refusal, Refused
from studio.handing.handover import MESSAGE_LIMIT
from views.wording.text import say

RECOVER_ELSEWHERE = "`/recover` in another channel, or in a direct message with me, hands it over."
TOO_LARGE_HERE = (
    "it is too large for this place. `/recover` where larger files are allowed, as in a boosted server, hands it over."
)
TOO_LARGE_ANYWHERE = (
    f"it has more than the {MESSAGE_LIMIT >> 20} MiB that a message may have, and could not be made smaller. The bot's "
    "host can get it from the bot's disk for 7 days."
)
REFUSAL_REASONS = {
    Refusal.EXPLICIT: (
        "Discord's filter took it for explicit. `/recover` in an age-restricted channel, or in a direct message with "
        "me, hands it over."
    ),
    Refusal.BLOCKED: f"a filter of this server, or of Discord, held it back. {RECOVER_ELSEWHERE}",
    Refusal.NO_RIGHT: (
        "I have no right to show it here. Who manages this server can let me see this channel, write and attach "
        f"files; {RECOVER_ELSEWHERE}"
    ),
    Refusal.TOO_LARGE: TOO_LARGE_HERE,
    Refusal.TOO_LARGE_ANYWHERE: TOO_LARGE_ANYWHERE,
    Refusal.TOO_MANY: "a message takes no more. `/recover` hands it over.",
    Refusal.CLOSED: f"this thread is closed. {RECOVER_ELSEWHERE}",
    Refusal.INVALID: "Discord did not accept it as it was sent. `/recover` tries again.",
    Refusal.GONE: "its message or channel was deleted. `/recover` hands it over.",
    Refusal.EXPIRED: "it came too late for this place. `/recover` hands it over.",
    Refusal.OTHER: f"Discord did not take it (code {{code}}). {RECOVER_ELSEWHERE}",
}


def delivery_refusal_sentence(refused: Refused) -> str:
    """Why the picture is drawn but not shown, and what to do."""
    return say("The picture is drawn, but {reason}", reason=say(REFUSAL_REASONS[refused.kind], code=refused.code))
