"""Sentences about errors: a fixed one by type, or a function for a type whose fields it uses."""

from collections.abc import Mapping
from functools import singledispatch

from domain import (
    Acceptance,
    AuthError,
    BadResponse,
    Cancelled,
    Cause,
    ContentRejected,
    Down,
    EaselError,
    Interrupted,
    InvalidRequest,
    NoRoom,
    NotAsked,
    NotPossible,
    PicturesGone,
    ProviderError,
    QueueFull,
    QuotaError,
    RateLimited,
    Suspended,
    SwitchedOff,
    Timeout,
    Unavailable,
    Unexpected,
    UploadGone,
)
from views.wording.refusals import option_name, refusal_sentence
from views.wording.text import code_span, format_wait, join_sentences, say

QUOTED_CHARACTERS = 200
"""Of a provider's own message."""
FIXED_SENTENCES: Mapping[type[EaselError], str] = {
    AuthError: "{provider} does not accept this bot's key. Only the bot's host can mend that.",
    QuotaError: "The bot's account at {provider} is out of credit. Only the bot's host can mend that.",
    ContentRejected: "The content filter of {provider} refused this request. Other words may pass.",
    Timeout: "{provider} sent no picture in time. It may be busy; try again, or try another provider.",
    BadResponse: "{provider} sent back no picture that can be shown. Try again, or try another provider.",
    SwitchedOff: "{provider} has been switched off by the bot's host. Try another provider.",
    Interrupted: (
        "I was restarted while asking {provider}, and cannot tell whether it had begun. "
        "Nothing was ordered twice; you can ask again."
    ),
    Cancelled: "Cancelled before it was drawn.",
    PicturesGone: "The picture is gone: it can no longer be read, or its 7 days are over.",
    Unexpected: "Something went wrong in Easel itself. The bot's host finds the cause in the log.",
}
PAYMENT_UNKNOWN = "It may have begun to draw and want to be paid, so no other provider was asked."
WITH_REFERENCE = "{sentence} (reference {reference})"
SAID = "It says: {words}."
NOT_ACCEPTED = "{provider} did not accept the {option}."
BUSY = "{provider} is getting too many requests just now. Try again in {wait}."
BUSY_A_MINUTE = "{provider} is getting too many requests just now. Try again in a minute."
NOT_DRAWN = "{provider} could not draw that."
OTHER_OPTION = "Try again later, or choose another {option}."
MODEL_FAILS = "{provider} could not draw with this model."
OTHER_MODEL = "Try again later, or choose another model or provider."
NOT_WORKING = "{provider} is not working just now."
OTHER_PROVIDER = "Try again later, or try another provider."
DOWN_SINCE = "{provider} has not been working since {since}."
PAUSED = "{provider} has asked for a pause."
BACK_IN = "Try again in {wait}, or now with another provider."
TRIED_NOW = "Another request is trying it again; come back in a minute, or choose another provider."
CAUSE_SENTENCES: Mapping[Cause, str] = {
    Cause.LOADING: "Its model is still being loaded.",
    Cause.NO_WORKER: "Nobody draws with this model at this size just now.",
    Cause.WORKERS_FAILED: "The machines that drew for it failed.",
    Cause.OUT_OF_MEMORY: "A smaller size or fewer pictures may fit into its memory.",
    Cause.NO_CHECKPOINT: "No model is installed there.",
    Cause.NO_API: "It seems to run without its API, which only the bot's host can switch on.",
    Cause.RESTARTED: "It restarted again and again while it drew.",
    Cause.STOPPED: "Somebody has stopped the drawing there.",
    Cause.STREAM_ENDED: "Its answer ended before the picture.",
    Cause.API_GONE: "It no longer offers the version of its API that this bot uses.",
    Cause.LINK_FAILS: "The link to its picture does not work.",
    Cause.NO_REASON: "It gave no reason.",
}


def explain(error: EaselError, provider: str = "The provider") -> str:
    """The sentence for the member, without details that only the host may see."""
    sentence = _sentence(error, provider)
    if isinstance(error, Unavailable | Timeout) and error.taken is Acceptance.UNKNOWN:
        sentence = join_sentences(sentence, say(PAYMENT_UNKNOWN))
    if isinstance(error, ProviderError) and error.reference:
        return say(WITH_REFERENCE, sentence=sentence, reference=code_span(error.reference, 80))
    return sentence


def explain_without_external_text(error: EaselError | None, provider: str) -> str:
    """The same without text from the provider, the model or the member."""
    match error:
        case None:
            return say(FIXED_SENTENCES[Unexpected])
        case Suspended() | UploadGone() | QueueFull() | NoRoom():
            return refusal_sentence(error)
        case InvalidRequest() | NotPossible():
            return _sentence(InvalidRequest(), provider)
        case Unavailable():
            return _sentence(Unavailable(taken=error.taken), provider)
        case NotAsked() | RateLimited():
            return _sentence(error, provider)
        case _:
            return say(FIXED_SENTENCES.get(type(error), FIXED_SENTENCES[Unexpected]), provider=provider)


@singledispatch
def _sentence(error: EaselError, provider: str) -> str:
    """By the error's type: a function registered below, else a fixed sentence, else a refusal by Easel itself."""
    fixed = FIXED_SENTENCES.get(type(error))
    return say(fixed, provider=provider) if fixed else refusal_sentence(error)


@_sentence.register
def _(error: RateLimited, provider: str) -> str:
    if error.retry_after:
        return say(BUSY, provider=provider, wait=format_wait(error.retry_after))
    return say(BUSY_A_MINUTE, provider=provider)


@_sentence.register
def _(error: InvalidRequest, provider: str) -> str:
    option = option_name(error.option or "request")
    return join_sentences(say(NOT_ACCEPTED, provider=provider, option=option), _quote(error))


@_sentence.register
def _(error: Unavailable, provider: str) -> str:
    """Names what failed: an option of the request, the model, or the provider as a whole."""
    what, advice = (MODEL_FAILS, OTHER_MODEL) if error.blames_model else (NOT_WORKING, OTHER_PROVIDER)
    if error.option:
        what, advice = NOT_DRAWN, say(OTHER_OPTION, option=option_name(error.option))
    cause = say(CAUSE_SENTENCES[error.cause]) if error.cause else ""
    return join_sentences(say(what, provider=provider), _quote(error), cause, advice)


@_sentence.register
def _(error: NotAsked, provider: str) -> str:
    if error.cause == "RateLimited":
        return _sentence(RateLimited(retry_after=error.retry_after), provider)
    if isinstance(error, Down):
        since = f"<t:{error.since.timestamp():.0f}:t>"
        return join_sentences(say(DOWN_SINCE, provider=provider, since=since), _retry_advice(error))
    return join_sentences(say(PAUSED, provider=provider), _retry_advice(error))


def _retry_advice(error: NotAsked) -> str:
    if error.retry_after:
        return say(BACK_IN, wait=format_wait(error.retry_after))
    return say(TRIED_NOW)


def _quote(error: ProviderError) -> str:
    return say(SAID, words=code_span(error.said, QUOTED_CHARACTERS)) if error.said else ""
