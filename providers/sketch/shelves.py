"""The shelf on the wall of a room, with things that belong there."""

import numpy as np

from providers.sketch.acting import lay_drawing
from providers.sketch.actors import Actor
from providers.sketch.canvas import Canvas, colour_of
from providers.sketch.drawings import Look, picture

LABORATORY = ("1F9EA", "2697", "1F52C")
SHELVES = {
    "kitchen": ("1FAD6", "1F963", "1F9C2"), "library": ("1F4DA", "1F4D5", "1F4DA"), "lab": LABORATORY,
    "laboratory": LABORATORY, "office": ("1F4DA", "1F570", "1FAB4"), "": ("1FAB4", "1F5BC", "1F4DA"),
}  # fmt: skip
"""Drawings by the word for a room."""
TOP, THICK = 0.33, 0.018


def paint_shelf(c: Canvas) -> None:
    codes = next((SHELVES[word] for word in c.scene.known if word in SHELVES), SHELVES[""])
    middle, half = 0.5 - c.side * 0.27, 0.17 / max(1.0, c.aspect)
    part = c.scene.cast[0]._replace(kind="shelf")
    for place, code in enumerate(codes):
        image = picture(code, max(16, int(c.height * 0.15)), "whole", "table", Look())
        x = middle + (place - 1) * half * 0.62
        lay_drawing(c, Actor(part, image, x, TOP + 0.004, image.height / c.height, 0.22), image)
    rows = slice(int(TOP * c.height), int((TOP + THICK) * c.height) + 1)
    cols = slice(max(0, int((middle - half) * c.width)), int((middle + half) * c.width))
    c.rgb[rows, cols] = c.lit(colour_of("7a5438"), np.float32(0.7))
    c.rgb[rows.stop : rows.stop + max(2, c.height // 60), cols] *= 0.78
