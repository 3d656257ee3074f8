"""Decoding and encoding with Pillow, in a separate process (see `decoder_pool`)."""

import struct
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from math import ceil, inf
from typing import Any, cast

from PIL import AvifImagePlugin, Image, ImageCms, ImageFile, ImageOps

from studio.images import containers
from studio.images.base import NotAPicture, Parsed

VIEWABLE = ("PNG", "JPEG", "WEBP", "GIF")
DECODABLE = (*VIEWABLE, "AVIF", "HEIF", "TIFF", "BMP", "JPEG2000")
DECODABLE_KINDS = ("png", "jpeg", "webp", "gif", "avif", "heic", "tiff", "bmp", "jp2")
"""DECODABLE, by the names of domain.kinds."""
MAX_DECODED_PIXELS = 67_108_864
"""Largest picture that is decoded: 8192x8192, 256 MiB."""
REDUCIBLE_MODES = ("L", "LA", "RGB", "RGBA", "CMYK")
"""Whose pixels may be averaged: unlike indices into a palette, and 16 bits, which Pillow does not average."""
UNDO_ORIENTATION = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The transposition that undoes each EXIF orientation (Exif 2.32, 4.6.4 A)."""
MAX_PROFILE_BYTES = 2**20
"""Bytes. Profiles of screens and cameras have 500 to 10,000, those of printing presses some 600,000."""
MAX_PROFILE_TAGS = 100
PROFILE_SPACES = (b"RGB ", b"GRAY", b"CMYK")
PROFILE_CLASSES = (b"mntr", b"scnr", b"prtr", b"spac")
MULTI_STEP = b"mpet"
"""Tag type of a chain of any number of elements, all of which are computed for each pixel."""


class TooLargeToDecode(Exception):
    """More pixels, or more frames, than are decoded."""


def configure_pillow() -> None:
    """Register decoders, once per process, and without threads, whose stacks would count as memory."""
    with suppress(ImportError):  # without the package or its library, HEIC is not decoded
        import pi_heif

        pi_heif.register_heif_opener(thumbnails=False, decode_threads=1)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    Image.MAX_IMAGE_PIXELS = None  # MAX_DECODED_PIXELS is the limit


def check_decodable(parsed: Parsed) -> None:
    """Check that the first frame can be decoded; NotAPicture, TooLargeToDecode."""
    with _decoding():
        _load(containers.stamped(parsed, b""), VIEWABLE, draft=8)


def decode(parsed: Parsed, most_pixels: float = inf) -> Image.Image:
    """An upright RGB image in sRGB (RGBA if not opaque) without metadata; NotAPicture, TooLargeToDecode.

    The sides of one of more than `most_pixels` are divided by a whole number.
    """
    with _decoding():
        # Damaged metadata (EXIF, text, multi-picture) would make Pillow fail.
        image = _load(containers.stamped(parsed, b""), VIEWABLE, draft=_factor(parsed.container.size, most_pixels))
        turn = UNDO_ORIENTATION.get(containers.orientation(parsed))
        colours = _plain_colours(image, most_pixels)
        return colours if turn is None else colours.transpose(turn)


def decode_foreign(data: bytes, most_pixels: float = inf, *, damaged: bool = False) -> Image.Image:
    """As `decode`, for the bytes of any of DECODABLE_KINDS; damaged=True decodes as much as possible."""
    ImageFile.LOAD_TRUNCATED_IMAGES = damaged
    try:
        with _decoding():
            image = _load(data, DECODABLE)
            return _plain_colours(ImageOps.exif_transpose(image), most_pixels)
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


@contextmanager
def _decoding() -> Generator[None]:
    try:
        yield
    except (NotAPicture, TooLargeToDecode, MemoryError):
        raise
    except Exception as error:  # an edge: a damaged file makes Pillow raise anything
        raise NotAPicture("it is damaged: it cannot be decoded") from error


def reads_heic() -> bool:
    """Whether the decoder is there; `configure_pillow` registers it."""
    return "HEIF" in Image.OPEN


def _load(data: bytes, formats: tuple[str, ...], *, draft: int = 1) -> Image.Image:
    """draft: JPEG is decoded at a half, a quarter or an eighth of its sides, which takes little time and memory."""
    missing = () if reads_heic() else ("HEIF",)  # Pillow fails on the name of a missing decoder
    image = Image.open(BytesIO(data), formats=[each for each in formats if each not in missing])
    if draft > 1:
        image.draft(None, (max(image.width // draft, 1), max(image.height // draft, 1)))
    if image.width * image.height > MAX_DECODED_PIXELS:
        raise TooLargeToDecode(f"{image.width}x{image.height} pixels")
    if image.format in ("AVIF", "TIFF") and getattr(image, "n_frames", 1) > 1:
        raise TooLargeToDecode("several pictures")
    image.load()
    return image


def _plain_colours(image: Image.Image, most_pixels: float) -> Image.Image:
    """Reduced and in sRGB: in this order, if it can be reduced as it is, which saves memory."""
    if image.mode in REDUCIBLE_MODES and "transparency" not in image.info:
        image = _reduced(image, most_pixels)
    return _without_metadata(_reduced(_to_srgb(image), most_pixels))


def _reduced(image: Image.Image, most_pixels: float) -> Image.Image:
    factor = _factor(image.size, most_pixels)
    if factor == 1:
        return image
    smaller = image.reduce(factor)
    smaller.info = image.info
    return smaller


def _factor(size: tuple[int, int], most_pixels: float) -> int:
    """The smallest divisor of the sides with which the image has at most so many pixels, give or take a hundredth."""
    return max(ceil((size[0] * size[1] / most_pixels) ** 0.5 - 0.01), 1)


def _without_metadata(image: Image.Image) -> Image.Image:
    image.info.clear()
    fresh = Image.new(image.mode, image.size)
    fresh.paste(image)
    return fresh


def _to_srgb(image: Image.Image) -> Image.Image:
    """RGB or RGBA, converted with the picture's colour profile if that is cheap to apply."""
    mode = "RGBA" if image.has_transparency_data else "RGB"
    _scale_transparency(image)
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):
        image = _from_16_bits(image)
    if image.mode == "F":
        image = _from_floats(image)
    if image.mode != "CMYK":
        image = image.convert(mode)
    if profile and is_plain_profile(profile):
        image = _through_profile(image, profile)
    opaque = mode == "RGBA" and image.convert(mode).getchannel("A").getextrema() == (255, 255)
    return image.convert("RGB" if opaque else mode)


