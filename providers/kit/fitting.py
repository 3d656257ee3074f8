"""Resizing of source images."""

import io

from PIL import Image, ImageOps

from domain import Size


def fit_image(png: bytes, size: Size) -> bytes:
    """Resize a PNG to a size, cropping it to that aspect ratio; blocking, so call it in a thread."""
    image = Image.open(io.BytesIO(png))
    if image.size == size:
        return png
    out = io.BytesIO()
    ImageOps.fit(image, size).save(out, "PNG")
    return out.getvalue()
