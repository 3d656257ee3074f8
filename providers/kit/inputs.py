"""Fits a request's image and prompt to what a self-hosted server takes."""

import io
import re

from PIL import Image, ImageOps

from domain import Size

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
