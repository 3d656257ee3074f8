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
from views.wording.text import code_span, format_wait, say

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
        "Nothing was ordered twice; press Retry to ask again."
    ),
    Cancelled: "Cancelled before the picture was there.",
    PicturesGone: "The picture is gone: it can no longer be read, or its 7 days are over.",
    Unexpected: "Something went wrong in Easel itself. The bot's host finds it in the log.",
}
PAYMENT_UNKNOWN = " Whether it had begun is not known, so nobody else is asked; what it drew may have to be paid for."
REFERENCE = " (reference {reference})"
CAUSE_SENTENCES: Mapping[Cause, str] = {
    Cause.LOADING: "Its model is still being loaded.",
    Cause.NO_WORKER: "No one serves this model at this size.",
    Cause.WORKERS_FAILED: "Its workers failed.",
    Cause.OUT_OF_MEMORY: "A smaller size or fewer pictures may fit into its memory.",
    Cause.NO_CHECKPOINT: "It has no checkpoint.",
    Cause.NO_API: "The bot's host may have to start it with its API.",
    Cause.RESTARTED: "It was restarted again and again.",
    Cause.STOPPED: "Somebody else has stopped it there.",
    Cause.STREAM_ENDED: "Its answer ended before the picture.",
    Cause.API_GONE: "This version of its API is gone.",
    Cause.LINK_FAILS: "The link to its picture does not work.",
    Cause.NO_REASON: "It tells no reason.",
}


def explain(error: EaselError, provider: str = "The provider") -> str:
    """The sentence for the member, without details that only the host may see."""
    sentence = _sentence(error, provider)
    if isinstance(error, Unavailable | Timeout) and error.taken is Acceptance.UNKNOWN:
        sentence += PAYMENT_UNKNOWN
    reference = error.reference if isinstance(error, ProviderError) else None
    return sentence + (say(REFERENCE, reference=code_span(reference, 80)) if reference else "")


def explain_without_external_text(error: EaselError | None, provider: str) -> str:
    """The same without text from the provider, the model or the member."""
    match error:
        case None:
            return FIXED_SENTENCES[Unexpected]
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
    when = say("in {wait}", wait=format_wait(error.retry_after)) if error.retry_after else "in a minute"
    return say("{provider} is getting too many requests just now. Try again {when}.", provider=provider, when=when)


@_sentence.register
def _(error: InvalidRequest, provider: str) -> str:
    option = option_name(error.option or "request")
    return say("{provider} did not accept the {option}.{said}", provider=provider, option=option, said=_quote(error))


@_sentence.register
def _(error: Unavailable, provider: str) -> str:
    """Names what failed: an option of the request, the model, or the provider as a whole."""
    why = _quote(error) + (f" {CAUSE_SENTENCES[error.cause]}" if error.cause else "")
    if error.option:
        sentence = "{provider} could not draw that.{why} Try again later, or choose another {option}."
        return say(sentence, provider=provider, why=why, option=option_name(error.option))
    if error.blames_model:
        sentence = (
            "{provider} could not draw with this model.{why} Try again later, or choose another model or provider."
        )
        return say(sentence, provider=provider, why=why)
    sentence = "{provider} is not working just now.{why} Try again later, or try another provider."
    return say(sentence, provider=provider, why=why)


@_sentence.register
def _(error: NotAsked, provider: str) -> str:
    if error.cause == "RateLimited":
        return _sentence(RateLimited(retry_after=error.retry_after), provider)
    soon = _retry_advice(error)
    if isinstance(error, Down):
        since = f"<t:{error.since.timestamp():.0f}:t>"
        return say("{provider} has not been working since {since}. {soon}", provider=provider, since=since, soon=soon)
    return say("{provider} has asked for a pause. {soon}", provider=provider, soon=soon)


def _retry_advice(error: NotAsked) -> str:
    if error.retry_after:
        return say("Try again in {wait}, or now with another provider.", wait=format_wait(error.retry_after))
    return "Another request is trying it again; come back in a minute, or choose another provider."


def _quote(error: ProviderError) -> str:
    return say(" It says: {words}.", words=code_span(error.said, QUOTED_CHARACTERS)) if error.said else ""
