"""Reading a prompt: which of its words mean what, the longest names first."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from providers.sketch.languages import MEANINGS_BY_LANGUAGE, languages_of
from providers.sketch.names import ART, LANGUAGES, MOST_WORDS, Drawing, code_of, english, foreign, normal_words
from providers.sketch.vocabulary import MEANINGS, SETTINGS

MOST_CHARACTERS = 4000
MOST_READ = 800
"""Words that are looked up; a prompt of ordinary words has no more in 4,000 characters."""
DRAWN_BY_OPENMOJI = frozenset(["apple", "rose", "tulip", "kitten", "crow", "ship"])
"""Words of Sketch's own things that OpenMoji has a better drawing for."""
OWN = {code_of(emoji): thing for emoji, thing in ART.items()}
ENDINGS = (("ies", "y"), ("ves", "f"), ("es", ""), ("s", ""))
FOREIGN_ENDINGS = (
    *ENDINGS,
    *((ending, "") for ending in ["n", "en", "e", "er", "x"]),
    ("i", "o"),
    ("e", "a"),
    ("n", "l"),
)


class Word(NamedTuple):
    """A word or several of a prompt, and what they mean; part is empty where Sketch does not know them."""

    part: str
    value: str
    plural: bool
    text: str
    drawing: Drawing | None = None


def read(text: str) -> list[Word]:
    """A prompt's words in their order."""
    joined = re.sub(r"\b(water|pixel|8|16)\W(colou?r|art|bit)", r"\1\2", text[:MOST_CHARACTERS], flags=re.IGNORECASE)
    tokens, found, at = normal_words(joined)[:MOST_READ], list[Word](), 0
    languages = [each for each in languages_of(tokens) if each != "en"]
    if not any(map(str.isascii, tokens)):
        languages = [*LANGUAGES]
    while at < len(tokens):
        word, length = _longest(tokens[at : at + MOST_WORDS], languages)
        found.append(word)
        at += length
    return [_fruit_or_colour(found, place) for place in range(len(found))]


def _longest(tokens: list[str], languages: list[str]) -> tuple[Word, int]:
    for length in range(len(tokens), 0, -1):
        text = " ".join(tokens[:length])
        if word := next(_meanings(text, languages), None):
            return word, length
    return Word("", tokens[0], False, tokens[0]), 1


def _meanings(text: str, languages: list[str]) -> Iterator[Word]:
    for stem in _stems(text, ENDINGS):
        if stem in MEANINGS and not (stem in DRAWN_BY_OPENMOJI and english()):
            yield Word(*MEANINGS[stem], stem != text or text == "cacti", text)
        if english() and stem in SETTINGS:
            yield Word("setting", SETTINGS[stem], False, text)
        if drawing := english().get(stem):
            yield _named(drawing, stem != text, text)
    for language in languages:
        for stem in _stems(text, FOREIGN_ENDINGS):
            yield from _foreign_meanings(text, stem, language)


def _named(drawing: Drawing, plural: bool, text: str) -> Word:
    """A drawing's name, or of what Sketch draws itself."""
    own = OWN.get(drawing.codes[-1]) if len(drawing.codes) == 1 else None
    return Word("thing", own, plural, text) if own else Word("drawing", drawing.name, plural, text, drawing)


def _foreign_meanings(text: str, stem: str, language: str) -> Iterator[Word]:
    own: Mapping[str, tuple[str, str]] = MEANINGS_BY_LANGUAGE.get(language, {})
    if stem in own:
        yield Word(*own[stem], stem != text, text)
    match foreign(language).get(stem):
        case Drawing() as drawing:
            yield Word("drawing", drawing.name, stem != text, text, drawing)
        case str(thing):
            yield Word("thing", thing, stem != text, text)
        case None:
            pass


def _stems(text: str, endings: tuple[tuple[str, str], ...]) -> Iterator[str]:
    yield text
    for ending, instead in endings:
        if len(text) > len(ending) + 2 and text.endswith(ending):
            yield text.removesuffix(ending) + instead


def _fruit_or_colour(words: list[Word], place: int) -> Word:
    """ "an orange" is a fruit, "an orange cat" is not."""
    word = words[place]
    names_more = any(each.part not in ("", "colour") for each in words[place + 1 : place + 3])
    fruit = english().get("tangerine")
    if word.value == MEANINGS["orange"][1] and fruit and (word.plural or not names_more):
        before = words[place - 1].text if place else "an"
        if word.plural or before == "an":
            return word._replace(part="drawing", value="orange", drawing=fruit)
    return word
