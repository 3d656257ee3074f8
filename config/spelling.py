"""Help with names that are set, but that nothing reads."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from providers.openai.settings import CompatibleSettings

SIMILAR = 0.85
"""How like a known name, from 0 to 1 by difflib's measure, a name has to be to count as that one mistyped."""
SIMILAR_AFTER_SAME_WORD = 0.7
"""The same, among those that begin with the same word."""
SHARED_FIRST_WORDS = ("AWS", "DATA", "DATABASE", "DEFAULT", "LOG")
"""First words of settings that other programs' settings may have, too."""
COMPATIBLE_ENDINGS = frozenset(field.upper() for field in CompatibleSettings.model_fields)
"""What the settings of a server that the host names end with."""


def misspelt(names: Iterable[str], known: Collection[str]) -> list[str]:
    """A sentence for each name that is not read, but nearly is one that is, or begins or ends like one."""
    told = [_misspelling_sentence(name, known) for name in names if name not in known]
    return [sentence for sentence in told if sentence]


def _misspelling_sentence(name: str, known: Collection[str]) -> str | None:
    first, _, rest = name.partition("_")
    akin = [each for each in known if each.partition("_")[0] == first not in SHARED_FIRST_WORDS]
    if near := get_close_matches(name, known, 1, SIMILAR) or get_close_matches(name, akin, 1, SIMILAR_AFTER_SAME_WORD):
        return f"{name} is no setting; {near[0]} is."
    if akin:
        return f"{name} is no setting."
    is_unnamed = rest in COMPATIBLE_ENDINGS and first not in ("", *SHARED_FIRST_WORDS)
    return f"{name} is no setting: OPENAI_COMPATIBLE does not name {first.lower()}." if is_unnamed else None
