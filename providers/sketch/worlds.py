"""Where a scene is when it is neither on land nor indoors: under water, in space, above the clouds."""

import numpy as np

from providers.sketch.canvas import Canvas, colour_of, mix, soften, step
from providers.sketch.rooms import MOON_EDGE, SEABED
from providers.sketch.scenery import paint_clouds, paint_sky
from providers.sketch.things import Layer

ROCKS = {"mars": "b5603c", "moon": "9a989c"}
WEEDS = ("3f7a55", "5a8a48", "2f6a62")


def paint_underwater(c: Canvas) -> None:
    """Light that falls in from above, and a sea bed with weeds."""
    c.horizon = SEABED
    dark = 0.4 if c.scene.time == "night" else 1.0
    c.sun, c.shade = mix(c.sun, colour_of("c8f4f0"), 0.6), mix(c.shade, colour_of("2a6a88"), 0.7)
    c.top, c.mid, c.low, c.air = (colour_of(colour) * dark for colour in ("7fd4dc", "2f93b0", "12506e", "2f8fa8"))
    level = np.clip(c.ys / 0.95 + (c.noise(2, 3, 3) - 0.5) * 0.2, 0, 1)
    for band in range(3):
        c.rgb[..., band] = np.interp(level, (0, 0.4, 1), (c.top[band], c.mid[band], c.low[band]))
    slant = c.xs + (c.ys - 0.2) * 0.35 * c.side
    bright = c.line(5, 3)[0]
    beams = bright[(np.clip(slant, 0, 1) * (c.width - 1)).astype(int)]
    c.lay(step(0.5, 0.8, beams) * np.exp(-c.ys * 2.2) * 0.55, colour_of("e8fff8"))
    c.shore = SEABED + (c.line(3, 4) - 0.5) * 0.08
    grain = c.noise(18, 4, 2)
    c.lay(c.below(c.shore), lambda rows: c.lit(colour_of("c9bd93"), 0.25 + grain[rows] * 0.6), 0.18)
    _paint_weeds(c)


def _paint_weeds(c: Canvas) -> None:
    """At both sides."""
    layer, ways = Layer(c), np.linspace(0, 1, 9)
    for x, tall, bend in c.rng.random((26, 3)):
        foot, green = SEABED + 0.03 + 0.05 * bend, colour_of(WEEDS[int(bend * 3)])
        sway = x + np.sin(ways * 5 + bend * 6) * 0.012
        heights = foot - (0.1 + 0.25 * tall) * ways
        left, right = sway - 0.006 * (1 - ways), sway + 0.006 * (1 - ways)
        outline = [*zip(left, heights, strict=True), *zip(right[::-1], heights[::-1], strict=True)]
        if abs(x - 0.5) > 0.2:
            layer.shape(outline, green)
    layer.lay(0.2)


def paint_space(c: Canvas) -> None:
    """Stars, a nebula, and the ground of a planet without air."""
    c.horizon = MOON_EDGE
    c.sun, c.shade, c.air = colour_of("fff2dc"), colour_of("4a4a6a"), colour_of("1a1a38")
    cloud, other = step(0.45, 0.85, c.noise(1.6, 5)), step(0.5, 0.9, c.noise(2.1, 5))
    c.rgb[:] = colour_of("070a1c")
    c.lay(cloud * 0.6, colour_of("5a3a8a"))
    c.lay(other * 0.5, colour_of("1f6a8a"))
    stars = Layer(c)
    for x, y, size in c.rng.random((420, 3)):
        r = (0.5 + 2.4 * size**8) / 1100
        stars.shape(((x - r / c.aspect, y - r), (x + r / c.aspect, y + r)), colour_of("fff6e0"), True, True)
    stars.lay()
    rock = colour_of(next((ROCKS[word] for word in c.scene.known if word in ROCKS), ROCKS["moon"]))
    c.shore = MOON_EDGE + (c.line(2.5, 4) - 0.5) * 0.1
    rough = c.noise(9, 5, 1.8)
    c.lay(c.below(c.shore), lambda rows: c.lit(rock, c.relief(rough, 5)[rows] * 0.8 + 0.1))


def paint_heaven(c: Canvas) -> None:
    """The sky from within, above a sea of clouds."""
    c.horizon = 0.98
    paint_sky(c)
    paint_clouds(c)
    bank = c.noise(3, 6, 2.2)
    white = mix(c.sun, colour_of("ffffff"), 0.5)
    bright = np.clip(c.relief(bank, 3.2) + 0.1, 0, 1)
    cover = step(0.6, 0.74, c.ys + (bank - 0.5) * 0.4)
    c.lay(cover, lambda rows: mix(mix(c.mid, c.shade, 0.6), white, bright[rows, :, None]))


def blur(c: Canvas) -> None:
    """What is far behind a portrait is out of focus."""
    c.rgb[:] = soften(c.rgb, c.height / 90)
