"""The sentences that members read."""

import re
import unicodedata
from collections.abc import Sequence
from math import ceil

from discord.utils import escape_markdown, escape_mentions

from domain import (
    NOT_ASKED,
    AuthError,
    BadResponse,
    Cancelled,
    ContentRejected,
    EaselError,
    Failure,
    Interrupted,
    InvalidRequest,
    QueueFull,
    QuotaError,
    RateLimited,
    Refusal,
    Refused,
    Size,
    Timeout,
    Unavailable,
)
from studio.handover import MESSAGE_LIMIT

STATUS = re.compile(r"[1-5][0-9]{2}(?:: |$)")
"""An HTTP status at the beginning of a detail."""
MINUTES_FROM = 120
SHOWN = 300
TAKES = 800
RATIOS = (
    ("square", 1, 1),
    ("landscape", 5, 4),
    ("landscape", 4, 3),
    ("landscape", 3, 2),
    ("wide", 16, 10),
    ("wide", 16, 9),
    ("wide", 2, 1),
    ("wide", 21, 9),
)
RATIO_TOLERANCE = 1.03
"""786x1024 is meant as 3:4."""
OPTIONS = {"guidance_scale": "guidance"}
"""Our fields that are typed under another name in `/imagine`."""
WORDS = {"negative_prompt": "negative prompt", "transparent": "transparent background", **OPTIONS}

UNSURE = " Whether it had begun is not known, so nobody else is asked; what it drew may have to be paid for."
SENTENCES: dict[type[EaselError], str] = {
    AuthError: "{} does not accept this bot's key. Only the bot's host can mend that.",
    QuotaError: "The bot's account at {} is out of credit. Only the bot's host can mend that.",
    ContentRejected: "The content filter of {} refused this request. Other words may pass.",
    Timeout: "{} sent no picture in time. It may be busy; try again, or try another provider.",
    Interrupted: (
        "I was restarted while asking {}, and cannot tell whether it had begun. "
        "Nothing was ordered twice; press Retry to ask again."
    ),
    Cancelled: "Cancelled before the picture was there.",
}
ELSEWHERE = "`/recover` in another channel, or in a direct message with me, hands it over."
TOO_LARGE_HERE = (
    "it is too large for this place. `/recover` where larger files are allowed, as in a boosted server, hands it over."
)
TOO_LARGE_ANYWHERE = (
    f"it has more than the {MESSAGE_LIMIT >> 20} MiB that a message may have, and could not be made smaller. The bot's "
    "host can get it from the bot's disk for 7 days."
)
REFUSALS = {
    Refusal.EXPLICIT: (
        "Discord's filter took it for explicit. `/recover` in an age-restricted channel, or in a direct message with "
        "me, hands it over."
    ),
    Refusal.BLOCKED: f"a filter of this server, or of Discord, held it back. {ELSEWHERE}",
    Refusal.NO_RIGHT: (
        "I have no right to show it here. Who manages this server can let me see this channel, write and attach "
        f"files; {ELSEWHERE}"
    ),
    Refusal.TOO_LARGE: TOO_LARGE_HERE,
    Refusal.TOO_LARGE_ANYWHERE: TOO_LARGE_ANYWHERE,
    Refusal.TOO_MANY: "a message takes no more. `/recover` hands it over.",
    Refusal.CLOSED: f"this thread is closed. {ELSEWHERE}",
    Refusal.INVALID: "Discord did not accept it as it was sent. `/recover` tries again.",
    Refusal.GONE: "its message or channel was deleted. `/recover` hands it over.",
    Refusal.EXPIRED: "it came too late for this place. `/recover` hands it over.",
    Refusal.OTHER: f"Discord did not take it (code {{}}). {ELSEWHERE}",
}
"""Why a picture is not shown, and what to do."""


NO_ROOM = {
    "uploads": "So many images are coming in that yours did not get its turn. Nothing was ordered; "
    "send it again in a few minutes.",
    "share": "Your images that wait to be drawn take all the room that one member may have. "
    "Send this one again when one of them is done.",
    "room": "The images that wait to be drawn take all the room that there is. Nothing was ordered; "
    "send yours again in a while.",
    "disk": "The bot's disk is full or out of order, so a picture could not be kept. Nothing was ordered; only the "
    "bot's host can mend that.",
}
"""Where files find no room."""


