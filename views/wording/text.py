"""Escapes and shortens external text for Discord, and fills sentences."""

import unicodedata
from collections.abc import Sequence
from math import ceil

from discord.utils import escape_markdown, escape_mentions

SECONDS_SHOWN_AS_MINUTES = 120
"""A longer wait is shown in minutes."""
CODE_SPAN_CHARACTERS = 300
"""Default length of a code span."""
MAX_NAMES = 8
"""Names that a sentence lists; the others are counted."""


def code_span(text: str, limit: int = CODE_SPAN_CHARACTERS) -> str:
    """External text as a code span, without mentions, links or markdown, cut to `limit` characters."""
    printable = "".join(" " if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") else each for each in text)
    folded = " ".join(printable.replace("`", "\N{MODIFIER LETTER GRAVE ACCENT}").split()) or " "
    return f"`{folded if len(folded) <= limit else folded[: limit - 1] + '…'}`"


def escape(text: str, limit: int = 80) -> str:
    """External text, such as a model's title, with markdown, links and mentions escaped."""
    return escape_mentions(escape_markdown(code_span(text, limit)[1:-1]))


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
        return say("{count} s", count=whole)
    return say("{count} minutes", count=ceil(whole / 60))


def join_names(names: Sequence[str]) -> str:
    """The first MAX_NAMES names, and how many more there are."""
    more = say(" and {count} more", count=len(names) - MAX_NAMES) if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more


def say(sentence: str, **facts: object) -> str:
    """Fill a sentence's named placeholders; a translation would be looked up here."""
    return sentence.format(**facts)
