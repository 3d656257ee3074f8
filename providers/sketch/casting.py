"""The cast of a scene: which things a prompt names, how many, in which colour, and what sits on what."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from providers.sketch.languages import NUMBERS
from providers.sketch.names import Drawing, code_of, english
from providers.sketch.reading import Word
from providers.sketch.vocabulary import MANY

MOST_KINDS = 6
MOST_COPIES = 24
SWARM, FEW, HEAP = 7, 3, 5
"""What a plural stands for: of what flies about, of what stands, and of food."""
ANYONE = frozenset(("person", "man", "woman", "boy", "girl", "child"))
"""Persons of no kind, who may as well be the ones that run or dance."""
SEATS = frozenset(map(code_of, "🪑 🛋 🛏 🛁 🐎 🐘 🐪 🐫 🐉 🏍 🛵 🛴 🛹 🛷 🛶 🪨 🪵 🪷 🧊 🐢 🐋 🚀 🦖 🐄 🫏".split()))  # noqa: SIM905
SEATS_OF_ITS_OWN = frozenset(("E141", "E200", "@unicorn"))
"""What carries others, besides what floats."""
ON = frozenset(("on", "riding", "rides", "sitting", "auf", "sur", "sobre", "su", "sulla", "en"))
ABOARD = ON | {"in", "im", "dans", "nel", "em"}
IRREGULAR = frozenset(
    """children men women mice wolves people butterflies strawberries cherries blueberries puppies kitties bunnies fries
    babies leaves daisies poppies sweets fireflies ladies geese elves bats flies ghosts hearts balloons bubbles
    cups shoes boots candles flames books cards coins eyes""".split()  # noqa: SIM905
)
"""Plurals that are names of their own."""
OWN_PLACES = {"bird": "sky", "balloon": "sky", "boat": "water"}
"""Where what Sketch draws itself is, if not on the ground."""


class Part(NamedTuple):
    """What is to be drawn, how often, and in which colour."""

    kind: str
    """The name of what Sketch draws itself, or of the drawing."""
    drawing: Drawing | None
    copies: int
    tint: str | None = None
    seat: int | None = None
    """The place in the cast of what it sits on."""

    @property
    def where(self) -> str:
        if self.drawing is None:
            return OWN_PLACES.get(self.kind, "ground")
        return "water" if self.drawing.where == "pond" else self.drawing.where

    @property
    def build(self) -> str:
        return self.drawing.build if self.drawing else "whole"

    @property
    def code(self) -> str:
        return self.drawing.codes[-1] if self.drawing else ""

    @property
    def is_meadow(self) -> bool:
        """Whether it is flowers all over the ground."""
        return self.kind == "flower" and self.drawing is None and self.copies > SWARM


def cast_of(words: Sequence[Word], tints: Mapping[str, str]) -> tuple[Part, ...]:
    """The things in the order in which they are named; none where OpenMoji has drawn none of them."""
    if not any(word.drawing or (word.value == "cat" and english()) for word in words):
        return ()
    return tuple(_parts(words, tints))


def _parts(words: Sequence[Word], tints: Mapping[str, str]) -> Iterator[Part]:
    places = _without_doubles(words, [at for at, word in enumerate(words) if word.part in ("thing", "drawing")])
    acting = next((at for at in places if _is_figure(words[at])), None)
    people = [at for at in places if words[at].value in ANYONE] if acting is not None else []
    places = [at for at in places if at not in people][:MOST_KINDS]
    for at in places:
        word = words[at]
        copies = max(copies_of(words, each) for each in (at, *people)) if at == acting else copies_of(words, at)
        seat = next((place for place, each in enumerate(places) if _carries(words, at, each)), None)
        yield Part(word.value, word.drawing, copies, tints.get(word.value), seat)


def _is_figure(word: Word) -> bool:
    return word.drawing is not None and word.drawing.build == "figure"


def _without_doubles(words: Sequence[Word], places: Sequence[int]) -> list[int]:
    first = {words[at].value: at for at in reversed(places)}
    return sorted(first.values())


def _carries(words: Sequence[Word], rider: int, seat: int) -> bool:
    """Whether the words between two things say that one sits on the other."""
    drawing, between = words[seat].drawing, {word.text for word in words[rider + 1 : seat]}
    if not rider + 1 < seat <= rider + 4 or any(word.part == "drawing" for word in words[rider + 1 : seat]):
        return False
    if words[seat].value == "boat" or (drawing and drawing.where in ("water", "pond")):
        return bool(between & ABOARD)
    return bool(between & ON) and drawing is not None and drawing.codes[-1] in SEATS | SEATS_OF_ITS_OWN


def copies_of(words: Sequence[Word], at: int) -> int:
    """How many of a thing: the number before it, or what its plural stands for."""
    word = words[at]
    if word.value == "flower" and any(near.value == "field" for near in words[at + 1 : at + 2]):
        return MOST_COPIES
    for before in reversed(words[max(0, at - 3) : at]):
        if before.text in NUMBERS or before.text.isdecimal():
            return max(1, min(NUMBERS.get(before.text) or int(before.text[:3]), MOST_COPIES))
        if before.part not in ("", "colour", "style"):
            break
    return min(_of_plural(word), MOST_COPIES) if word.plural or word.text in IRREGULAR else 1


def _of_plural(word: Word) -> int:
    if word.drawing is None:
        return MANY.get(word.value, FEW)
    return {"air": SWARM, "table": HEAP}.get(word.drawing.where, FEW)
