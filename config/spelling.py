"""Finds variables that are set but not read, and suggests what was meant."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from providers.openai import CompatibleSettings
from providers.openai.profiles import PROFILES

SIMILAR = 0.85
"""Least similarity to a known name, from 0 to 1 by difflib's ratio, that counts as a typing error."""
SIMILAR_AFTER_SAME_WORD = 0.7
"""The same, among known names with the same first word."""
SHARED_FIRST_WORDS = ("AWS", "CA", "DATA", "DATABASE", "DEFAULT", "HTTP", "HTTPS", "LOG", "NO", "SSL")
"""First words that other programs' variables may have too."""
COMPATIBLE_ENDINGS = frozenset(
    field.upper() for field in CompatibleSettings.model_fields if field not in CompatibleSettings.without_variable
)
"""Endings of the variables of an OPENAI_COMPATIBLE server."""
TELLING_ENDINGS = frozenset({"API_KEY", "BASE_URL"})
"""Those of them that in the environment, which has other programs' variables too, mean a provider."""


def misspelt(names: Iterable[str], known: Collection[str], endings: Collection[str] = COMPATIBLE_ENDINGS) -> list[str]:
    """A sentence for each name that is not read, but resembles one that is.

    endings: those by which a name is taken for a provider's.
    """
    sentences = [_misspelling_sentence(name, known, endings) for name in names if name not in known]
    return [sentence for sentence in sentences if sentence]


def misspelt_in_environment(names: Iterable[str], known: Collection[str]) -> list[str]:
    """As `misspelt`, for names of which most are other programs'."""
    unread = sorted(set(names).difference(known))
    in_other_case = [name for name in unread if name.upper() in known]
    own = [each for each in known if each.upper().partition("_")[0] not in SHARED_FIRST_WORDS]
    told = misspelt([name for name in unread if name not in in_other_case], own, TELLING_ENDINGS)
    return misspelt(in_other_case, known) + [each for each in told if not each.endswith(" is no setting.")]


def closest(written: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant."""
    return next(iter(get_close_matches(written, list(names), 1)), None)


def _misspelling_sentence(name: str, known: Collection[str], endings: Collection[str]) -> str | None:
    if name.upper() in known:
        return f"{name} is no setting; {name.upper()} is."
    first, _, rest = name.partition("_")
    same_first_word = [each for each in known if each.partition("_")[0] == first not in SHARED_FIRST_WORDS]
    if near := get_close_matches(name, known, 1, SIMILAR) or get_close_matches(
        name, same_first_word, 1, SIMILAR_AFTER_SAME_WORD
    ):
        return f"{name} is no setting; {near[0]} is."
    if same_first_word:
        return f"{name} is no setting."
    is_unnamed = rest in endings and first not in ("", *SHARED_FIRST_WORDS)
    return f"{name} is no setting: {_unnamed(first.lower())}." if is_unnamed else None


def _unnamed(name: str) -> str:
    if name in PROFILES:
        return f"OPENAI_COMPATIBLE does not name {name}"
    return f"there is no provider {name}, and OPENAI_COMPATIBLE names no such server"
