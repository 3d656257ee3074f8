"""The notes below a result, one sentence for each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import singledispatch

from domain import Credit, Drawn
from domain.errors import OutageKind
from domain.outcomes import EarlierNote, ModelGone, NoAI, Note, Recognised, SizeFitted, TookOver
from studio.display import ReadyPicture
from views.wording.delivery_refusals import MESSAGE_MEBIBYTES
from views.wording.text import escape, join_names, say

OUTAGE_CLAUSES: Mapping[OutageKind, str] = {
    "Unavailable": "{provider} was not working",
    "Timeout": "{provider} took too long",
    "RateLimited": "{provider} was over its limit",
    "QuotaError": "{provider} was out of credit",
    "AuthError": "{provider} did not take this bot's key",
}
NO_AI = "Painted by rules, not by an AI model."
MODEL_GONE = "The model that this server chose is not on offer now, so the default one drew."
TOOK_OVER = "{why}, so {provider} was asked instead."
KEPT_HERE = (
    "{count} more: it is too large for this place. `/recover` where larger files are allowed, as in a boosted server, "
    "hands it over. Until then it is kept, for 7 days at most."
)
KEPT_ANYWHERE = (
    "{count} more: it has more than the {limit} MiB that a message may have, and could not be made smaller. The bot's "
    "host can get it from the bot's disk for 7 days."
)
CONVERTED = "Converted from {kind}, which Discord does not show."
MENDED = "It arrived damaged: this is what could be read of it."
AS_FILE = "It came as a file that cannot be shown here ({kind}): download it to see it."
BEYOND_MESSAGE = "{count} more: a message takes no more. `/recover` hands them over."
SIZE_FITTED = {
    "server": "Drawn at {size}: this model does not take the server's {wanted}.",
    "image": "Drawn at {size}, the nearest to the image's {wanted}.",
}


WORD_CHARACTERS = 24
"""Length of a word of the prompt in a note."""


@singledispatch
def note_sentence(note: Note) -> str:
    raise NotImplementedError(type(note))


@note_sentence.register
def _(_note: NoAI) -> str:
    return say(NO_AI)


@note_sentence.register
def _(_note: ModelGone) -> str:
    return say(MODEL_GONE)


@note_sentence.register
def _(note: SizeFitted) -> str:
    return say(SIZE_FITTED[note.whose], size=note.size, wanted=note.wanted)


@note_sentence.register
def _(note: TookOver) -> str:
    why = ", ".join(say(OUTAGE_CLAUSES[each.cause], provider=each.title) for each in note.passed)
    return say(TOOK_OVER, why=why, provider=note.title)


@note_sentence.register
def _(note: Recognised) -> str:
    known, unknown = (
        join_names([escape(word, WORD_CHARACTERS) for word in each]) for each in (note.known, note.unknown)
    )
    sentences = [say("In the picture: {words}.", words=known)] if known else []
    return " ".join([*sentences, *([say("Words it does not know: {words}.", words=unknown)] if unknown else [])])


@note_sentence.register
def _(note: EarlierNote) -> str:
    return note.text


def credit_sentence(credit: Credit) -> str:
    licence = f"[{escape(credit.licence)}](<{credit.url}>)"
    return say("With drawings by {creator}, {licence}.", creator=escape(credit.creator), licence=licence)


def undelivered_sentences(pictures: Sequence[ReadyPicture], later: int) -> list[str]:
    """How many pictures are not shown here, why, and how their owner gets them; later: those beyond one message."""
    counts = Counter(each.exceeds_every_limit for each in pictures if each.kept_key)
    here = say(KEPT_HERE, count=counts[False])
    anywhere = say(KEPT_ANYWHERE, count=counts[True], limit=MESSAGE_MEBIBYTES)
    lines = [line for beyond, line in ((False, here), (True, anywhere)) if counts[beyond]]
    return [*lines, *([say(BEYOND_MESSAGE, count=later)] if later else [])]


def conversion_sentence(drawn: Drawn) -> str:
    """How a picture differs from what the provider has sent; empty if it does not."""
    kind = (drawn.kind or "").upper()
    match drawn.way:
        case "converted":
            return say(CONVERTED, kind=kind)
        case "mended":
            return say(MENDED)
        case "file":
            return say(AS_FILE, kind=kind)
        case "shown" | "unread":
            return ""
