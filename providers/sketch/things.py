"""The drawings of things, and the layer of shapes on which they are drawn."""

from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from providers.sketch.canvas import Canvas, Plane, colour_of, mix, soften

ART = {
    "lighthouse": """.58 red; stone ^ 17,0 14,7; white ^ 11,6 6.6,74; main ^ 10,18 9.4,31; main ^ 8.5,44 7.6,58;
        wood -3,6 3,16; *gold -1.5,36 1.5,41; *gold -1.3,63 1.3,67; black -10,73 10,76; *lamp -5,76 5,87;
        black -.7,76 .7,87; main ^ 7.5,87 0,96; black -.5,95 .5,100""",
    "house": """.26 red; stone 16,70 25,94; cream -40,0 -40,44 -20,76 0,44 0,0; gold- 0,0 42,44; wood -17,0 -7,24;
        main 2,42 -21,79 24,79 47,42; main- -44,40 -21,79 -19,76 -40,40; *gold -34,16 -25,30; *gold -25,48 -16,58;
        *gold 8,16 17,29; *gold 26,16 35,29""",
    "castle": """.42 blue; stone -8,50 8,84; main ^ 11,83 0,100; stone ^ 48,0 48,48 38,48 38,44 30,44 30,48 20,48
        20,66 12,66 12,61 4,61 4,66; stone+ -56,0 -36,62; stone- 36,0 56,62; main -59,61 -46,86 -33,61;
        main- 33,61 46,86 59,61; black ^ 9,0 9,16 0,27; *gold -49,34 -43,44; *gold 43,34 49,44; *gold -3,68 3,78""",
    "tree": """.42 leaf; wood -5,0 -3,34 -12,54 13,54 5,30 6,0; main- 8,56 o25,14; main- -16,58 o16,13;
        main- 22,68 o14,14; main 0,72 o22,18; main -19,70 o15,13; main 15,82 o15,12; main+ -9,82 o16,13""",
    "pine": """.4 2e5440; wood -2.5,0 2.5,16; main- 0,58 -21,24 -27,12 -12,15 0,10 14,15 27,12 20,25;
        main 0,82 -18,44 -22,34 -9,38 0,34 10,38 22,34 17,45; main+ 0,100 -12,68 -16,58 0,62 16,58 12,68""",
    "cactus": """.3 3e7a4a; main -8,0 8,86; main 0,86 o8,9; main -24,34 -15,60; main -20,34 0,42; main -19.5,60 o4.5,6;
        main 15,44 24,72; main 0,44 20,52; main 19.5,72 o4.5,6; pink 0,95 o5,3""",
    "boat": """.36 brown; wood -3,14 -1,98; white -5,22 -5,95 -24,54 -42,24; cream 1,24 1,88 18,54 32,26;
        main -46,17 -40,4 -32,-1 0,-3 34,-1 42,7 50,19 10,14; main+ -46,17 -45,13 10,10 48,15 50,19 10,14""",
    "cat": """.3 orange; main- 16,0 34,1 42,10 44,24 40,36 38,22 34,11 20,10; main 1,20 o23,20; main 0,36 o15,20;
        main 0,67 o19,16; main -18,70 -17,96 -4,80; main 18,70 17,96 4,80; cream 0,24 o9,18; cream 0,61 o10,5;
        *lamp -8,70 o3.6,4.2; *lamp 8,70 o3.6,4.2; black -7.6,70 o1.4,3.6; black 7.6,70 o1.4,3.6; pink ^ 2.4,65 0,62""",
    "bird": ".05 black; main ^ 0,24 16,34 36,58 62,60 88,46 62,72 36,74 14,60 0,38",
    "balloon": """.3 red; main 0,68 o37,34; main ^ 34,54 12,26; cream 0,68 o24,34; cream ^ 22,54 8,26; main 0,68 o11,34;
        main ^ 10,54 4,26; wood -12,26 -8,8 8,8 12,26 11,26 7,11 -7,11 -11,26; wood -8,0 8,11""",
    "flower": ".1 red; leaf -1.5,0 1.5,70; main- 0,88 o15,12; main -13,76 o14,12; main+ 12,74 o13,11",
    "tower": """.34 grey; main -16,0 6,100; main- 6,0 16,100; *gold -13,90 -10,94; *gold -7,80 -4,84;
        *gold 10,84 13,88; *gold -13,70 -10,74; *gold -1,70 2,74; *gold 10,64 13,68; *gold -13,50 -10,54""",
}
"""Each drawing: its height, as a fraction of the picture's, and its colour, then areas from back to front.

Drawings are 100 units tall; y goes up, and x starts in the middle. Two points are a box, or with an `o` the centre and
radii of an oval; after `^` comes the right half of a symmetric outline. `main` is the thing's colour; `+` or `-` makes
an area lighter or darker; `*` makes it shine.
"""


