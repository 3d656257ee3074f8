"""Text from outside, made harmless, and cut to the room that there is."""

import unicodedata
from collections.abc import Sequence
from math import ceil

from discord.utils import escape_markdown, escape_mentions

SECONDS_SHOWN_AS_MINUTES = 120
"""Seconds."""
CODE_SPAN_CHARACTERS = 300
"""Characters of a code span."""
MAX_NAMES = 8
"""How many names a sentence lists."""


def code_span(text: str, limit: int = CODE_SPAN_CHARACTERS) -> str:
    """Text from outside as a code span: nothing in it is a mention, a link or markdown; cut to `limit`."""
    printable = "".join(" " if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") else each for each in text)
    folded = " ".join(printable.replace("`", "\N{MODIFIER LETTER GRAVE ACCENT}").split()) or " "
    return f"`{folded if len(folded) <= limit else folded[: limit - 1] + '…'}`"


def escape(text: str, limit: int = 80) -> str:
    """A title from outside, as it stands: nothing in it is markdown, a link or a mention."""
    return escape_mentions(escape_markdown(code_span(text, limit)[1:-1]))


def fit_lines(lines: Sequence[str], room: int) -> list[str]:
    """The lines that a text of so many characters has room for, each of them whole."""
    kept: list[str] = []
    for line in lines:
        if len(line) <= room:
            kept.append(line)
            room -= len(line) + 1
    return kept


def format_wait(seconds: float) -> str:
    """A wait as people tell it: never shorter than it is by much."""
    whole = round(seconds)
    return f"{whole} s" if whole < SECONDS_SHOWN_AS_MINUTES else f"{ceil(whole / 60)} minutes"


def join_names(names: Sequence[str]) -> str:
    """The first few of them, and how many more there are."""
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more


def say(sentence: str, **facts: object) -> str:
    """A sentence with its facts in the named places; sentences in other languages would be looked up here."""
    return sentence.format(**facts)
