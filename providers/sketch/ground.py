"""What grows around the things of a cast."""

import numpy as np
from PIL import Image, ImageDraw

from providers.sketch.actors import Actor
from providers.sketch.canvas import Canvas
from providers.sketch.casting import Part
from providers.sketch.patches import patch
from providers.sketch.scenery import soil
from providers.sketch.things import Layer

GREEN = frozenset(("hills", "mountains", "field", "forest", "lake"))
FLOWERS = ("c8302a", "e88ca6", "f2c846", "f0eee6", "784296")
FLOWERS_IN_A_MEADOW = 170


def grow_grass(c: Canvas, actor: Actor, image: Image.Image) -> None:
    """Grass before what stands in it."""
    if c.scene.setting != "land" or c.scene.place not in GREEN or c.scene.weather == "snow":
        return
    wide, tall = image.width * 5 // 4, max(6, int(c.height * 0.035 + image.height * 0.02))
    blades = Image.new("RGBA", (wide * 2, tall * 2))
    pen, grass, half = ImageDraw.Draw(blades), soil(c), max(1.5, c.height / 340)
    for x, lean, size in c.rng.random((int(wide / c.height * 110) + 12, 3)):
        light = np.clip(c.lit(grass * (0.7 + 0.5 * size), np.float32(0.3 + 0.7 * lean)), 0, 1)
        red, green, blue = (int(band * 255) for band in light)
        root, tip = x * wide * 2, (0.65 - 0.65 * size) * tall * 2
        bent = root + (lean - 0.5) * tall * 1.4, tip
        pen.polygon([(root - half, tall * 2), (root + half, tall * 2), bent], (red, green, blue, 255))
    pixels = np.asarray(blades.resize((wide, tall), Image.Resampling.BOX), np.float32) / 255
    left, top = int(actor.x * c.width - wide / 2), int(actor.foot * c.height) - int(tall * 0.72)
    place, (part,) = patch(c, left, top, pixels)
    c.rgb[place] += (part[..., :3] - c.rgb[place]) * part[..., 3:]


def paint_meadow(c: Canvas, part: Part) -> None:
    """Flowers all over the ground, smaller towards the horizon."""
    layer, tints = Layer(c), (part.tint,) if part.tint else FLOWERS
    for deep, x, turn in sorted(c.rng.random((FLOWERS_IN_A_MEADOW, 3)).tolist()):
        foot = c.horizon + 0.05 + 0.4 * deep
        layer.thing(part.kind, x, foot, 0.35 + 0.75 * deep, tint=tints[int(turn * len(tints))])
    layer.lay(0.05)
