"""The notes below a result, one sentence for each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import singledispatch

from domain import Drawn
from domain.errors import OutageKind
from domain.outcomes import EarlierNote, ModelGone, NoAI, Note, SizeFitted, TookOver
from studio.display import ReadyPicture
from views.wording.delivery_refusals import TOO_LARGE_ANYWHERE, TOO_LARGE_HERE
from views.wording.text import say

OUTAGE_CLAUSES: Mapping[OutageKind, str] = {
    "Unavailable": "{provider} was not working",
    "Timeout": "{provider} took too long",
    "RateLimited": "{provider} was over its limit",
    "QuotaError": "{provider} was out of credit",
    "AuthError": "{provider} did not take this bot's key",
}
KEPT_HERE = "{count} more: {why} Until then it is kept, for 7 days at most."
KEPT_ANYWHERE = "{count} more: {why}"
BEYOND_MESSAGE = "{count} more: a message takes no more. `/recover` hands them over."
SIZE_FITTED = {
    "server": "Drawn at {size}: this model does not take the server's {wanted}.",
    "image": "Drawn at {size}, the nearest to the image's {wanted}.",
}


@singledispatch
def note_sentence(note: Note) -> str:
    raise NotImplementedError(type(note))


@note_sentence.register
def _(_note: NoAI) -> str:
    return "Painted by rules, not by an AI model."


@note_sentence.register
def _(_note: ModelGone) -> str:
    return "The model that this server chose is not on offer now, so the default one drew."


@note_sentence.register
def _(note: SizeFitted) -> str:
    return say(SIZE_FITTED[note.whose], size=note.size, wanted=note.wanted)


@note_sentence.register
def _(note: TookOver) -> str:
    why = ", ".join(say(OUTAGE_CLAUSES[each.cause], provider=each.title) for each in note.passed)
    return say("{why}, so {provider} was asked instead.", why=why, provider=note.title)


@note_sentence.register
def _(note: EarlierNote) -> str:
    return note.text


def undelivered_sentences(pictures: Sequence[ReadyPicture], later: int) -> list[str]:
    """How many pictures are not shown here, why, and how their owner gets them; later: those beyond one message."""
    counts = Counter(each.exceeds_every_limit for each in pictures if each.kept_key)
    here = say(KEPT_HERE, count=counts[False], why=TOO_LARGE_HERE)
    anywhere = say(KEPT_ANYWHERE, count=counts[True], why=TOO_LARGE_ANYWHERE)
    lines = [line for beyond, line in ((False, here), (True, anywhere)) if counts[beyond]]
    return [*lines, *([say(BEYOND_MESSAGE, count=later)] if later else [])]


def conversion_sentence(drawn: Drawn) -> str:
    """How a picture differs from what the provider has sent; empty if it does not."""
    kind = (drawn.kind or "").upper()
    match drawn.way:
        case "converted":
            return say("Converted from {kind}, which Discord does not show.", kind=kind)
        case "mended":
            return "It arrived damaged: this is what could be read of it."
        case "file":
            return say("It came as a file that cannot be shown here ({kind}): download it to see it.", kind=kind)
        case "shown" | "unread":
            return ""
