"""Characters that show nothing, and the few of them that are part of an emoji or of a script's letter."""

import re
from unicodedata import category

CONTROL_CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp")
JOINER = "\u200d"
"""Joins emoji, such as a woman and a rocket to an astronaut, and letters of Arabic and Indic scripts."""
TAGGED_FLAG = re.compile("(?<=\U0001f3f4)[\U000e0020-\U000e007e]{1,30}\U000e007f")
"""A flag such as Scotland's: a black flag, the letters of a region as tags, and a last tag (UTS #51, ED-14a)."""
FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and signs without ink: Hangul's fillers, braille without dots, Khmer's inherent vowels."""
SELECTORS = (("\u180b", "\u180f"), ("\ufe00", "\ufe0f"), ("\U000e0100", "\U000e01ef"))
"""Ranges of characters that choose the look of the one before them."""


def without_controls(text: str) -> str:
    """The text with a space for each control and format character that is not part of another character."""
    if text.isprintable():
        return text
    tags = {place for flag in TAGGED_FLAG.finditer(text) for place in range(*flag.span())}
    return "".join(each if place in tags or _stays(text, place) else " " for place, each in enumerate(text))


def is_blank(text: str) -> bool:
    """Whether nothing of the text can be seen; unassigned characters may be a new emoji."""
    return all(map(_shows_nothing, text))


def _stays(text: str, place: int) -> bool:
    here = text[place]
    if here == JOINER:
        return _can_be_joined(text[place - 1 : place]) and _can_be_joined(text[place + 1 : place + 2])
    return not _is_control(here)


def _can_be_joined(neighbour: str) -> bool:
    return bool(neighbour) and not neighbour.isascii() and not _is_control(neighbour) and not neighbour.isspace()


def _is_control(each: str) -> bool:
    return category(each) in CONTROL_CATEGORIES


def _shows_nothing(each: str) -> bool:
    is_selector = any(first <= each <= last for first, last in SELECTORS)
    return each in FILLERS or is_selector or each.isspace() or _is_control(each)
