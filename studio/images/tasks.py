"""What the process beside us does with one file: from bytes, to bytes and what is to be known of them."""

from collections.abc import Callable, Iterator
from typing import Any

from PIL import Image, ImageChops

from domain import Defect, OtherProportions, Size
from domain.kinds import kind_of
from studio.images import codec, containers, png, strict, xmp
from studio.images.base import MAX_SCANS, Hollow, Made, NotAPicture, TooMany

QUALITIES = (90, 75)
SHRINK = 0.85
"""Each step leaves at most this much of a side."""
MIN_SIDE = 16
MAX_RATIO = 1.01
"""How far a mask's aspect ratio may be from its image's."""
WHITE = 128
"""The least grey that counts as an area to repaint; JPEG is never quite black beside an edge."""


def receive(data: bytes) -> Made:
    """What a provider has sent: as it is where viewers show it, else converted, mended, or left alone as a file.

    NotAPicture where there is nothing to be seen in it.
    """
    try:
        return _seen(data)
    except (TooMany, codec.TooMuch, MemoryError):
        return Made(way="file")


def _seen(data: bytes) -> Made:
    try:
        return _as_it_is(data)
    except (Hollow, TooMany):
        raise
    except NotAPicture as reason:
        return _redrawn(data, reason)


def _as_it_is(data: bytes) -> Made:
    """For a kind that viewers show."""
    parsed = containers.parse(data)
    found = parsed.container
    if found.scans > MAX_SCANS:
        return Made(way="file")
    if not (found.format == "png" and png.unpacks(parsed.parts)):
        codec.check(parsed)
    return Made(size=found.size)


def _redrawn(data: bytes, reason: NotAPicture) -> Made:
    kind = kind_of(data)
    try:
        image, whole = _decoded(data)
    except NotAPicture:
        if kind in containers.READERS:
            raise reason from None
        return Made(way="file")  # of the others, there are sound ones that our decoders do not know
    sound = whole and kind not in containers.READERS
    return Made(codec.encode_png(image), image.size, "converted" if sound else "mended")


def _decoded(data: bytes) -> tuple[Image.Image, bool]:
    """As much of it as can be had, and whether that is all; NotAPicture where it is nothing."""
    if kind_of(data) not in codec.DECODED:
        raise NotAPicture("nothing here decodes it")
    try:
        return codec.decode_foreign(data), True
    except NotAPicture:
        image = codec.decode_foreign(data, damaged=True)
    if all(low == high for low, high in _extremes(image.convert("RGB"))):
        raise NotAPicture("nothing of it can be decoded")
    return image, False


def _extremes(image: Image.Image) -> list[tuple[float, float]]:
    return [channel.getextrema() for channel in image.split()]  # pyright: ignore[reportReturnType]


def reduce(data: bytes, limit: int) -> Made:
    """A lossy copy of at most `limit` bytes that keeps our mark; NotAPicture where it cannot be made so small."""
    packet = containers.read_xmp(data)
    try:
        image = codec.decode(data)
    except codec.TooMuch as reason:
        raise NotAPicture(f"too large to be decoded: {reason}") from None
    for smaller in _copies(image, limit):
        copy = containers.stamp(smaller, packet) if packet and xmp.is_ours(packet) else smaller
        if len(copy) <= limit:
            return Made(copy)
    raise NotAPicture(f"the picture cannot be made as small as {limit} bytes")


def _copies(image: Image.Image, limit: int) -> Iterator[bytes]:
    """Ever smaller files: by quality first, then by size. What no WebP holds, or takes minutes, begins smaller."""
    width, height = image.size
    image = _resized(image, min(strict.MAX_SIDE / max(width, height), (strict.MAX_PIXELS / (width * height)) ** 0.5))
    copy = b""
    for quality in QUALITIES:
        yield (copy := codec.encode_webp(image, quality))
    # On noise, JPEG of the same quality is the smaller one.
    if image.mode == "RGB":
        yield codec.encode_jpeg(image, QUALITIES[-1])
    ratio = 1.0
    while ratio * max(image.size) > MIN_SIDE:
        ratio *= min(SHRINK, (max(limit, 0) / len(copy)) ** 0.5)
        yield (copy := codec.encode_webp(_resized(image, ratio), QUALITIES[-1]))


def _resized(image: Image.Image, ratio: float) -> Image.Image:
    """Smaller; itself where it need not be."""
    if ratio >= 1:
        return image
    width, height = (max(1, int(side * ratio)) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def read_upload(data: bytes) -> Made:
    """As PNG: RGB, or RGBA where something shows through; upright, in sRGB, without any metadata."""
    strict.inspect(data, "image")
    image = codec.decode(data)
    return Made(codec.encode_png(image), image.size)


def read_mask(data: bytes, size: tuple[int, int]) -> Made:
    """As PNG: 8-bit greyscale, white = repaint, of that size; OtherProportions."""
    strict.inspect(data, "mask")
    image, wanted = codec.decode(data), Size(*size)
    made = Size(*image.size)
    if wanted.distance(made)[0] > MAX_RATIO:
        raise OtherProportions(mask=made, image=wanted)
    grey = ImageChops.invert(image.getchannel("A")) if image.mode == "RGBA" else image.convert("L")
    if grey.point([0] * WHITE + [255] * (256 - WHITE)).getbbox() is None:
        raise NotAPicture("there is nothing to repaint", Defect.NOTHING_TO_REPAINT)
    return Made(codec.encode_png(grey.resize(wanted, Image.Resampling.NEAREST)), wanted)


TASKS: dict[str, Callable[..., Made]] = {
    "receive": receive,
    "reduce": reduce,
    "upload": read_upload,
    "mask": read_mask,
}


def do(task: str, data: bytes, facts: dict[str, Any]) -> Made:
    """NotAPicture or NotPossible where the file is to blame."""
    try:
        return TASKS[task](data, **facts)
    except MemoryError:
        raise NotAPicture("it takes more memory than one picture may", Defect.TOO_COMPLEX) from None
