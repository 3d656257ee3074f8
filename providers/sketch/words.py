"""Parses a prompt into a scene, with a vocabulary of known words."""

import hashlib
import re
import unicodedata
from typing import NamedTuple

WORDS = {
    "time": """day noon sun sunny; dawn sunrise morning; sunset evening; dusk twilight; night moon moonlit starry""",
    "weather": "clear; clouds cloud cloudy; rain rainy storm stormy; fog foggy mist misty; snow snowy winter",
    "place": """sea ocean coast beach island; hills hill; mountains mountain alps; forest wood woods; desert dune;
        city town skyline street; field meadow garden park""",
    "water": "water lake river pond harbour harbor bay",
    "sky": "sky",
    "style": "paint oil painting; watercolour watercolor; ink pen etching pencil; pixel pixelart 8bit 16bit",
    "thing": """lighthouse; house cottage cabin home barn; castle palace; tree oak apple maple; pine fir spruce; tower;
        cactus cacti; boat sailboat yacht ship; cat kitten; bird gull seagull crow; balloon; flower rose tulip poppy""",
    "colour": """c8302a red; e8802c orange; f2c846 yellow; e2b24a gold golden; 4e8c4a green; 288a8c teal turquoise;
        3462b0 blue; 784296 purple ; e88ca6 pink; 7a5032 brown; f0eee6 white; 22222a black; 84888e grey gray;
        f0e0c0 cream; b8702c autumn""",
}
"""The possible values of each part of a scene: their name, then their synonyms."""
GROUPS = [(part, group.split()) for part, row in WORDS.items() for group in row.split(";")]
MEANINGS = {word: (part, names[0]) for part, names in GROUPS for word in names}
MANY = {"bird": 7, "flower": 150, "tree": 5, "pine": 5}
"""How many of a thing its plural means; of others three."""
HOMES = {"boat": "sea", "lighthouse": "sea", "cactus": "desert", "tower": "city"}
"""The place of a prompt that names a thing but no place."""


class Scene(NamedTuple):
    """What is to be painted. salt: a hash of all words, known or not, for the random numbers."""

    style: str
    time: str
    weather: str
    place: str
    water: bool
    things: dict[str, int]  # number of each kind
    tints: dict[str, str]  # colour of each thing, of sky, water and place, and of the whole picture ("mood")
    salt: int


def parse_scene(prompt: str, negative: str = "", style: str = "paint") -> Scene:
    """The scene of a prompt; a style in the prompt replaces only the default style."""
    words = _words(prompt)
    banned = {word[:2] for word in _words(negative) if word[0]}
    words = [word for word in words if word[:2] not in banned]
    named = {part: value for part, value, _ in reversed(words)}
    salt = int.from_bytes(hashlib.sha256(repr(words).encode()).digest()[:6])
    things, tints = _things(words)
    home = next((HOMES[thing] for thing in things if thing in HOMES), ("hills", "mountains")[salt % 2])
    place = named.get("place") or ("mountains" if "water" in named else home)
    time = named.get("time") or ("day", "day", "dawn", "sunset")[salt // 2 % 4]
    weather, water = named.get("weather") or ("clear", "clouds")[salt // 8 % 2], place == "sea" or "water" in named
    style = named.get("style", style) if style == "paint" else style
    return Scene(style, time, weather, place, water, things, tints, salt)


def _words(text: str) -> list[tuple[str, str, bool]]:
    """The words of a text, without case and accents, each as part, value and whether in the plural."""
    plain = re.sub(r"[\u0300-\u036f]", "", unicodedata.normalize("NFKD", text[:4000]).casefold())
    found = list[tuple[str, str, bool]]()
    for word in re.findall(r"[^\W_]+", re.sub(r"\b(water|pixel|8|16)\W(colou?r|art|bit)", r"\1\2", plain)):
        stems = (word, word.removesuffix("s"), word.removesuffix("es"), word.removesuffix("ies") + "y")
        stem = next((stem for stem in stems if stem in MEANINGS), word)
        found.append((*MEANINGS.get(stem, ("", word)), stem != word or word == "cacti"))
    return found


def _things(words: list[tuple[str, str, bool]]) -> tuple[dict[str, int], dict[str, str]]:
    """The number of each thing, and the colours, each for the nearest noun or for the mood."""
    nouns = {i: word for i, word in enumerate(words) if word[0] in ("thing", "sky", "water", "place")}
    things = {value: MANY.get(value, 3) if plural else 1 for part, value, plural in nouns.values() if part == "thing"}
    tints = dict[str, str]()
    for i, (part, value, _) in enumerate(words):
        kind, name, _ = next((nouns[i + away] for away in (1, 2, 3, -1, -2, -3) if i + away in nouns), ("mood", "", 0))
        if part == "colour":
            tints.setdefault(name if kind == "thing" else kind, value)
    return dict(list(things.items())[:6]), tints