def _from_16_bits(image: Image.Image) -> Image.Image:
    """Scaled to 8 bits; Pillow's own conversion clips at 255."""
    return image.convert("I").point([value >> 8 for value in range(65536)], "L")


def _scale_transparency(image: Image.Image) -> None:
    """Pillow reduces a 16-bit PNG to 8 bits, except its transparent colour."""
    key: bytes | int | tuple[int, ...] | None = image.info.get("transparency")
    if isinstance(key, int) and key > 255:
        image.info["transparency"] = key >> 8
    if isinstance(key, tuple) and max(key) > 255:
        image.info["transparency"] = tuple(value >> 8 for value in key)


def _from_floats(image: Image.Image) -> Image.Image:
    """Scaled to 8 bits; white is 1.0, or the brightest value above it."""
    _, brightest = cast("tuple[float, float]", image.getextrema())
    scale = 255 / max(brightest, 1)
    return image.point(lambda value: value * scale).convert("L")


def is_plain_profile(profile: bytes) -> bool:
    """Whether the colour profile is of a common kind, and cheap to apply (ICC.1:2022, 7.2 and 7.3)."""
    try:
        known = (
            profile[12:16] in PROFILE_CLASSES and profile[16:20] in PROFILE_SPACES and len(profile) <= MAX_PROFILE_BYTES
        )
        return known and MULTI_STEP not in set(_tag_types(profile))
    except struct.error:
        return False


def _tag_types(profile: bytes) -> Iterator[bytes]:
    """The type of each tag; struct.error if the tag table is cut off or too long."""
    (count,) = struct.unpack_from(">I", profile, 128)
    if count > MAX_PROFILE_TAGS:
        raise struct.error("too many tags")
    for number in range(count):
        (at,) = struct.unpack_from(">I", profile, 132 + 12 * number + 4)
        yield struct.unpack_from("4s", profile, at)[0]


def _through_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """Converted to sRGB; unchanged if the profile is damaged or for other channels."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        target = cast("Any", ImageCms).createProfile("sRGB")  # Pillow declares only half of its type
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        return ImageCms.profileToProfile(image, source, target, outputMode=mode) or image
    except (ImageCms.PyCMSError, OSError, ValueError, MemoryError):
        return image


def encode_png(image: Image.Image) -> bytes:
    # Level 3 comes within 2 % of level 6 and takes 40 % of its time (measured on blurred noise, 1024x1024).
    return _encode(image, "PNG", compress_level=3)


def encode_webp(image: Image.Image, quality: int) -> bytes:
    return _encode(image, "WEBP", quality=quality)


def encode_jpeg(image: Image.Image, quality: int) -> bytes:
    """For an image without transparency."""
    return _encode(image, "JPEG", quality=quality)


def _encode(image: Image.Image, kind: str, **options: int) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
