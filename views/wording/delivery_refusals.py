"""Why Discord refuses a picture, and what its owner can do."""

from collections.abc import Mapping

from domain import DeliveryRefusal, FailedDelivery
from studio.handover import MESSAGE_LIMIT
from views.wording.text import join_sentences, say

MESSAGE_MEBIBYTES = MESSAGE_LIMIT >> 20
RECOVER_ELSEWHERE = "`/recover` in another channel, or in a direct message with me, hands it over."
RECOVER = "`/recover` hands it over."
LET_ME_SHOW = (
    "Who manages this server can let me see this channel, write and attach files; `/recover` in another channel, "
    "or in a direct message with me, hands it over."
)
BEYOND_MESSAGE_LIMIT = (
    "The picture is drawn, but it has more than the {limit} MiB that a message may have, and could not be made smaller."
)
HOST_HAS_IT = "The bot's host can get it from the bot's disk for 7 days."
DELIVERY_REFUSAL_SENTENCES: Mapping[DeliveryRefusal, tuple[str, ...]] = {
    DeliveryRefusal.EXPLICIT: (
        "The picture is drawn, but Discord's filter took it for explicit.",
        "`/recover` in an age-restricted channel, or in a direct message with me, hands it over.",
    ),
    DeliveryRefusal.BLOCKED: (
        "The picture is drawn, but a filter of this server, or of Discord, held it back.",
        RECOVER_ELSEWHERE,
    ),
    DeliveryRefusal.NO_RIGHT: (
        "The picture is drawn, but I have no right to show it here.",
        LET_ME_SHOW,
    ),
    DeliveryRefusal.TOO_LARGE: (
        "The picture is drawn, but it is too large for this place.",
        "`/recover` where larger files are allowed, as in a boosted server, hands it over.",
    ),
    DeliveryRefusal.TOO_LARGE_ANYWHERE: (BEYOND_MESSAGE_LIMIT, HOST_HAS_IT),
    DeliveryRefusal.TOO_MANY: ("The picture is drawn, but a message takes no more.", RECOVER),
    DeliveryRefusal.CLOSED: ("The picture is drawn, but this thread is closed.", RECOVER_ELSEWHERE),
    DeliveryRefusal.INVALID: (
        "The picture is drawn, but Discord did not accept it as it was sent.",
        "`/recover` tries again.",
    ),
    DeliveryRefusal.GONE: ("The picture is drawn, but its message or channel was deleted.", RECOVER),
    DeliveryRefusal.EXPIRED: ("The picture is drawn, but it came too late for this place.", RECOVER),
    DeliveryRefusal.OTHER: ("The picture is drawn, but Discord did not take it (code {code}).", RECOVER_ELSEWHERE),
}


def delivery_refusal_sentence(refused: FailedDelivery) -> str:
    """Why the picture is drawn but not shown, and what to do."""
    sentences = DELIVERY_REFUSAL_SENTENCES[refused.kind]
    return join_sentences(*(say(each, code=refused.code, limit=MESSAGE_MEBIBYTES) for each in sentences))
