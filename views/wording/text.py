"""Escapes and shortens external text for Discord, and fills sentences."""

import re
from collections.abc import Sequence
from math import ceil

from discord.utils import escape_markdown, escape_mentions

from domain.characters import without_controls
from views.limits import LABEL_CHARACTERS

SECONDS_SHOWN_AS_MINUTES = 120
"""A longer wait is shown in minutes."""
CODE_SPAN_CHARACTERS = 300
"""Default length of a code span."""
MAX_NAMES = 8
"""Names that a sentence lists; the others are counted."""
LIVE = re.compile(r"<|:(?=//)|(?<=discord)\.(?=\w)|(?<=discordapp)\.(?=\w)", re.IGNORECASE)
"""What begins a mention, a timestamp, a command, an emoji or a page of the server in angle brackets, a link, and an
invite, which needs no scheme. A backslash before a sign makes it a sign, and is not shown."""
AND = "{first} and {last}"
OR = "{first} or {last}"
NAMES_AND_MORE = "{names} and {count} more"
SECONDS = "{count} s"
MINUTES = "{count} minutes"


def code_span(text: str, limit: int = CODE_SPAN_CHARACTERS) -> str:
    """External text as a code span, without mentions, links or markdown, cut to `limit` characters."""
    folded = " ".join(without_controls(text).replace("`", "\N{MODIFIER LETTER GRAVE ACCENT}").split()) or " "
    return f"`{folded if len(folded) <= limit else folded[: limit - 1] + '…'}`"


def escape(text: str, limit: int = 80) -> str:
    """External text, such as a model's title, in which Discord finds neither markdown nor links nor mentions."""
    plain = escape_markdown(code_span(text, limit)[1:-1], ignore_links=False)
    return LIVE.sub(r"\\\g<0>", escape_mentions(plain))


def short(text: str, limit: int = LABEL_CHARACTERS) -> str:
    """The text on one line, cut to `limit` characters, for a menu, where Discord shows no markdown."""
    return code_span(text, limit)[1:-1]


def fit_lines(lines: Sequence[str], room: int) -> list[str]:
    """The lines that fit into `room` characters; a line that does not fit is left out whole."""
    kept: list[str] = []
    for line in lines:
        if len(line) <= room:
            kept.append(line)
            room -= len(line) + 1
    return kept


def format_wait(seconds: float) -> str:
    """A wait in seconds, or in minutes rounded up."""
    whole = round(seconds)
    if whole < SECONDS_SHOWN_AS_MINUTES:
        return say(SECONDS, count=whole)
    return say(MINUTES, count=ceil(whole / 60))


def join_names(names: Sequence[str], limit: int = MAX_NAMES) -> str:
    """The first names, and how many more there are."""
    listed = ", ".join(names[:limit])
    return say(NAMES_AND_MORE, names=listed, count=len(names) - limit) if len(names) > limit else listed


def join_all(names: Sequence[str], last_two: str = AND) -> str:
    """All names, the last two joined by AND or OR."""
    *most, last = names or [""]
    return say(last_two, first=", ".join(most), last=last) if most else last


def join_sentences(*sentences: str) -> str:
    """Whole sentences one after the other; empty ones are left out."""
    return " ".join(filter(None, sentences))


def say(sentence: str, /, **facts: object) -> str:
    """Fill a sentence's named placeholders; a translation would be looked up here."""
    return sentence.format(**facts)


def say_count(one: str, many: str, count: int, /, **facts: object) -> str:
    """The sentence for one of something, or for any other number; {count} is the number."""
    return say(one if count == 1 else many, count=count, **facts)
