"""Parses the images of a request."""

import base64
import binascii
import io

from PIL import Image

from tests.replay.server import Unexpected, expect

DATA_URL = "data:image/png;base64,"


def opened(text: str, *, prefix: str = "") -> Image.Image:
    """The picture in base64 behind a prefix."""
    expect(text.startswith(prefix), f"an image that does not begin with {prefix}")
    try:
        image = Image.open(io.BytesIO(base64.b64decode(text.removeprefix(prefix), validate=True)))
        image.load()
    except (binascii.Error, OSError) as error:
        raise Unexpected(f"no base64 of a picture: {error}") from None
    return image


def expect_mask(image: str, mask: str, *, prefix: str = "") -> None:
    """A grey mask of the image's size."""
    expect(opened(image, prefix=prefix).size == opened(mask, prefix=prefix).size, "a mask not of the image's size")
    expect(opened(mask, prefix=prefix).mode == "L", "a mask that is not grey")
