"""The offline provider: no AI model, but an algorithm that paints a scene from the prompt's words."""

import asyncio
import io
import secrets
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageOps

from domain import Access, Capabilities, ImageRequest, Model, Picture, Size, SizeRange, Sources, Span
from providers.base import Health, Progress, Provider
from providers.sketch.canvas import Canvas, Plane, image_of, mix, step
from providers.sketch.scenery import LAYERS
from providers.sketch.styles import STYLES
from providers.sketch.words import read

TITLES = {"paint": "Oil painting", "watercolour": "Watercolour", "ink": "Ink drawing", "pixel": "Pixel art"}
SIZES = (Size(1024, 1024), Size(1024, 576), Size(576, 1024), Size(768, 512), Size(512, 768), Size(512, 512))


class Sketch(Provider):
    name = "sketch"
    title = "Sketch (offline)"
    paid = False
    ai = False

    @staticmethod
    def missing(access: Access) -> str | None:
        return None if access.enabled else "set SKETCH=on"

    async def models(self) -> Sequence[Model]:
        takes = Capabilities(
            image_to_image=True, inpainting=True, negative_prompt=True, seed=True, strength=Span(low=0, high=1),
            sizes=SIZES, size_range=SizeRange(low=64, high=1536, multiple=8), schedulers=("loose", "tidy"),
            steps=Span(low=1, high=50), guidance_scale=Span(low=1, high=20),
        )  # fmt: skip
        return [Model(id=style, title=title, capabilities=takes) for style, title in TITLES.items()]

    async def generate(self, request: ImageRequest, sources: Sources, progress: Progress) -> None:
        first = secrets.randbelow(2**32) if request.seed is None else request.seed
        for i in range(request.count):
            stages = paint(request, sources, first + i)
            # a stage at a time: a cancelled job stops at the next one, and reports cannot pile up
            while not isinstance(stage := await asyncio.to_thread(next, stages), bytes):
                await progress.report(fraction=(i + stage) / request.count)
            await progress.keep(Picture(data=stage, seed=first + i))
            await progress.report(fraction=(i + 1) / request.count)

    async def check(self) -> Health:
        return Health(reachable=True, models=len(TITLES), key="needs none")


def paint(request: ImageRequest, sources: Sources, seed: int) -> Iterator[float | bytes]:
    """A picture stage by stage: how far it is, as a part of 1, and last the PNG."""
    scene = read(request.prompt, request.negative_prompt or "", request.model or "paint")
    size = request.size or SIZES[0]
    c = Canvas(scene, size, np.random.default_rng((seed % 2**63, scene.salt)))
    for i, layer in enumerate(LAYERS):
        layer(c)
        yield 0.5 * (i + 1) / len(LAYERS)
    picture = mix(c.rgb.mean(-1, keepdims=True), c.rgb, 0.85 + 0.045 * (request.guidance_scale or 7))
    fitted, strength, mask = _source(sources, size, request.strength) or (picture, 1.0, 1.0)
    hand = (c.rng, (request.steps or 25) / 50, 0.5 if request.scheduler == "tidy" else 1.0)
    painted = STYLES.get(scene.style, STYLES["paint"])(mix(fitted, picture, step(0.2, 1, strength)), *hand)
    yield 0.9
    file = io.BytesIO()
    image_of(mix(fitted, painted, mask * step(0, 0.35, strength))).save(file, "PNG", compress_level=4)
    yield file.getvalue()


def _source(sources: Sources, size: Size, strength: float | None) -> tuple[Plane, float, Plane | float] | None:
    """The image, cropped to cover the size, on white; how much of it is repainted, and where."""
    if sources.image is None:
        return None
    image = Image.open(io.BytesIO(sources.image)).convert("RGBA")
    image = ImageOps.fit(Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB"), size)
    fitted = np.asarray(image, np.float32) / 255
    if sources.mask is None:
        return fitted, 0.6 if strength is None else strength, 1.0
    mask = ImageOps.fit(Image.open(io.BytesIO(sources.mask)).convert("L"), size, Image.Resampling.BILINEAR)
    return fitted, 1.0 if strength is None else strength, np.asarray(mask, np.float32)[..., None] / 255
