"""Fits a request's image and prompt to what a self-hosted server takes."""

import asyncio
import io
import re
from math import inf

from PIL import Image, ImageOps

from domain import Size, SourceImage, Sources

EXTRA_ARGS = "sd_cpp_extra_args"
"""Tag in a prompt in which stable-diffusion.cpp reads native options (its server's api.md)."""


def fit_image(png: bytes, size: Size) -> bytes:
    """Resize a PNG to a size, cropping it to that aspect ratio; blocking, so call it in a thread."""
    image = Image.open(io.BytesIO(png))
    if image.size == size:
        return png
    out = io.BytesIO()
    ImageOps.fit(image, size).save(out, "PNG")
    return out.getvalue()


def shrink_sources(
    sources: Sources, *, most_bytes: int, most_pixels: float = inf, longest_side: float = inf
) -> Sources:
    """The images within an API's limits, scaled down where they are larger, and the mask in the first one's size.

    Blocking, so call it in a thread.
    """
    if not sources.images:
        return sources
    images = tuple(
        SourceImage(data=_shrink(each.data, most_bytes, most_pixels, longest_side), url=each.url)
        for each in sources.images
    )
    size = Size(*Image.open(io.BytesIO(images[0].data)).size)
    return Sources(images=images, mask=fit_image(sources.mask, size) if sources.mask else None)


def _shrink(png: bytes, most_bytes: int, most_pixels: float, longest_side: float) -> bytes:
    image = Image.open(io.BytesIO(png))
    factor = min(1, (most_pixels / (image.width * image.height)) ** 0.5, longest_side / max(image.size))
    if factor < 1:
        png = _scaled(image, factor)
    while len(png) > most_bytes:
        factor *= min(0.95, (most_bytes / len(png)) ** 0.5)
        png = _scaled(image, factor)
    return png


async def within_bytes(sources: Sources, most_bytes: int | None) -> Sources:
    """The images, each scaled down to a number of bytes where it has more, and the mask in the first one's size."""
    if most_bytes is None or all(len(each.data) <= most_bytes for each in sources.images):
        return sources
    return await asyncio.to_thread(shrink_sources, sources, most_bytes=most_bytes)


def _scaled(image: Image.Image, factor: float) -> bytes:
    # Rounded down, so that the product stays within the limit.
    width, height = (max(1, int(side * factor)) for side in image.size)
    out = io.BytesIO()
    image.resize((width, height), Image.Resampling.LANCZOS).save(out, "PNG")
    return out.getvalue()


def without_tag(text: str, name: str) -> str:
    """Remove a tag and its contents, repeatedly, so that what is left cannot form a new tag.

    A text without the tag is unchanged, white space included.
    """
    tag = re.escape(name)
    pair = re.compile(rf"<{tag}>.*?</{tag}>", re.DOTALL | re.IGNORECASE)
    single = re.compile(rf"</?{tag}>", re.IGNORECASE)
    while (shorter := pair.sub("", text)) != text or (shorter := single.sub("", text)) != text:
        text = shorter
    return text
