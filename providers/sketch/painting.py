"""Paints a request as a PNG, stage by stage."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from domain import ImageRequest, Size, Sources
from providers.sketch.canvas import Canvas, Plane, cut, image_from, image_of, mix, step, strips
from providers.sketch.composing import layers_of
from providers.sketch.scene import parse_scene
from providers.sketch.styles import PAINTERS

DEFAULT_SIZE = Size(1024, 1024)
TINTS: dict[str, tuple[float, Any]] = {
    "warm": (1.0, (1.1, 1.0, 0.86)),
    "cold": (1.0, (0.88, 0.98, 1.12)),
    "faded": (0.4, (1.0, 0.97, 0.92)),
}
"""Saturation, and a factor for each colour band, by style."""


def paint(request: ImageRequest, sources: Sources, seed: int) -> Iterator[float | bytes]:
    """Yields the progress, from 0 to 1, after each stage, and last the PNG."""
    scene = parse_scene(request.prompt, request.negative_prompt or "", request.model or "paint")
    full = request.size or DEFAULT_SIZE
    size = Size(full.width // 2, full.height // 2) if request.quality == "draft" else full
    c = Canvas(scene, size, np.random.default_rng((seed % 2**63, scene.salt)))
    sky = shape = c.rgb
    layers, behind = layers_of(scene)
    for i, layer in enumerate(layers):
        layer(c)
        if request.transparent and i == behind - 1:
            sky = c.rgb.copy()
        elif request.transparent and i == len(layers) - 2:
            shape = step(0, 0.04, np.abs(c.rgb - sky).max(-1, keepdims=True))
        yield 0.5 * (i + 1) / len(layers)
    picture, rng = _coloured(c.rgb, request), c.rng
    del c, sky
    fitted, strength, mask = _source(sources, size, request.strength) or (picture, 1.0, 1.0)
    hand = (rng, (request.steps or 25) / 50, 0.5 if request.scheduler == "tidy" else 1.0)
    if fitted is not picture:
        picture = mix(fitted, picture, float(step(0.2, 1, strength)))
    painted, amount = PAINTERS.get(scene.style, PAINTERS["paint"])(picture, *hand), float(step(0, 0.35, strength))
    del picture
    yield 0.9
    image = image_from(painted.shape, lambda rows: mix(fitted[rows], painted[rows], cut(mask, rows) * amount))
    file = io.BytesIO()
    if request.transparent:
        image.putalpha(image_of((1 - mask * (1 - shape))[..., 0]))
    (image if size == full else image.resize(full)).save(file, "PNG", compress_level=4)
    yield file.getvalue()


def _coloured(rgb: Plane, request: ImageRequest) -> Plane:
    """Adjust saturation and tint to the guidance and the style, in place."""
    vivid, tint = TINTS.get(request.style or "", (1.0, (1.0, 1.0, 1.0)))
    colour = (0.85 + 0.045 * (request.guidance_scale or 7)) * vivid
    for rows in strips(len(rgb)):
        rgb[rows] = mix(rgb[rows].mean(-1, keepdims=True), rgb[rows], colour) * np.asarray(tint, np.float32)
    return rgb


def _source(sources: Sources, size: Size, strength: float | None) -> tuple[Plane, float, Plane | float] | None:
    """The source image, cropped to the size, on white; the strength; and the mask, or 1 for all of it."""
    if (data := sources.only_image()) is None:
        return None
    image = Image.open(io.BytesIO(data)).convert("RGBA")
    image = ImageOps.fit(Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB"), size)
    fitted = np.asarray(image, np.float32) / 255
    if sources.mask is None:
        return fitted, 0.6 if strength is None else strength, 1.0
    mask = ImageOps.fit(Image.open(io.BytesIO(sources.mask)).convert("L"), size, Image.Resampling.BILINEAR)
    return fitted, 1.0 if strength is None else strength, np.asarray(mask, np.float32)[..., None] / 255
