"""The canvas with the light of its scene, and operations on arrays of pixels."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from domain import Size
from providers.sketch.scene import Scene
from providers.sketch.vocabulary import MEANINGS

Plane: TypeAlias = NDArray[Any]  # 0..1; height x width, or height x width x 3
Strip: TypeAlias = Callable[[slice], Plane]  # computes the given rows of a plane
ROWS = 64
"""Height of the strips in which pictures are computed: whole planes would take hundreds of MiB."""
LIGHTS = {  # the sky's top, middle and horizon; what falls on lit and on shaded sides
    "dawn": "6685c2 dbb3c2 ffdbad ffe0c2 8580a8",
    "day": "387acc 80bae8 dbeded fff4e4 8599bd",
    "sunset": "3d4285 db7061 ffcc6b ffc285 5c4d70",
    "dusk": "171f57 664280 fa9452 cc8a80 4a456e",
    "night": "080d2e 172b61 42618f 758abd 242e54",
}
DULL = {"clouds": 0.06, "fog": 0.4, "rain": 0.55, "snow": 0.35}
PIGMENTS = {"stone": "aaa49a", "wood": "6a4a34", "leaf": "4a7a3a", "lamp": "fff0b0"}


def colour_of(name: str) -> Plane:
    """A colour of three bands, from its name or hex digits."""
    code = PIGMENTS.get(name) or MEANINGS.get(name, ("", name))[1]
    return np.frombuffer(bytes.fromhex(code), np.uint8).astype(np.float32) / 255


def mix(a: Any, b: Any, amount: Any) -> Plane:
    return a + (b - a) * amount


def step(low: float, high: float, value: Any) -> Plane:
    """0 below low, 1 above high, smooth between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def strips(height: int) -> Iterator[slice]:
    return (slice(top, top + ROWS) for top in range(0, height, ROWS))


def cut(plane: Any, rows: slice) -> Any:
    """The given rows of a plane; a value that is equal in every row is returned as it is."""
    return plane if np.ndim(plane) < 2 or len(plane) == 1 else plane[rows]


def filled(shape: tuple[int, ...], strip: Strip) -> Plane:
    """A plane, computed strip by strip."""
    plane = np.empty(shape, np.float32)
    for rows in strips(len(plane)):
        plane[rows] = strip(rows)
    return plane


def image_of(plane: Plane) -> Image.Image:
    return image_from(plane.shape, lambda rows: plane[rows])


def image_from(shape: tuple[int, ...], strip: Strip) -> Image.Image:
    bytes_ = np.empty(shape, np.uint8)
    for rows in strips(len(bytes_)):
        bytes_[rows] = np.clip(strip(rows), 0, 1) * 255 + 0.5
    return Image.fromarray(bytes_)


def soften(plane: Plane, radius: float) -> Plane:
    return np.asarray(image_of(plane).filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255


def noise(rng: np.random.Generator, shape: tuple[int, ...], cells: float, octaves: int = 4, flat: float = 1) -> Plane:
    """Smooth noise in about 0..1: grids of random numbers, each twice as fine and half as strong, scaled up."""
    (height, width), total = shape[:2], np.zeros(shape[:2], np.float32)
    for octave in range(octaves):
        scale = cells * 2**octave / (min(height, width) if height > 1 else width)
        right, down = min(width, width * scale / flat), min(height, height * scale)
        grid = Image.fromarray(rng.random((int(down) + 3, int(right) + 3), np.float32) - 0.5)
        grown = grid.resize((width, height), Image.Resampling.BICUBIC, (1, 1, 1 + right, 1 + down))
        total += np.asarray(grown) * 0.5**octave
    return np.clip(total * 0.75 + 0.5, 0, 1)


class Canvas:
    """An unfinished picture with its light; x and y run from 0 to 1."""

    def __init__(self, scene: Scene, size: Size, rng: np.random.Generator) -> None:
        (self.width, self.height), self.scene, self.rng, self.horizon = size, scene, rng, 0.62
        self.rgb = np.zeros((self.height, self.width, 3), np.float32)
        self.xs = np.linspace(0, 1, self.width, dtype=np.float32)[None, :]
        self.ys = np.linspace(0, 1, self.height, dtype=np.float32)[:, None]
        self.aspect = self.width / self.height
        self.scale = min(1.0, 0.35 + 0.65 * self.aspect)
        self.shore: Plane = self.xs + 2
        self.side = int(rng.choice((-1, 1)))  # of the light; the first thing stands on the other one
        self.hero, sun = 0.5 - self.side * rng.uniform(0.14, 0.22), 0.5 + self.side * rng.uniform(0.18, 0.3)
        self.sun_at = sun, {"day": 0.16, "night": 0.2, "dawn": 0.46, "sunset": 0.5, "dusk": 0.55}[scene.time]
        dull = DULL.get(scene.weather, 0)
        self.lamps = max({"dawn": 0.3, "day": 0.1, "sunset": 0.6}.get(scene.time, 1.0), dull)
        bands = [colour_of(band) for band in LIGHTS[scene.time].split()]
        bands = [mix(band, band.mean() * np.array((0.88, 0.95, 1.03), np.float32), dull) for band in bands]
        if tint := scene.tints.get("sky") or scene.tints.get("mood"):
            bands[:3] = [mix(band, colour_of(tint) * (0.35 + band.mean()), 0.5) for band in bands[:3]]
        self.top, self.mid, self.low, self.sun, self.shade = bands
        self.air = mix(self.mid, self.low, 0.55)

    def noise(self, cells: float, octaves: int = 4, flat: float = 1) -> Plane:
        return noise(self.rng, self.rgb.shape, cells, octaves, flat)

    def line(self, cells: float, octaves: int = 4) -> Plane:
        return noise(self.rng, (1, self.width), cells, octaves)

    def relief(self, texture: Plane, strength: float) -> Plane:
        """The light on the slopes of a texture; 0.5 where it is flat."""
        return 0.5 + (texture - np.roll(texture, -self.side * max(2, self.height // 50), 1)) * strength

    def lit(self, colour: Plane, amount: Any) -> Plane:
        """A surface's colour, lit by an amount from 0 to 1."""
        return colour * mix(self.shade, self.sun * 1.08, np.clip(amount, 0, 1)[..., None])

    def lay(self, mask: Plane, colour: Plane | Strip, haze: float = 0) -> None:
        """Paint a colour over a part of the picture, faded by haze: 0 is near, 1 invisible."""
        for rows in strips(self.height):
            own = colour(rows) if callable(colour) else colour
            self.rgb[rows] += (mix(own, self.air, haze) - self.rgb[rows]) * cut(mask, rows)[..., None]

    def below(self, ridge: Plane) -> Plane:
        return np.clip((self.ys - ridge) * self.height + 0.5, 0, 1)
