"""From the words of a prompt to a scene: what stands where, at which hour, in which weather."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from providers.sketch.casting import Part, cast_of
from providers.sketch.languages import GRAMMAR, NUMBERS
from providers.sketch.names import code_of
from providers.sketch.reading import Word, read
from providers.sketch.vocabulary import HOMES, MANY

REMOVABLE = ("thing", "drawing", "water", "sky")
"""Parts that a negative prompt takes out of a scene; of the others it only rules out what the prompt does not name."""
OUTDOORS = ("place", "weather", "water", "sky")
SMALL = 1.0
"""Metres of what has room on a table."""
PORTRAITS = frozenset(("portrait", "closeup", "headshot", "selfie", "retrato", "ritratto"))
FURNITURE = frozenset(
    (*map(code_of, ("🛋", "🪑", "🛏", "🛁", "🚽", "📺", "🖥", "🪞", "🚪", "📚")), "E141", "E200", "@piano")
)


class Scene(NamedTuple):
    """What is to be painted; salt stands for all the words, known or not."""

    style: str
    time: str
    weather: str
    place: str
    water: bool
    things: dict[str, int]  # how many of each kind that Sketch draws itself
    tints: dict[str, str]  # of things, sky, water and place, and of the whole: mood
    salt: int
    cast: tuple[Part, ...] = ()  # all things, where OpenMoji has drawn one of them
    setting: str = "land"  # or room, table, underwater, space, sky
    is_portrait: bool = False
    known: tuple[str, ...] = ()  # the prompt's words that are in the picture
    unknown: tuple[str, ...] = ()


def parse_scene(prompt: str, negative: str = "", style: str = "paint") -> Scene:
    """The scene of a prompt without what the negative one names; a style that it names wins over the default one."""
    asked = read(prompt)
    banned = {word[:2] for word in read(negative) if word.part}
    words = [word for word in asked if word[:2] not in banned or word.part not in REMOVABLE]
    named = {word.part: word.value for word in reversed(words)}
    salt = int.from_bytes(hashlib.sha256(repr([tuple(word[:3]) for word in asked]).encode()).digest()[:6])
    things, tints = _things(words)
    cast = cast_of(words, tints)
    setting, home = _setting(words, cast, _home(things, salt))
    place = named.get("place") or ("mountains" if "water" in named else home)
    time = named.get("time") or _left(("day", "day", "dawn", "sunset"), salt // 2, "time", banned)
    weather = named.get("weather") or _left(("clear", "clouds"), salt // 8, "weather", banned)
    water = setting == "land" and (place in ("sea", "lake") or "water" in named)
    style = named.get("style", style) if style == "paint" else style
    portrait = _is_portrait(words, cast)
    return Scene(
        style, time, weather, place, water, things, tints, salt, cast, setting, portrait, *_known_and_unknown(words)
    )


def _left(choices: Sequence[str], turn: int, part: str, banned: set[tuple[str, str]]) -> str:
    """One of the choices that the negative prompt leaves; the first, if it leaves none."""
    left = [choice for choice in choices if (part, choice) not in banned] or choices[:1]
    return left[turn % len(left)]


def _home(things: dict[str, int], salt: int) -> str:
    return next((HOMES[thing] for thing in things if thing in HOMES), ("hills", "mountains")[salt % 2])


def _known_and_unknown(words: Sequence[Word]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    said = [word for word in words if word.part or word.text not in GRAMMAR | NUMBERS.keys()]
    known = dict.fromkeys(word.text for word in said if word.part not in ("", "style") and not word.text.isdecimal())
    unknown = dict.fromkeys(word.text for word in said if not word.part and not word.text.isdecimal())
    return tuple(known), tuple(unknown)


def _setting(words: Sequence[Word], cast: Sequence[Part], home: str) -> tuple[str, str]:
    """Whether it is on land, in a room, on a table and so on; and the place where no place is named."""
    if not cast:
        return "land", home
    named = next((word.value for word in words if word.part == "setting"), None)
    outdoors = any(word.part in OUTDOORS for word in words)
    where = [part.drawing.where if part.drawing else part.where for part in cast]
    if named == "sky":
        return ("sky" if {*where} <= {"sky", "air"} else "land"), home
    if named and not (named == "table" and outdoors):
        return named, home
    indoors = None if outdoors else _natural_setting(cast, where)
    return indoors or "land", "lake" if "pond" in where else "sea" if {"sea", "water"} & {*where} else home


def _natural_setting(cast: Sequence[Part], where: Sequence[str]) -> str | None:
    """Where such things are if nothing is said of it."""
    if any(part.code in FURNITURE for part in cast):
        return "room"
    if where[0] == "table" and all(part.drawing and part.drawing.metres < SMALL for part in cast):
        return "table"
    return "underwater" if where[0] == "sea" else None


def _is_portrait(words: Sequence[Word], cast: Sequence[Part]) -> bool:
    """Whether a single person, or whoever is asked for in a portrait, fills the picture."""
    if any(word.text in PORTRAITS for word in words):
        return any(part.build in ("bust", "head") for part in cast)
    alone = len(cast) == 1 and cast[0].copies == 1 and cast[0].build == "bust"
    return alone and not any(word.part in ("place", "water") for word in words)


def _things(words: Sequence[Word]) -> tuple[dict[str, int], dict[str, str]]:
    """How many of which things there are, and what the colour words belong to: the nearest noun, or the mood."""
    nouns = {i: word for i, word in enumerate(words) if word.part in ("thing", "drawing", "sky", "water", "place")}
    things = {w.value: MANY.get(w.value, 3) if w.plural else 1 for w in nouns.values() if w.part == "thing"}
    tints = dict[str, str]()
    for i, word in enumerate(words):
        if word.part != "colour" or _is_dish(words, i):
            continue
        noun = next((nouns[i + away] for away in (1, 2, 3, -1, -2, -3) if i + away in nouns), None)
        kind = noun.part if noun else "mood"
        tints.setdefault(noun.value if noun and kind in ("thing", "drawing") else kind, word.value)
    return dict(list(things.items())[:6]), tints


def _is_dish(words: Sequence[Word], at: int) -> bool:
    """Whether a colour is food, as the cream of "strawberries and cream"."""
    return words[at].text == "cream" and at > 0 and words[at - 1].text == "and"
