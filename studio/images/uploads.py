"""Files that members send: checked, decoded, and painted anew, so that nothing but pixels is passed on."""

from collections.abc import Generator
from contextlib import contextmanager

from PIL import Image, ImageChops

from domain import InvalidRequest, Size
from studio.images import codec, containers
from studio.images.base import MAX_PIXELS, NotAPicture, checked_size

MAX_UPLOAD = 20 * 2**20
"""Bytes."""
KINDS = ("image/png", "image/jpeg", "image/webp", "application/octet-stream", None)
"""Media types that a file may be announced with: two of them tell nothing."""
MAX_RATIO = 1.01
"""How far a mask's aspect ratio may be from its image's."""
TAKES = (
    f"a PNG, JPEG or WebP file of at most {MAX_UPLOAD >> 20} MiB and {MAX_PIXELS / 1e6:.1f} megapixels, not animated"
)
MASK_TAKES = "a PNG, JPEG or WebP file in the image's proportions, with white or transparency where to repaint"
WHITE = 128
"""The least grey that counts as an area to repaint; JPEG is never quite black beside an edge."""


def check_announced(length: int, kind: str | None, size: Size | None, field: str) -> None:
    """What can be told of a file that is not fetched yet: its bytes, its media type, and its size. InvalidRequest."""
    with _refusing(field):
        _check_length(length)
        if kind not in KINDS:
            raise NotAPicture(f"Its type is {kind}.")
        if size:
            checked_size(*size)


async def read_upload(data: bytes) -> bytes:
    """A member's image as PNG: RGB, or RGBA where something shows through; upright, in sRGB, without any metadata.

    InvalidRequest (field "image") when it is too large, animated, damaged, or of another format.
    """
    _check(data, "image")
    return await codec.in_thread(lambda: codec.encode_png(_decoded(data, "image")))


async def read_mask(data: bytes, size: Size) -> bytes:
    """A member's mask as PNG: 8-bit greyscale, white = repaint, of the image's `size`.

    Where the file has any transparency, that alone counts, and transparent = repaint. InvalidRequest (field "mask")
    for what `read_upload` refuses, for other proportions than the image's, and when there is nothing to repaint.
    """
    _check(data, "mask")
    return await codec.in_thread(_mask, data, size)


def _check(data: bytes, field: str) -> None:
    """All that can be told before decoding."""
    with _refusing(field):
        _check_length(len(data))
        containers.inspect(data)


def _check_length(length: int) -> None:
    if length > MAX_UPLOAD:
        raise NotAPicture(f"The file has {length} bytes.")


@contextmanager
def _refusing(field: str) -> Generator[None]:
    """What is no picture that we take is told to the member as such."""
    try:
        yield
    except NotAPicture as reason:
        raise InvalidRequest(str(reason), field=field, takes=TAKES) from None


def _decoded(data: bytes, field: str) -> Image.Image:
    try:
        return codec.decode(data)
    except Exception as error:
        detail = f"the file cannot be decoded: {type(error).__name__}"
        raise InvalidRequest(detail, field=field, takes=TAKES) from error


def _mask(data: bytes, size: Size) -> bytes:
    image = _decoded(data, "mask")
    width, height = image.size
    if size.distance(Size(width, height))[0] > MAX_RATIO:
        detail = f"The mask is {width}x{height}, but the image is {size}: they need the same proportions."
        raise InvalidRequest(detail, field="mask", takes=MASK_TAKES)
    grey = ImageChops.invert(image.getchannel("A")) if image.mode == "RGBA" else image.convert("L")
    if grey.point([0] * WHITE + [255] * (256 - WHITE)).getbbox() is None:
        detail = "The mask is black all over, so there is nothing to repaint: paint that area white."
        raise InvalidRequest(detail, field="mask", takes=MASK_TAKES)
    return codec.encode_png(grey.resize(size, Image.Resampling.NEAREST))
