"""The things of a cast as pictures: how large each is beside the others, and how it looks."""

from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image

from providers.sketch.bodies import whole
from providers.sketch.canvas import Canvas
from providers.sketch.casting import Part
from providers.sketch.drawings import CLOTHES, SKINS, Look
from providers.sketch.heads import head_of
from providers.sketch.scene import Scene

OWN_METRES = {
    "lighthouse": 7.0, "house": 5.0, "castle": 8.0, "tree": 5.0, "pine": 5.0, "cactus": 2.5, "tower": 8.0, "cat": 0.4,
    "boat": 3.0, "bird": 0.5, "balloon": 4.0, "flower": 0.4,
}  # fmt: skip
OWN_WIDTHS = {"lighthouse": 0.35, "tree": 0.9, "cat": 0.85, "boat": 1.0, "castle": 1.2, "house": 1.05, "flower": 0.4}
"""Of what Sketch draws itself, as a part of its height."""
BUILDING = 4.5
"""Metres of what stands behind."""
SHARES = (0.52, 0.48, 0.44, 0.4, 0.36, 0.33)
"""Of the picture's height, for the largest of so many things."""
LARGEST = 1536
"""Pixels of a drawing's side."""


class Actor(NamedTuple):
    """A thing in its place: x of its middle and y of its foot, as parts of the picture; its height likewise."""

    part: Part
    image: Image.Image | None
    """None for what Sketch draws itself."""
    x: float
    foot: float
    tall: float
    haze: float = 0.05
    flipped: bool = False
    under: float = 0
    """How much of it is under water."""
    lies: bool = True
    """Whether it touches what is below, and throws its shadow on it."""
    order: float = 0
    """What has more is nearer."""


def has_counter(scene: Scene) -> bool:
    """Whether a room has a table at the front, behind which people stand."""
    return scene.setting == "room" and any(part.where == "table" or part.build == "bust" for part in scene.cast)


def metres(part: Part) -> float:
    return part.drawing.metres if part.drawing else OWN_METRES.get(part.kind, 1.0)


def share(part: Part, others: Sequence[Part], count: int) -> float:
    """How much of the picture's height a thing takes; the differences are smaller than in the world."""
    most = max(map(metres, others))
    on_table = part.where == "table"
    size = SHARES[min(count, len(SHARES)) - 1] * max(0.34, (metres(part) / most) ** (0.16 if on_table else 0.42))
    if metres(part) >= BUILDING:
        size = max(size, 0.46)
    return size * (0.85 if on_table else 1.12 if part.build in ("bust", "head") else 1)


def image_of(c: Canvas, part: Part, tall: float) -> Image.Image | None:
    """A thing at the size at which it is needed; people have skins and clothes of their own."""
    drawing = part.drawing
    if drawing is None:
        return None
    look = _look(c, part)
    pixels = max(16, int(tall * c.height))
    if part.build == "head" or (part.build == "bust" and not has_counter(c.scene)):
        return whole(drawing, pixels, look)
    image = head_of(drawing, min(pixels * 3 // 2, LARGEST), look)
    return image.resize((max(1, image.width * pixels // image.height), pixels), Image.Resampling.LANCZOS)


def portrait_of(c: Canvas, part: Part, tall: float) -> Image.Image | None:
    """Head and shoulders, or a whole animal, so large."""
    if part.drawing is None:
        return None
    pixels, look = int(tall * c.height), _look(c, part)
    if part.build == "bust":
        return head_of(part.drawing, min(LARGEST, int(pixels * 1.35)), look)
    return whole(part.drawing, pixels, look)


def _look(c: Canvas, part: Part) -> Look:
    turn = c.scene.salt + int(c.rng.integers(1000))
    return Look(SKINS[turn % len(SKINS)], part.tint or CLOTHES[turn // 7 % len(CLOTHES)], part.tint)


def width_of(c: Canvas, part: Part, image: Image.Image | None, tall: float) -> float:
    """As a part of the picture's width."""
    ratio = image.width / image.height if image else OWN_WIDTHS.get(part.kind, 0.5)
    return ratio * tall / c.aspect
