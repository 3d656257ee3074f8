"""Bodies for those whom OpenMoji has drawn only from the shoulders or the chin up."""

from functools import lru_cache

from PIL import Image, ImageDraw

from providers.sketch.drawings import Look, main_colour, shaded
from providers.sketch.heads import head_of
from providers.sketch.names import Drawing

MACHINE, PANDA = "1F916", "1F43C"
PEOPLE = frozenset(("1F47D", "1F479", "1F47A", "1F480", "1F47F", "1F921", "1F920"))
"""Heads that belong on shoulders."""
ROBES = frozenset((
    "wizard", "witch", "fairy", "princess", "king", "queen", "prince", "vampire", "judge", "bride", "genie", "elf",
    "angel", "woman with headscarf", "santa",
))  # fmt: skip
HEAD_SHARE, MARGIN = 0.62, 0.15
"""A drawing's part of the whole, and the room at each side for the arms."""
CACHED = 4
Box = tuple[float, float, float, float]
Point = tuple[float, float]


@lru_cache(CACHED)
def whole(drawing: Drawing, pixels: int, look: Look) -> Image.Image:
    """One from head to foot, as high as that."""
    head, code = head_of(drawing, int(pixels * HEAD_SHARE), look), drawing.codes[-1]
    if drawing.build == "bust" or code in PEOPLE:
        body = _person(head, pixels, look, drawing.build == "bust", drawing.name in ROBES)
    else:
        body = _machine(head, pixels) if code == MACHINE else _animal(head, pixels, code == PANDA)
    return body.crop(body.getbbox())


