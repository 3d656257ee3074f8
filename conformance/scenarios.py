# pyright: basic
"""What is asked of each model: every option, size, quality, image and count that it says it takes."""

import io
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from PIL import Image

from domain import Capabilities, ImageRequest, Model, Size, SizeRange, SourceImage, Sources, Span, Upload

PROMPT = "a lighthouse"
LINK = "https://cdn.discordapp.com/attachments/1/2/boat.png"
SOURCE_SIZE = Size(512, 512)


class Scenario(NamedTuple):
    name: str
    request: ImageRequest
    sources: Sources = Sources()


def scenarios(model: Model) -> Iterator[Scenario]:
    takes = model.capabilities
    plain = _plain(model)
    yield plain
    yield _asking(plain, "all options", **_options(takes))
    for size in dict.fromkeys((*takes.sizes, *_corners(takes.size_range))):
        yield _asking(plain, f"size {size}", size=size)
    for quality in takes.qualities:
        yield _asking(plain, f"quality {quality}", quality=quality)
    for seed in {0, takes.max_seed} if takes.seed else ():
        yield _asking(plain, f"seed {seed}", seed=seed)
    if takes.max_count > 1:
        yield _asking(plain, f"count {takes.max_count}", count=takes.max_count)
    if takes.safety_checker:
        yield _asking(plain, "no safety checker", safety_checker=False)
    if takes.text_to_image and takes.image_to_image:
        yield _with_image(model, "image")
        yield _asking(_with_image(model, "image, all options"), "image, all options", **_options(takes))
    if takes.inpainting:
        yield _with_image(model, "mask", mask=True)
    if takes.upscale:
        yield _asking(_with_image(model, "upscale"), "upscale", upscale=True)


def _plain(model: Model) -> Scenario:
    """A prompt alone, or the least that the model draws from."""
    takes = model.capabilities
    if takes.text_to_image:
        return Scenario("plain", ImageRequest(prompt=PROMPT, model=model.id))
    if takes.image_to_image or takes.inpainting:
        return _with_image(model, "plain", mask=not takes.image_to_image)
    return _asking(_with_image(model, "plain"), "plain", upscale=True)


def _with_image(model: Model, name: str, *, mask: bool = False) -> Scenario:
    upload = Upload(url=LINK, size=SOURCE_SIZE)
    request = ImageRequest(prompt=PROMPT, model=model.id, images=(upload,), mask=upload if mask else None)
    images = (SourceImage(data=_png("RGB"), url=LINK),)
    return Scenario(name, request, Sources(images=images, mask=_png("L") if mask else None))


def _asking(scenario: Scenario, name: str, **changes: object) -> Scenario:
    return scenario._replace(name=name, request=scenario.request.model_copy(update=changes))


def _options(takes: Capabilities) -> dict[str, object]:
    """Each option that the model takes, with a value in the middle of what it takes."""
    values: dict[str, object] = {
        "negative_prompt": "rain" if takes.negative_prompt else None,
        "seed": 7 if takes.seed else None,
        "steps": takes.steps and int(_middle(takes.steps)),
        "guidance_scale": takes.guidance_scale and _middle(takes.guidance_scale),
        "strength": takes.strength and _middle(takes.strength) if not takes.text_to_image else None,
        "scheduler": next(iter(takes.schedulers), None),
        "quality": next(iter(takes.qualities), None),
        "style": next(iter(takes.styles), None),
        "transparent": takes.transparent or None,
        "refiner": takes.refiner or None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _middle(span: Span) -> float:
    return (span.low + span.high) / 2


def _corners(sizes: SizeRange | None) -> Iterator[Size]:
    """The smallest and the largest square among a range's sizes."""
    if sizes is None:
        return
    sides = range(-(-sizes.low // sizes.multiple) * sizes.multiple, sizes.high + 1, sizes.multiple)
    for order in (sides, reversed(sides)):
        yield from islice((Size(side, side) for side in order if Size(side, side) in sizes), 1)


def _png(mode: str) -> bytes:
    file = io.BytesIO()
    Image.new(mode, SOURCE_SIZE, 255 if mode == "L" else (90, 120, 200)).save(file, "PNG")
    return file.getvalue()
