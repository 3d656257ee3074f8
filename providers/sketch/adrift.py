"""Where things are that stand on nothing: what swims, floats, flies, hovers, or rises behind the land."""

from collections.abc import Iterator, Sequence

import numpy as np

from providers.sketch.actors import Actor, image_of, metres, width_of
from providers.sketch.canvas import Canvas
from providers.sketch.casting import Part

SPOTS = (-0.22, 0.2, -0.36, 0.36, 0.02, -0.1, 0.3, -0.3)
"""From the middle, for one after another; the sun is on the other side of the first."""
UPRIGHT = frozenset(("rainbow", "earth"))
"""What is not turned around."""
WIDEST = 0.8
UNDER_WATER = 0.32
"""How much of what swims at the surface is not seen."""


def adrift(c: Canvas, parts: Sequence[Part]) -> Iterator[Actor]:
    alone = len(c.scene.cast) == 1 and c.scene.cast[0].copies == 1
    each = [part for part in parts for _ in range(part.copies)]
    for place, part in enumerate(each):
        x = 0.5 + c.side * SPOTS[place % len(SPOTS)] + float(c.rng.uniform(-0.03, 0.03))
        yield _fitted(c, _one(c, part, x, alone))


def _one(c: Canvas, part: Part, x: float, alone: bool) -> Actor:
    swims = part.where == "sea" and not c.scene.water
    if c.scene.setting == "underwater" or swims:
        return _diving(c, part, x, alone)
    if part.where in ("water", "sea"):
        return _afloat(c, part, x, alone)
    if part.where == "far" or part.kind == "rainbow":
        haze = 0.3 if part.where == "far" else 0.35
        return Actor(part, None, 0.5 - c.side * 0.06, 0.66, 0.42, haze, lies=False, order=-1)
    return _hovering(c, part, x, alone) if part.where == "air" else _flying(c, part, x, alone)


def _fewer(part: Part) -> float:
    """Each of many is smaller."""
    return 0.9 ** min(part.copies - 1, 5)


def _diving(c: Canvas, part: Part, x: float, alone: bool) -> Actor:
    tall = (0.5 if alone else 0.3) * _fewer(part) * max(0.7, min(1.15, metres(part) ** 0.25))
    foot = 0.72 if alone else 0.45 + 0.3 * float(c.rng.random())
    return Actor(part, None, 0.5 if alone else x, foot, tall, 0.12, lies=False, order=foot)


def _afloat(c: Canvas, part: Part, x: float, alone: bool) -> Actor:
    tall = (0.6 if alone else 0.34) * _fewer(part) * max(0.62, min(1.25, (metres(part) / 3) ** 0.35))
    foot = 0.82 if alone else 0.72 + 0.07 * float(c.rng.random())
    under = UNDER_WATER if part.where == "sea" else 0.04
    crowded = any(other.where == "ground" and other.seat is None for other in c.scene.cast)
    x = 0.5 - c.side * 0.06 if alone else 0.5 + (x - 0.5) * (1.45 if crowded else 1)
    return Actor(part, None, x, foot, tall, 0.08, under=under, order=foot - 0.3)


def _hovering(c: Canvas, part: Part, x: float, alone: bool) -> Actor:
    tall = (0.4 if alone else 0.17 if metres(part) < 1 else 0.26) * _fewer(part)
    foot = 0.7 if alone else 0.35 + 0.5 * float(c.rng.random())
    x = 0.5 if alone else float(np.clip(0.5 + (x - 0.5) * 1.2, 0.08, 0.92))
    return Actor(part, None, x, foot, tall, lies=False, order=1.6 if part.copies < 4 else foot + 1)


def _flying(c: Canvas, part: Part, x: float, alone: bool) -> Actor:
    tall = (0.42 if alone else 0.2) * _fewer(part) * min(1.2, max(0.6, (metres(part) / 3) ** 0.3))
    tall = {"bird": 0.05, "balloon": 0.3}.get(part.kind, tall) if part.drawing is None else tall
    foot = 0.58 if alone else 0.22 + tall / 2 + 0.16 * float(c.rng.random())
    return Actor(part, None, 0.5 - c.side * 0.05 if alone else x, foot, tall, 0.08, lies=False, order=-0.5)


def _fitted(c: Canvas, actor: Actor) -> Actor:
    """With its picture, and not wider than the scene."""
    part, turned = actor.part, bool(c.rng.integers(2))
    image = image_of(c, part, actor.tall)
    wide = width_of(c, part, image, actor.tall)
    tall, half = min(actor.tall, actor.tall * WIDEST / wide), min(wide, WIDEST) / 2
    x = float(np.clip(actor.x, half, 1 - half))
    flipped = turned and part.drawing is not None and part.kind not in UPRIGHT
    return actor._replace(image=image, x=x, tall=tall, flipped=flipped)
