"""Why Discord refuses a picture, and what its owner can do."""

from collections.abc import Mapping

from domain import DeliveryRefusal, FailedDelivery
from studio.handover import MESSAGE_LIMIT
from views.wording.text import join_sentences, say

MESSAGE_MEBIBYTES = MESSAGE_LIMIT >> 20
RECOVER_ELSEWHERE = "Use `/recover` in another channel, or in a direct message with me, to get it."
RECOVER = "Use `/recover` to get it."
LET_ME_SHOW = (
    "Those who manage this server can let me see this channel, write and attach files. Until then, use `/recover` in "
    "another channel, or in a direct message with me, to get it."
)
BEYOND_MESSAGE_LIMIT = (
    "The picture is drawn, but it has more than the {limit} MiB that a message takes, and could not be made smaller."
)
HOST_HAS_IT = "The bot's host can get it from the bot's disk for 7 days."
DELIVERY_REFUSAL_SENTENCES: Mapping[DeliveryRefusal, tuple[str, ...]] = {
    DeliveryRefusal.EXPLICIT: (
        "The picture is drawn, but Discord's filter took it for explicit.",
        "Use `/recover` in an age-restricted channel, or in a direct message with me, to get it.",
    ),
    DeliveryRefusal.BLOCKED: (
        "The picture is drawn, but a filter of this server, or of Discord, held it back.",
        RECOVER_ELSEWHERE,
    ),
    DeliveryRefusal.NO_RIGHT: (
        "The picture is drawn, but I may not show it here.",
        LET_ME_SHOW,
    ),
    DeliveryRefusal.TOO_LARGE: (
        "The picture is drawn, but it is too large for this place.",
        "Use `/recover` where larger files are allowed, such as in a boosted server, to get it.",
    ),
    DeliveryRefusal.TOO_LARGE_ANYWHERE: (BEYOND_MESSAGE_LIMIT, HOST_HAS_IT),
    DeliveryRefusal.TOO_MANY: ("The picture is drawn, but its message is full.", RECOVER),
    DeliveryRefusal.CLOSED: ("The picture is drawn, but this thread is closed.", RECOVER_ELSEWHERE),
    DeliveryRefusal.INVALID: (
        "The picture is drawn, but Discord did not accept it as it was sent.",
        "Use `/recover` to try again.",
    ),
    DeliveryRefusal.GONE: ("The picture is drawn, but its message or channel was deleted.", RECOVER),
    DeliveryRefusal.EXPIRED: ("The picture is drawn, but it came too late to be shown here.", RECOVER),
    DeliveryRefusal.OTHER: ("The picture is drawn, but Discord did not take it (code {code}).", RECOVER_ELSEWHERE),
}


def delivery_refusal_sentence(refused: FailedDelivery) -> str:
    """Why the picture is drawn but not shown, and what to do."""
    sentences = DELIVERY_REFUSAL_SENTENCES[refused.kind]
    return join_sentences(*(say(each, code=refused.code, limit=MESSAGE_MEBIBYTES) for each in sentences))
