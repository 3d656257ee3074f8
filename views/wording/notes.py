"""The notes below a result, one sentence for each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import singledispatch

from domain import Credit, Drawn
from domain.errors import OutageKind
from domain.outcomes import EarlierNote, ModelGone, NoAI, Note, Passed, Recognised, SizeFitted, TookOver
from studio.display import ReadyPicture
from views.wording.delivery_refusals import MESSAGE_MEBIBYTES
from views.wording.text import escape, join_all, join_names, say, say_count

OUTAGE_CLAUSES: Mapping[OutageKind, tuple[str, str]] = {
    "Unavailable": ("{providers} was not working", "{providers} were not working"),
    "Timeout": ("{providers} took too long", "{providers} took too long"),
    "RateLimited": ("{providers} was over its limit", "{providers} were over their limits"),
    "QuotaError": ("{providers} was out of credit", "{providers} were out of credit"),
    "AuthError": ("{providers} refused this bot's key", "{providers} refused this bot's keys"),
}
"""For one provider, and for several."""
NO_AI = "Painted by rules, not by an AI model."
MODEL_GONE = "The model that this server chose is not on offer now, so the default one drew."
TOOK_OVER = "{why}, so {provider} drew it."
ASKED_INSTEAD = "{why}, so {provider} was asked instead."
TOO_LARGE_HERE = (
    (
        "{count} more picture is too large for this place. Use `/recover` within 7 days, where larger files are "
        "allowed, such as in a boosted server."
    ),
    (
        "{count} more pictures are too large for this place. Use `/recover` within 7 days, where larger files are "
        "allowed, such as in a boosted server."
    ),
)
TOO_LARGE_ANYWHERE = (
    (
        "{count} more picture has more than the {limit} MiB that a message takes, and could not be made smaller. "
        "The bot's host can get it from the bot's disk for 7 days."
    ),
    (
        "{count} more pictures have more than the {limit} MiB that a message takes, and could not be made smaller. "
        "The bot's host can get them from the bot's disk for 7 days."
    ),
)
BEYOND_MESSAGE = (
    "{count} more picture did not fit into this message. Use `/recover` to get it.",
    "{count} more pictures did not fit into this message. Use `/recover` to get them.",
)
CONVERTED = "Converted from {kind}, which Discord does not show."
MENDED = "It arrived damaged: this is what could be read of it."
AS_FILE = "It came as a file that cannot be shown here ({kind}): download it to see it."
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
    return say(TOOK_OVER, why=_why_passed(note.passed), provider=note.title)


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


def failure_note(note: Note) -> str:
    """The same below a failure: whoever was asked last has not drawn either."""
    if isinstance(note, TookOver):
        return say(ASKED_INSTEAD, why=_why_passed(note.passed), provider=note.title)
    return note_sentence(note)


def _why_passed(passed: Sequence[Passed]) -> str:
    """A clause for each cause, with all providers that failed for it."""
    titles: dict[OutageKind, list[str]] = {
        each.cause: [other.title for other in passed if other.cause == each.cause] for each in passed
    }
    return join_all(
        [say_count(*OUTAGE_CLAUSES[cause], len(names), providers=join_all(names)) for cause, names in titles.items()]
    )


def credit_sentence(credit: Credit) -> str:
    licence = f"[{escape(credit.licence)}](<{credit.url}>)"
    return say("With drawings by {creator}, {licence}.", creator=escape(credit.creator), licence=licence)


def undelivered_sentences(pictures: Sequence[ReadyPicture], later: int) -> list[str]:
    """How many pictures are not shown here, why, and how their owner gets them; later: those beyond one message."""
    counts = Counter(each.exceeds_every_limit for each in pictures if each.kept_key)
    told = (
        (TOO_LARGE_HERE, counts[False]),
        (TOO_LARGE_ANYWHERE, counts[True]),
        (BEYOND_MESSAGE, later),
    )
    return [say_count(*sentences, count, limit=MESSAGE_MEBIBYTES) for sentences, count in told if count]


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
