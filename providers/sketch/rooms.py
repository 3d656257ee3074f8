"""Indoors: a wall with a window, a floor, a table."""

import numpy as np

from providers.sketch.canvas import Canvas, Plane, colour_of, mix

WALLS = ("c9b79c", "a9b8a4", "b7a7b5", "9fb2c2", "c2a08a")
TABLE_EDGE, FLOOR_EDGE, COUNTER_EDGE, SEABED, MOON_EDGE = 0.6, 0.7, 0.76, 0.82, 0.72
LAMPLIGHT = ("ffd9a0", "5a4858")
"""On lit and on shaded sides, in the evening and at night."""


def light_lamps(c: Canvas) -> None:
    """Indoors it is never as dark as outdoors."""
    if c.scene.time in ("night", "dusk"):
        c.sun, c.shade = (colour_of(colour) for colour in LAMPLIGHT)
    c.air = mix(c.air, c.sun * 0.6, 0.6)


def paint_wall(c: Canvas, edge: float) -> None:
    """A wall in the light of a window at the side, and the window."""
    light_lamps(c)
    wall = colour_of(WALLS[c.scene.salt // 64 % len(WALLS)])
    if mood := c.scene.tints.get("mood"):
        wall = mix(wall, colour_of(mood), 0.6)
    near = np.exp(-np.abs(c.xs - 0.5 - c.side * 0.55) * 1.3) * (1 - 0.35 * np.abs(c.ys - 0.35))
    grain = (c.noise(3, 4) - 0.5) * 0.35 + (c.noise(60, 2) - 0.5) * 0.08
    c.lay(np.ones_like(near), lambda rows: c.lit(wall, (near + grain)[rows] * 0.95))
    _paint_window(c, edge)


def _paint_window(c: Canvas, edge: float) -> None:
    middle, half, top, bottom = 0.5 + c.side * 0.3, 0.13 / max(1.0, c.aspect), 0.08, edge - 0.14
    inside, frame = _box(c, middle - half, top, middle + half, bottom), colour_of("e8e0d0")
    level = np.clip((c.ys - top) / (bottom - top), 0, 1)[..., None]
    upper, lower = mix(c.top, c.mid, level / 0.6), mix(c.mid, c.low, (level - 0.6) / 0.4)
    sky = np.where(level < 0.6, upper, lower)
    outside = _box(c, middle - half - 0.016, top - 0.016, middle + half + 0.016, bottom + 0.022)
    c.lay(outside, c.lit(frame, np.float32(0.8)))
    c.lay(inside, lambda rows: np.broadcast_to(sky[rows], (len(sky[rows]), c.width, 3)))
    across = (top + bottom) / 2
    for bar in (_box(c, middle - 0.005, top, middle + 0.005, bottom), _bar(c, middle, half, across)):
        c.lay(bar, c.lit(frame, np.float32(0.6)))
    far = np.hypot((c.xs - middle) * c.aspect, c.ys - across)
    c.lay(np.exp(-far * 3.4) * 0.35 * (1 - inside), c.sun)


def _bar(c: Canvas, middle: float, half: float, y: float) -> Plane:
    return _box(c, middle - half, y - 0.005, middle + half, y + 0.005)


def _box(c: Canvas, left: float, top: float, right: float, bottom: float) -> Plane:
    across = np.clip((c.xs - left) * c.width, 0, 1) * np.clip((right - c.xs) * c.width, 0, 1)
    return across * np.clip((c.ys - top) * c.height, 0, 1) * np.clip((bottom - c.ys) * c.height, 0, 1)


def paint_boards(c: Canvas, edge: float, colour: str) -> None:
    """A table or a floor of wood, seen from a little above."""
    deep = np.clip((c.ys - edge) / (1 - edge), 0, 1)
    across = (c.xs - 0.5) / (0.35 + deep * 0.9)
    seams = np.exp(-((np.abs((across * 7) % 1 - 0.5) * 34 * (0.4 + deep)) ** 2)) * 0.35
    grain = c.noise(2.5, 5, 0.12) * 0.5 + c.noise(14, 3, 0.1) * 0.3
    shine = np.exp(-((c.xs - 0.5 - c.side * 0.22) ** 2) * 9) * 0.35
    wood = colour_of(colour)
    light = 0.28 + grain * 0.75 + shine - seams - (1 - deep) * 0.12
    c.lay(c.below(np.full((1, c.width), edge, np.float32)), lambda rows: c.lit(wood, light[rows]))


def paint_room(c: Canvas) -> None:
    c.horizon = FLOOR_EDGE
    paint_wall(c, FLOOR_EDGE)
    paint_boards(c, FLOOR_EDGE, "8a6244")


def paint_counter(c: Canvas) -> None:
    """The table at the front of a room."""
    shade = np.exp(-(((c.ys - COUNTER_EDGE) / 0.03) ** 2)) * (c.ys < COUNTER_EDGE) * 0.25
    c.lay(shade * np.ones_like(c.xs), colour_of("1c1418"))
    paint_boards(c, COUNTER_EDGE, "7a4e30")


def paint_table(c: Canvas) -> None:
    c.horizon = TABLE_EDGE
    paint_wall(c, TABLE_EDGE + 0.1)
    paint_boards(c, TABLE_EDGE, "8a5c3a")
