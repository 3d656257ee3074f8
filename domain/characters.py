"""Characters that show nothing, and the few of them that are part of an emoji or of a script's letter."""

from unicodedata import category

CONTROL_CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp")
JOINER = "\u200d"
"""Joins emoji, such as a woman and a rocket to an astronaut, and letters of Arabic and Indic scripts."""
BLACK_FLAG, FIRST_TAG, LAST_TAG = "\U0001f3f4", "\U000e0020", "\U000e007f"
"""A flag such as Scotland's is a black flag, the letters of a region as tags, and a last tag (UTS #51, ED-14a)."""
TAGS = "".join(map(chr, range(ord(FIRST_TAG), ord(LAST_TAG) + 1)))
LONGEST_FLAG = 32
FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and signs without ink: Hangul's fillers, braille without dots, Khmer's inherent vowels."""
SELECTORS = (("\u180b", "\u180f"), ("\ufe00", "\ufe0f"), ("\U000e0100", "\U000e01ef"))
"""Ranges of characters that choose the look of the one before them."""


def without_controls(text: str) -> str:
    """The text with a space for each control and format character that is not part of another character."""
    if text.isprintable():
        return text
    return "".join(each if _stays(text, place) else " " for place, each in enumerate(text))


def is_blank(text: str) -> bool:
    """Whether nothing of the text can be seen; unassigned characters may be a new emoji."""
    return all(map(_shows_nothing, text))


def _stays(text: str, place: int) -> bool:
    here = text[place]
    if here == JOINER:
        return _can_be_joined(text[place - 1 : place]) and _can_be_joined(text[place + 1 : place + 2])
    if FIRST_TAG <= here <= LAST_TAG:
        return _is_in_flag(text, place)
    return category(here) not in CONTROL_CATEGORIES


def _can_be_joined(neighbour: str) -> bool:
    return bool(neighbour) and not neighbour.isascii() and not _is_control(neighbour) and not neighbour.isspace()


def _is_in_flag(text: str, place: int) -> bool:
    """Whether the tags around it follow a black flag and are ended by the last tag."""
    before = text[max(place - LONGEST_FLAG, 0) : place].rstrip(TAGS)
    after = text[place : place + LONGEST_FLAG].lstrip(TAGS[:-1])
    return before.endswith(BLACK_FLAG) and after.startswith(LAST_TAG)


def _is_control(each: str) -> bool:
    return category(each) in CONTROL_CATEGORIES


def _shows_nothing(each: str) -> bool:
    is_selector = any(first <= each <= last for first, last in SELECTORS)
    return each in FILLERS or is_selector or each.isspace() or _is_control(each)
