"""Why Discord refuses a picture, and what its owner can do."""

from domain import DeliveryRefusal, FailedDelivery
from studio.handover import MESSAGE_LIMIT
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
    DeliveryRefusal.EXPLICIT: (
        "Discord's filter took it for explicit. `/recover` in an age-restricted channel, or in a direct message with "
        "me, hands it over."
    ),
    DeliveryRefusal.BLOCKED: f"a filter of this server, or of Discord, held it back. {RECOVER_ELSEWHERE}",
    DeliveryRefusal.NO_RIGHT: (
        "I have no right to show it here. Who manages this server can let me see this channel, write and attach "
        f"files; {RECOVER_ELSEWHERE}"
    ),
    DeliveryRefusal.TOO_LARGE: TOO_LARGE_HERE,
    DeliveryRefusal.TOO_LARGE_ANYWHERE: TOO_LARGE_ANYWHERE,
    DeliveryRefusal.TOO_MANY: "a message takes no more. `/recover` hands it over.",
    DeliveryRefusal.CLOSED: f"this thread is closed. {RECOVER_ELSEWHERE}",
    DeliveryRefusal.INVALID: "Discord did not accept it as it was sent. `/recover` tries again.",
    DeliveryRefusal.GONE: "its message or channel was deleted. `/recover` hands it over.",
    DeliveryRefusal.EXPIRED: "it came too late for this place. `/recover` hands it over.",
    DeliveryRefusal.OTHER: f"Discord did not take it (code {{code}}). {RECOVER_ELSEWHERE}",
}


def delivery_refusal_sentence(refused: FailedDelivery) -> str:
    """Why the picture is drawn but not shown, and what to do."""
    return say("The picture is drawn, but {reason}", reason=say(REFUSAL_REASONS[refused.kind], code=refused.code))
