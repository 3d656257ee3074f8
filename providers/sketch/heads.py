"""Heads: OpenMoji's drawings of people and animals from the shoulders or the chin up."""

from PIL import Image, ImageDraw

from providers.sketch.drawings import Look, picture, shaded
from providers.sketch.names import Drawing

NECKLESS = frozenset(("1F9DF", "1F9DE", "1F9CC", "1F47C", "1F476", "1F46A", "1F48F", "1F491", "E2C8"))
"""Those whose neck is not of human skin, or who have one."""
HATS = {"@helmet": (0.72, 0.82), "@pirate": (0.8, 0.4)}
"""How large what is worn is, and how far down it reaches."""


def head_of(drawing: Drawing, pixels: int, look: Look) -> Image.Image:
    """The drawing itself, with a neck and with what is worn on the head."""
    code, build = drawing.codes[-1], drawing.build
    image = picture(code, pixels, build, drawing.where, look)
    if build == "bust" and code not in NECKLESS:
        image = _with_neck(image, look.skin)
    return image if len(drawing.codes) == 1 else _with_hat(image, drawing, pixels)


def _with_neck(image: Image.Image, skin: str) -> Image.Image:
    behind = Image.new("RGBA", image.size)
    width, height, middle = image.width, image.height, image.width / 2
    box = (middle - width * 0.09, height * 0.5, middle + width * 0.09, height * 0.86)
    ImageDraw.Draw(behind).rounded_rectangle(box, width * 0.05, f"#{shaded(skin, 0.8)}")
    behind.alpha_composite(image)
    return behind


def _with_hat(image: Image.Image, drawing: Drawing, pixels: int) -> Image.Image:
    size, depth = HATS.get(drawing.codes[0], (0.5 if drawing.build == "bust" else 0.24, 0.5))
    hat = picture(drawing.codes[0], int(pixels * size), "whole", "ground", Look())
    drop = int(hat.height * depth)
    both = Image.new("RGBA", (max(image.width, hat.width), image.height + hat.height - drop))
    both.alpha_composite(image, ((both.width - image.width) // 2, hat.height - drop))
    both.alpha_composite(hat, ((both.width - hat.width) // 2, 0))
    return both
