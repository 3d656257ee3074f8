"""Images of the size that a server draws at."""

import io

from PIL import Image, ImageOps

from domain import Size


def fit_image(png: bytes, size: Size) -> bytes:
    """An image, or a mask, of the size to draw at, cut where its shape is another; it belongs into a thread."""
    image = Image.open(io.BytesIO(png))
    if image.size == size:
        return png
    out = io.BytesIO()
    ImageOps.fit(image, size).save(out, "PNG")
    return out.getvalue()