class _Pen:
    """Draws shapes with darker outlines, smoothly."""

    def __init__(self, width: float, height: int) -> None:
        self.image = Image.new("RGBA", (int(width) * 2, height * 2))
        self.draw, self.line = ImageDraw.Draw(self.image), max(2, height // 90)

    def oval(self, x: float, y: float, wide: float, tall: float, colour: str) -> None:
        """By its middle and its radii."""
        box = [each * 2 for each in (x - wide, y - tall, x + wide, y + tall)]
        self.draw.ellipse(box, f"#{colour}", f"#{shaded(colour, 0.55)}", self.line)

    def shape(self, points: list[Point], colour: str) -> None:
        doubled = [(x * 2, y * 2) for x, y in points]
        self.draw.polygon(doubled, f"#{colour}")
        self.draw.line([*doubled, doubled[0]], f"#{shaded(colour, 0.55)}", self.line, "curve")

    def box(self, box: Box, colour: str, radius: float) -> None:
        left, top, right, bottom = box
        ordered = [each * 2 for each in (min(left, right), top, max(left, right), bottom)]
        self.draw.rounded_rectangle(ordered, radius * 2, f"#{colour}", f"#{shaded(colour, 0.55)}", self.line)

    def under(self, head: Image.Image) -> Image.Image:
        """What was drawn, with a head on top."""
        body = self.image.resize((self.image.width // 2, self.image.height // 2), Image.Resampling.BOX)
        body.alpha_composite(head, ((body.width - head.width) // 2, 0))
        return body


def _person(head: Image.Image, pixels: int, look: Look, has_shoulders: bool, robed: bool) -> Image.Image:
    """Below the shoulders a coat with sleeves, and legs, or a robe down to the ground."""
    width, bottom = head.width * (1 + 2 * MARGIN), head.height - 1
    edge = head.getchannel("A").crop((0, bottom - 2, head.width, bottom)).getbbox()
    inner = (edge[0], edge[2]) if edge and has_shoulders else (head.width * 0.1, head.width * 0.9)
    half, middle, long = (inner[1] - inner[0]) / 2, head.width * MARGIN + sum(inner) / 2, pixels - bottom
    chest = head.crop((int(inner[0]), bottom - head.height // 9, int(inner[1]), bottom))
    coat = main_colour(chest) if has_shoulders else look.clothes
    start = bottom - head.height * (0.03 if has_shoulders else 0.12)
    hem = pixels * 0.985 if robed else bottom + long * 0.62
    pen = _Pen(width, pixels)
    for side in (-half, half):
        if not robed:
            _leg(pen, middle, side, hem - long * 0.1, pixels, shaded(coat, 0.45))
        _arm(pen, middle, side, start, bottom + long * 0.42, coat, look.skin if has_shoulders else main_colour(head))
    _coat(pen, middle, half, (start, bottom + long * 0.3, hem), 1.15 if robed else 0.74, coat)
    return pen.under(head)


def _leg(pen: _Pen, middle: float, side: float, top: float, pixels: int, colour: str) -> None:
    inner, outer, floor = middle + side * 0.06, middle + side * 0.62, pixels * 0.965
    pen.shape([(inner, top), (outer, top), (outer - side * 0.08, floor), (inner, floor)], colour)
    pen.oval(middle + side * 0.4, pixels * 0.972, abs(side) * 0.34, pixels * 0.026, "3a3034")


def _arm(pen: _Pen, middle: float, side: float, top: float, hand: float, coat: str, skin: str) -> None:
    pen.oval(middle + side * 0.98, hand, abs(side) * 0.15, abs(side) * 0.15, skin)
    sleeve = [(1.0, top), (1.14, hand), (0.84, hand), (0.6, top)]
    pen.shape([(middle + side * across, y) for across, y in sleeve], shaded(coat, 0.85))


def _coat(pen: _Pen, middle: float, half: float, heights: Point | tuple[float, ...], hem: float, colour: str) -> None:
    right = list(zip((0.97, 0.7, hem), heights, strict=True))
    outline = [*right, *((-across, y) for across, y in reversed(right))]
    pen.shape([(middle + half * across, y) for across, y in outline], colour)


def _animal(head: Image.Image, pixels: int, two_coloured: bool) -> Image.Image:
    """A body that sits, seen from the front."""
    fur, width = main_colour(head), head.width * 1.12
    limbs = "2c2a2c" if two_coloured else shaded(fur, 0.88)
    middle, reach, chin, floor = width / 2, width / 2, head.height * 0.78, pixels - 1.0
    long, pen = floor - chin, _Pen(width, pixels)
    pen.oval(middle + reach * 0.66, floor - long * 0.29, reach * 0.32, long * 0.21, limbs)
    pen.oval(middle - reach * 0.59, floor - long * 0.23, reach * 0.39, long * 0.22, limbs)
    pen.oval(middle + reach * 0.59, floor - long * 0.23, reach * 0.39, long * 0.22, limbs)
    pen.oval(middle, chin + long * 0.33, reach * 0.66, long * 0.63, fur)
    pen.oval(middle, chin + long * 0.45, reach * 0.36, long * 0.35, shaded(fur, 1.22))
    for side in (-reach, reach):
        pen.box((middle + side * 0.06, chin + long * 0.28, middle + side * 0.42, floor), limbs, reach * 0.16)
    return pen.under(head)


def _machine(head: Image.Image, pixels: int) -> Image.Image:
    """A body of boxes."""
    metal, width, chin = main_colour(head), head.width, head.height * 0.96
    middle, long, pen = width / 2, pixels - chin, _Pen(width, pixels)
    parts = (  # middle and half width, top and bottom, of the body's, shade
        (0.0, 0.09, -0.06, 0.1, 0.6), (-0.14, 0.07, 0.55, 0.92, 0.75), (0.14, 0.07, 0.55, 0.92, 0.75),
        (-0.14, 0.11, 0.86, 0.99, 0.6), (0.14, 0.11, 0.86, 0.99, 0.6), (-0.4, 0.06, 0.08, 0.55, 0.8),
        (0.4, 0.06, 0.08, 0.55, 0.8), (-0.4, 0.08, 0.5, 0.66, 0.65), (0.4, 0.08, 0.5, 0.66, 0.65),
        (0.0, 0.32, 0.04, 0.64, 1.0), (0.0, 0.18, 0.16, 0.4, 0.7),
    )  # fmt: skip
    for at, half, top, bottom, shade in parts:
        box = (middle + width * (at - half), chin + long * top, middle + width * (at + half), chin + long * bottom)
        pen.box(box, shaded(metal, shade), width * 0.05)
    pen.oval(middle, chin + long * 0.28, width * 0.06, long * 0.06, "d8483c")
    return pen.under(head)