def code(text: str, limit: int = SHOWN) -> str:
    """Text from outside as a code span: nothing in it is a mention, a link or markdown; cut to `limit`."""
    printable = "".join(" " if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") else each for each in text)
    folded = " ".join(printable.replace("`", "\N{MODIFIER LETTER GRAVE ACCENT}").split()) or " "
    return f"`{folded if len(folded) <= limit else folded[: limit - 1] + '…'}`"


def plain(text: str, limit: int = 80) -> str:
    """A title from outside, as it stands: nothing in it is markdown, a link or a mention."""
    return escape_mentions(escape_markdown(code(text, limit)[1:-1]))


def fitting(lines: Sequence[str], room: int) -> list[str]:
    """The lines that a text of so many characters has room for, each of them whole."""
    kept: list[str] = []
    for line in lines:
        if len(line) <= room:
            kept.append(line)
            room -= len(line) + 1
    return kept


def size_name(size: Size) -> str:
    """A size as a person thinks of it: "wide 16:9 · 1024x576"."""
    long, short = max(size), min(size)
    for name, across, down in RATIOS:
        ratio = (long * down) / (short * across)
        if 1 / RATIO_TOLERANCE < ratio < RATIO_TOLERANCE:
            return f"{_shape(size, name, across, down)} · {size}"
    return f"{'wide' if size.width > size.height else 'tall'} · {size}"


def _shape(size: Size, name: str, across: int, down: int) -> str:
    if across == down:
        return name
    if size.width > size.height:
        return f"{name} {across}:{down}"
    return f"{'tall' if name == 'wide' else 'portrait'} {down}:{across}"


def explain(error: EaselError, provider: str = "The provider") -> str:
    """What went wrong, for the member: honest, and without anything that only the host may see."""
    failure = error.failure
    sentence = _sentence(error, failure, provider) + (UNSURE if failure.unsure else "")
    return f"{sentence} (reference {code(failure.reference, 80)})" if failure.reference else sentence


def _sentence(error: EaselError, failure: Failure, provider: str) -> str:
    if isinstance(error, ContentRejected) and failure.field == "member":
        return _held_back(failure, provider)
    if failure.field in NOT_ASKED and not isinstance(error, RateLimited):
        return _outage(failure, provider)
    if fixed := SENTENCES.get(type(error)):
        return fixed.format(provider)
    match error:
        case RateLimited():
            when = f"in {in_time(failure.retry_after)}" if failure.retry_after else "in a minute"
            return f"{provider} is getting too many requests just now. Try again {when}."
        case InvalidRequest():
            return _refusal(failure, provider)
        case BadResponse():
            return _no_picture(failure, provider)
        case QueueFull():
            return _full(failure)
        case Unavailable():
            return _not_drawn(failure, provider)
        case _:
            return "Something went wrong in Easel itself. The bot's host finds it in the log."


def why_refused(refused: Refused) -> str:
    """Why a picture is there and not shown, and what to do."""
    return f"The picture is drawn, but {REFUSALS[refused.kind].format(refused.code)}"


def _not_drawn(failure: Failure, provider: str) -> str:
    """What is to blame: a part of the request, the model, or the provider as a whole."""
    said = _said(failure) if " " in failure.detail else ""
    if failure.field:
        another = WORDS.get(failure.field, failure.field)
        return f"{provider} could not draw that.{said} Try again later, or choose another {another}."
    if failure.answered:
        return f"{provider} could not draw with this model.{said} Try again later, or choose another model or provider."
    return f"{provider} is not working just now.{said} Try again later, or try another provider."


def in_time(seconds: float) -> str:
    """A wait as people tell it: never shorter than it is by much."""
    whole = round(seconds)
    return f"{whole} s" if whole < MINUTES_FROM else f"{ceil(whole / 60)} minutes"


def _outage(failure: Failure, provider: str) -> str:
    trying = "Another request is trying it again; come back in a minute, or choose another provider."
    when = in_time(failure.retry_after) if failure.retry_after else ""
    soon = f"Try again in {when}, or now with another provider." if when else trying
    if failure.field == "pause":
        return f"{provider} has asked for a pause. {soon}"
    return f"{provider} has not been working since <t:{failure.takes}:t>. {soon}"


def _held_back(failure: Failure, provider: str) -> str:
    return (
        f"{failure.subject or provider} has refused words of yours, and after more of them it might refuse everybody. "
        f"For {failure.takes} minutes, choose another provider."
    )


def _full(failure: Failure) -> str:
    if failure.field in NO_ROOM:
        return NO_ROOM[failure.field]
    if failure.field == "member":
        return f"You have {failure.takes} requests waiting, as many as one member may have. Wait until one is done."
    return f"This server has {failure.takes} requests waiting, as many as it may have. Try again in a while."


def _no_picture(failure: Failure, provider: str) -> str:
    if failure.field == "pictures":
        return "The picture is gone: it can no longer be read, or its 7 days are over."
    return f"{provider} sent back no picture that can be shown. Try again, or try another provider."


def _refusal(failure: Failure, provider: str) -> str:
    """What was asked for and cannot be had, and what can."""
    field = WORDS.get(failure.field or "", failure.field or "request")
    if failure.field == "upload":
        return "The image of that request is no longer kept. Send it again with `/imagine image:`."
    if failure.subject:
        return _beyond(failure.subject, failure.field or "", field, failure.takes or "")
    if failure.takes:
        why = f" {_sentenced(plain(failure.detail, 200))}" if failure.detail else ""
        return f"That {field} will not do.{why} What works: {plain(failure.takes, TAKES)}."
    return f"{provider} did not accept the {field}.{_said(failure)}"


def _sentenced(text: str) -> str:
    """With a large letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def _said(failure: Failure) -> str:
    """The provider's own words, without the status before them."""
    words = STATUS.sub("", failure.detail)
    return f" It says: {code(words, 200)}." if words else ""


def _beyond(subject: str, name: str, field: str, takes: str) -> str:
    """What a model does take."""
    model, takes = f"**{plain(subject)}**", plain(takes, TAKES) if takes else ""
    if not takes:
        return f"{model} takes no {field}. Leave `{OPTIONS.get(name, name)}` out, or choose another model."
    if name in ("prompt", "image", "mask"):
        return f"{model} draws from {takes} only. Choose another model, or see in `/providers` who takes what."
    return f"For `{field}`, {model} takes {takes}."
