"""The tasks of a decoder process: each takes a file and returns a `TaskResult`."""

from collections.abc import Callable, Iterator
from typing import Any

from PIL import Image, ImageChops

from domain import Defect, OtherProportions, Size
from domain.kinds import kind_of
from studio.images import codec, containers, metadata, png, upload_rules
from studio.images.base import MAX_SCANS, NoPixels, NotAPicture, TaskResult, TooManyParts

COPY_QUALITIES = (90, 75)
SHRINK = 0.85
"""Largest ratio of a copy's side to that of the copy before it."""
MIN_SIDE = 16
MAX_RATIO = 1.01
"""Largest quotient of a mask's aspect ratio and its image's."""
MASK_THRESHOLD = 128
"""Grey value from which an area is repainted; JPEG is never quite black beside an edge."""


def receive(data: bytes) -> TaskResult:
    """A provider's picture: unchanged if viewers show it, else converted, repaired, or left as a file.

    NotAPicture if nothing of it can be decoded.
    """
    try:
        return _viewable(data)
    except (TooManyParts, codec.TooLargeToDecode, MemoryError):
        return TaskResult(way="file")


def _viewable(data: bytes) -> TaskResult:
    try:
        return _unchanged(data)
    except (NoPixels, TooManyParts):
        raise
    except NotAPicture as reason:
        return _reencoded(data, reason)


def _unchanged(data: bytes) -> TaskResult:
    """For a format that viewers show."""
    parsed = containers.parse(data)
    found = parsed.container
    if found.scans > MAX_SCANS:
        return TaskResult(way="file")
    if not (found.format == "png" and png.is_complete(parsed.parts)):
        codec.check_decodable(parsed)
    return TaskResult(size=found.size)


def _reencoded(data: bytes, reason: NotAPicture) -> TaskResult:
    kind = kind_of(data)
    try:
        image, whole = _decoded(data)
    except NotAPicture:
        if kind in containers.READERS:
            raise reason from None
        return TaskResult(way="file")  # it may be intact, in a variant that our decoders do not support
    sound = whole and kind not in containers.READERS
    return TaskResult(codec.encode_png(image), image.size, "converted" if sound else "mended")


def _decoded(data: bytes) -> tuple[Image.Image, bool]:
    """As much of the picture as can be decoded, and whether that is all of it; NotAPicture if it is nothing."""
    if kind_of(data) not in codec.DECODABLE_KINDS:
        raise NotAPicture("no decoder for its format")
    try:
        return codec.decode_foreign(data), True
    except NotAPicture:
        image = codec.decode_foreign(data, damaged=True)
    if all(low == high for low, high in _extremes(image.convert("RGB"))):
        raise NotAPicture("nothing of it can be decoded")
    return image, False


def _extremes(image: Image.Image) -> list[tuple[float, float]]:
    return [channel.getextrema() for channel in image.split()]  # pyright: ignore[reportReturnType]


def reduce(data: bytes, limit: int) -> TaskResult:
    """A lossy copy of at most `limit` bytes with our mark; NotAPicture where it cannot be made so small."""
    parsed = containers.parse(data)
    packet = containers.read_xmp(parsed)
    try:
        image = codec.decode(parsed)
    except codec.TooLargeToDecode as reason:
        raise NotAPicture(f"too large to be decoded: {reason}") from None
    for smaller in _copies(image, limit):
        copy = containers.stamp(smaller, packet) if packet and metadata.is_our_xmp(packet) else smaller
        if len(copy) <= limit:
            return TaskResult(copy)
    raise NotAPicture(f"the picture cannot be made as small as {limit} bytes")


def _copies(image: Image.Image, limit: int) -> Iterator[bytes]:
    """Smaller and smaller files, first by quality and then by size, starting at a size that WebP can hold."""
    width, height = image.size
    image = _resized(
        image,
        min(
            upload_rules.MAX_UPLOAD_SIDE / max(width, height), (upload_rules.MAX_KEPT_PIXELS / (width * height)) ** 0.5
        ),
    )
    copy = b""
    for quality in COPY_QUALITIES:
        yield (copy := codec.encode_webp(image, quality))
    # On noise, JPEG of the same quality is the smaller one.
    if image.mode == "RGB":
        yield codec.encode_jpeg(image, COPY_QUALITIES[-1])
    ratio = 1.0
    while ratio * max(image.size) > MIN_SIDE:
        ratio *= min(SHRINK, (max(limit, 0) / len(copy)) ** 0.5)
        yield (copy := codec.encode_webp(_resized(image, ratio), COPY_QUALITIES[-1]))


def _resized(image: Image.Image, ratio: float) -> Image.Image:
    """Made smaller by the ratio; unchanged from 1 upwards."""
    if ratio >= 1:
        return image
    width, height = (max(1, int(side * ratio)) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def read_upload(data: bytes, option: str) -> TaskResult:
    """A member's image as an upright PNG in sRGB without metadata: RGB, or RGBA if not opaque."""
    image = _decode_upload(data, option)
    return TaskResult(codec.encode_png(image), image.size)


def _decode_upload(data: bytes, option: str) -> Image.Image:
    """Made smaller if it has more pixels than are handed to providers."""
    if kind_of(data) != "heic" or not codec.reads_heic():
        return codec.decode(upload_rules.parse_upload(data, option), upload_rules.MAX_KEPT_PIXELS)
    try:
        return codec.decode_foreign(data, upload_rules.MAX_KEPT_PIXELS)
    except codec.TooLargeToDecode as reason:
        raise NotAPicture(str(reason), Defect.TOO_COMPLEX) from None


def read_mask(data: bytes, size: tuple[int, int]) -> TaskResult:
    """A member's mask as PNG: 8-bit greyscale, white = repaint, of that size; OtherProportions."""
    image, wanted = _decode_upload(data, "mask"), Size(*size)
    made = Size(*image.size)
    if wanted.distance(made)[0] > MAX_RATIO:
        raise OtherProportions(mask=made, image=wanted)
    grey = ImageChops.invert(image.getchannel("A")) if image.mode == "RGBA" else image.convert("L")
    if grey.point([0] * MASK_THRESHOLD + [255] * (256 - MASK_THRESHOLD)).getbbox() is None:
        raise NotAPicture("there is nothing to repaint", Defect.NOTHING_TO_REPAINT)
    return TaskResult(codec.encode_png(grey.resize(wanted, Image.Resampling.NEAREST)), wanted)


TASKS: dict[str, Callable[..., TaskResult]] = {
    "receive": receive,
    "reduce": reduce,
    "upload": read_upload,
    "mask": read_mask,
}


def run_task(task: str, data: bytes, options: dict[str, Any]) -> TaskResult:
    """Run one of TASKS; NotAPicture or NotPossible if the file is to blame."""
    try:
        return TASKS[task](data, **options)
    except MemoryError:
        raise NotAPicture("it takes more memory than one picture may", Defect.TOO_COMPLEX) from None
