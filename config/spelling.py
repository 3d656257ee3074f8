"""Finds variables that are set but not read, and suggests what was meant."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from providers.openai import CompatibleSettings

SIMILAR = 0.85
"""Least similarity to a known name, from 0 to 1 by difflib's ratio, that counts as a typing error."""
SIMILAR_AFTER_SAME_WORD = 0.7
"""The same, among known names with the same first word."""
SHARED_FIRST_WORDS = ("AWS", "DATA", "DATABASE", "DEFAULT", "LOG")
"""First words that other programs' variables may have too."""
COMPATIBLE_ENDINGS = frozenset(field.upper() for field in CompatibleSettings.model_fields)
"""Endings of the variables of an OPENAI_COMPATIBLE server."""


def misspelt(names: Iterable[str], known: Collection[str]) -> list[str]:
    """A sentence for each name that is not read, but resembles one that is."""
    sentences = [_misspelling_sentence(name, known) for name in names if name not in known]
    return [sentence for sentence in sentences if sentence]


def _misspelling_sentence(name: str, known: Collection[str]) -> str | None:
    first, _, rest = name.partition("_")
    same_first_word = [each for each in known if each.partition("_")[0] == first not in SHARED_FIRST_WORDS]
    if near := get_close_matches(name, known, 1, SIMILAR) or get_close_matches(
        name, same_first_word, 1, SIMILAR_AFTER_SAME_WORD
    ):
        return f"{name} is no setting; {near[0]} is."
    if same_first_word:
        return f"{name} is no setting."
    is_unnamed = rest in COMPATIBLE_ENDINGS and first not in ("", *SHARED_FIRST_WORDS)
    return f"{name} is no setting: OPENAI_COMPATIBLE does not name {first.lower()}." if is_unnamed else None