class Layer:
    """Shapes at twice the canvas's size: an image of their colours, and one of those that shine."""

    def __init__(self, c: Canvas) -> None:
        self.c, self.size, self.empty = c, (c.width * 2, c.height * 2), True

    @cached_property
    def images(self) -> tuple[Image.Image, Image.Image]:
        """Created with the first shape, because they take more memory than all else."""
        return Image.new("RGBA", self.size), Image.new("L", self.size)

    @cached_property
    def pens(self) -> list[ImageDraw.ImageDraw]:
        return [ImageDraw.Draw(image) for image in self.images]

    def shape(self, points: Any, colour: Plane, shines: bool = False, oval: bool = False) -> None:
        ink, self.empty = tuple(int(band * 255) for band in np.clip((*colour, 1), 0, 1)), False
        for pen, value in zip(self.pens, (ink, 255 * shines), strict=True):
            (pen.ellipse if oval else pen.polygon)([(x * self.size[0], y * self.size[1]) for x, y in points], value)

    def thing(self, kind: str, x: float, foot: float, scale: float = 1, up: int = 1, tint: str | None = None) -> None:
        """Draw a thing that stands at a place; upside down if up is -1."""
        head, *rows = ART[kind].split(";")
        tall, main = head.split()
        unit = float(tall) * scale * self.c.scale / 100
        for name, *pairs in map(str.split, rows):
            oval, half = pairs[-1][0] == "o", pairs[0] == "^"
            points = [(float(a), float(b)) for a, b in (pair.strip("o").split(",") for pair in pairs[half:])]
            if half:
                points += [(-a, b) for a, b in reversed(points)]
            elif len(points) == 2:
                (a, b), (right, top) = points
                box = [(a - right, b + top * up), (a + right, b - top * up)]
                points = box if oval else [(a, b), (a, top), (right, top), (right, b)]
            pigment, tone = name.strip("*+-"), 1.25 ** (name.count("+") - name.count("-"))
            spots = [(x + a * unit / self.c.aspect, foot - b * unit * up) for a, b in points]
            self.shape(spots, colour_of(tint or main if pigment == "main" else pigment) * tone, name[0] == "*", oval)

    def lay(self, haze: float = 0, fade: float = 1) -> None:
        """Paint the shapes onto the canvas, shaded as if round, with a glow around lamps."""
        if self.empty or not self.images[0].getbbox():
            return
        small = [image.resize((self.c.width, self.c.height), Image.Resampling.BOX) for image in self.images]
        del self.images, self.pens
        body = np.asarray(small[0])
        alpha, glow = (np.asarray(plane, np.float32) / 255 for plane in (body[..., 3], small[1]))
        light = self.c.relief(soften(alpha, self.c.height / 90), 0.7) + 0.16

        def colour(rows: slice) -> Plane:
            own = body[rows, :, :3].astype(np.float32) / 255
            shining = glow[rows, :, None] * (0.25 + 0.75 * self.c.lamps)
            return mix(mix(self.c.lit(own, light[rows]), self.c.air, haze), own, shining)

        self.c.lay(alpha * fade, colour)
        if glow.any():
            self.c.lay(np.clip(soften(glow, self.c.height / 45) * 2.2, 0, 0.6) * self.c.lamps, colour_of("ffc76b"))
