"""What a receipt adds to the facts, a sentence each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import singledispatch

from domain import Drawn
from domain.errors import OutageKind
from domain.outcomes import EarlierNote, ModelGone, NoAI, Note, SizeFitted, TookOver
from studio.display import ReadyPicture
from views.wording.places import TOO_LARGE_ANYWHERE, TOO_LARGE_HERE
from views.wording.text import say

PASSED: Mapping[OutageKind, str] = {
    "Unavailable": "{provider} was not working",
    "Timeout": "{provider} took too long",
    "RateLimited": "{provider} was over its limit",
    "QuotaError": "{provider} was out of credit",
    "AuthError": "{provider} did not take this bot's key",
}
FITTED = {
    "server": "Drawn at {size}: this model does not take the server's {wanted}.",
    "image": "Drawn at {size}, the nearest to the image's {wanted}.",
}


@singledispatch
def note_words(note: Note) -> str:
    raise NotImplementedError(type(note))


@note_words.register
def _(_note: NoAI) -> str:
    return "Painted by rules, not by an AI model."


@note_words.register
def _(_note: ModelGone) -> str:
    return "The model that this server chose is not on offer now, so the default one drew."


@note_words.register
def _(note: SizeFitted) -> str:
    return say(FITTED[note.whose], size=note.size, wanted=note.wanted)


@note_words.register
def _(note: TookOver) -> str:
    why = ", ".join(say(PASSED[each.cause], provider=each.title) for each in note.passed)
    return say("{why}, so {provider} was asked instead.", why=why, provider=note.title)


@note_words.register
def _(note: EarlierNote) -> str:
    return note.text


def waiting_words(pictures: Sequence[ReadyPicture], later: int) -> list[str]:
    """What is not shown with the others, and how its owner gets it."""
    counts = Counter(each.exceeds_every_limit for each in pictures if each.kept_key)
    here = f"{counts[False]} more: {TOO_LARGE_HERE} Until then it is kept, for 7 days at most."
    anywhere = f"{counts[True]} more: {TOO_LARGE_ANYWHERE}"
    lines = [line for beyond, line in ((False, here), (True, anywhere)) if counts[beyond]]
    return [*lines, *([f"{later} more: a message takes no more. `/recover` hands them over."] if later else [])]


def arrival_words(drawn: Drawn) -> str:
    """Why it is not, or not quite, what the provider has sent; empty where it is."""
    kind = (drawn.kind or "").upper()
    match drawn.way:
        case "converted":
            return f"Converted from {kind}, which Discord does not show."
        case "mended":
            return "It arrived damaged: this is what could be read of it."
        case "file":
            return f"It came as a file that cannot be shown here ({kind}): download it to see it."
        case "shown" | "unread":
            return ""
