"""Pictures from providers: checked, marked, and made small enough to send."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from PIL import Image

from domain import BadResponse
from studio.images import codec, containers, xmp
from studio.images.base import Container, Format, NotAPicture

QUALITIES = (90, 75)
SHRINK = 0.85
"""Each step leaves at most this much of a side."""
MIN_SIDE = 16
EXTENSIONS: dict[Format, str] = {"png": "png", "jpeg": "jpg", "webp": "webp"}


class Fitted(NamedTuple):
    """A picture that may be sent, and whether it had to be encoded anew for that."""

    data: bytes
    format: Format
    reduced: bool


def extension(format: Format) -> str:  # noqa: A002 - the word for it
    """The file name's ending, without the dot."""
    return EXTENSIONS[format]


def inspect_picture(data: bytes) -> Container:
    """The format and size; BadResponse when the bytes are not one whole still PNG, JPEG or WebP within the caps."""
    try:
        return containers.inspect(data)
    except NotAPicture as reason:
        raise BadResponse(str(reason)) from None


def mark(data: bytes, *, ai: bool, facts: Mapping[str, str] | None) -> bytes:
    """The same picture with our mark and, unless private (None), the facts as its only metadata; else BadResponse."""
    try:
        return containers.stamp(data, xmp.packet(ai=ai, facts=facts))
    except NotAPicture as reason:
        raise BadResponse(str(reason)) from None


async def fit(data: bytes, limit: int) -> Fitted:
    """What `mark` gives, if it has at most `limit` bytes, else a lossy copy that does and keeps the mark.

    BadResponse when it cannot be made so small.
    """
    if len(data) <= limit:
        return Fitted(data, _format(data), reduced=False)
    inspect_picture(data)
    return await codec.in_thread(_reduce, data, limit)


def _format(data: bytes) -> Format:
    try:
        return containers.format_of(data)
    except NotAPicture as reason:
        raise BadResponse(str(reason)) from None


def _reduce(data: bytes, limit: int) -> Fitted:
    packet = containers.read_xmp(data)
    try:
        image = codec.decode(data)
    except Exception as error:
        raise BadResponse(f"the picture cannot be decoded: {type(error).__name__}") from error
    for smaller in _copies(image, limit):
        copy = containers.stamp(smaller, packet) if packet and xmp.is_ours(packet) else smaller
        if len(copy) <= limit:
            return Fitted(copy, _format(copy), reduced=True)
    raise BadResponse(f"the picture cannot be made as small as {limit} bytes")


def _copies(image: Image.Image, limit: int) -> Iterator[bytes]:
    """Ever smaller files: by quality first, then by size."""
    copy = b""
    for quality in QUALITIES:
        yield (copy := codec.encode_webp(image, quality))
    # On noise, JPEG of the same quality is the smaller one.
    if image.mode == "RGB":
        yield codec.encode_jpeg(image, QUALITIES[-1])
    width, height = image.size
    while max(width, height) > MIN_SIDE:
        ratio = min(SHRINK, (max(limit, 0) / len(copy)) ** 0.5)
        width, height = max(1, int(width * ratio)), max(1, int(height * ratio))
        yield (copy := codec.encode_webp(image.resize((width, height), Image.Resampling.LANCZOS), QUALITIES[-1]))
