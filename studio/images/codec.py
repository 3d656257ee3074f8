"""Decoding and encoding through Pillow. It runs in a process of its own: see `workshop`."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any, cast

from PIL import AvifImagePlugin, Image, ImageCms, ImageFile, ImageOps

from studio.images import containers, profiles
from studio.images.base import NotAPicture, Parsed

SHOWN = ("PNG", "JPEG", "WEBP", "GIF")
GENEROUS = (*SHOWN, "AVIF", "HEIF", "TIFF", "BMP", "JPEG2000")
DECODED = ("png", "jpeg", "webp", "gif", "avif", "heic", "tiff", "bmp", "jp2")
"""The kinds that GENEROUS reads."""
MOST_PIXELS = 67_108_864
"""Of a picture from a provider: 8192x8192, 256 MiB once decoded."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation (Exif 2.32, 4.6.4 A)."""


class TooMuch(Exception):
    """It is larger than what is decoded, or moves in a way that we cannot keep."""


def set_up() -> None:
    """Once in the process: what decoders are there, and that they start no threads, whose stacks count as memory."""
    with suppress(ImportError):  # without the package, or its library, HEIC alone goes on as a file
        import pi_heif

        pi_heif.register_heif_opener(thumbnails=False, decode_threads=1)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    Image.MAX_IMAGE_PIXELS = None  # we have a limit of our own


def check(parsed: Parsed) -> None:
    """Decode the first frame of a picture that viewers show; NotAPicture where it cannot be decoded, TooMuch."""
    with _decoding():
        # An eighth of a JPEG's sides takes all of its data to make, and little memory.
        _loaded(containers.stamped(parsed, b""), SHOWN, draft=True)


def decode(data: bytes) -> Image.Image:
    """A fresh upright RGB or RGBA (where something shows through) image in sRGB, without metadata; NotAPicture.

    The caller has checked the size.
    """
    with _decoding():
        parsed = containers.parse(data)
        # Without metadata, Pillow's readers of EXIF, text and multi-picture files have nothing to stumble over.
        image = _loaded(containers.stamped(parsed, b""), SHOWN)
        turn = TURNS.get(containers.orientation(parsed))
        colours = _bare(_to_srgb(image))
        return colours if turn is None else colours.transpose(turn)


def decode_foreign(data: bytes, *, damaged: bool = False) -> Image.Image:
    """As `decode`, of any kind in DECODED, and with damaged=True as much as can be had; NotAPicture, TooMuch."""
    ImageFile.LOAD_TRUNCATED_IMAGES = damaged
    try:
        with _decoding():
            image = _loaded(data, GENEROUS)
            upright = ImageOps.exif_transpose(image)
            return _bare(_to_srgb(upright))
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


@contextmanager
def _decoding() -> Generator[None]:
    try:
        yield
    except (NotAPicture, TooMuch, MemoryError):
        raise
    except Exception as error:  # Pillow raises anything
        raise NotAPicture("it is damaged: it cannot be decoded") from error


def _loaded(data: bytes, formats: tuple[str, ...], *, draft: bool = False) -> Image.Image:
    missing = () if "HEIF" in Image.OPEN else ("HEIF",)  # Pillow stumbles over the name of a decoder that is not there
    image = Image.open(BytesIO(data), formats=[each for each in formats if each not in missing])
    if draft:
        image.draft(None, (1, 1))
    if image.width * image.height > MOST_PIXELS:
        raise TooMuch(f"{image.width}x{image.height} pixels")
    if image.format in ("AVIF", "TIFF") and getattr(image, "n_frames", 1) > 1:
        raise TooMuch("several pictures")
    image.load()
    return image


def _bare(image: Image.Image) -> Image.Image:
    image.info.clear()
    fresh = Image.new(image.mode, image.size)
    fresh.paste(image)
    return fresh


def _to_srgb(image: Image.Image) -> Image.Image:
    """RGB or RGBA, through the picture's own profile if it has a plain one."""
    mode = "RGBA" if image.has_transparency_data else "RGB"
    _scale_transparency(image)
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):
        image = _from_16_bits(image)
    if image.mode == "F":
        image = _from_floats(image)
    if image.mode != "CMYK":
        image = image.convert(mode)
    if profile and profiles.is_plain(profile):
        image = _through_profile(image, profile)
    opaque = mode == "RGBA" and image.convert(mode).getchannel("A").getextrema() == (255, 255)
    return image.convert("RGB" if opaque else mode)


def _from_16_bits(image: Image.Image) -> Image.Image:
    """Scaled to 8 bits; Pillow's own conversion clips at 255."""
    return image.convert("I").point([value >> 8 for value in range(65536)], "L")


def _scale_transparency(image: Image.Image) -> None:
    """Of a PNG of 16 bits, of which Pillow keeps 8 but for the one colour that is transparent."""
    key: bytes | int | tuple[int, ...] | None = image.info.get("transparency")
    if isinstance(key, int) and key > 255:
        image.info["transparency"] = key >> 8
    if isinstance(key, tuple) and max(key) > 255:
        image.info["transparency"] = tuple(value >> 8 for value in key)


def _from_floats(image: Image.Image) -> Image.Image:
    """Scaled to 8 bits; 1.0 is white, or whatever is brighter."""
    _, brightest = cast("tuple[float, float]", image.getextrema())
    scale = 255 / max(brightest, 1)
    return image.point(lambda value: value * scale).convert("L")


def _through_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """In sRGB; unchanged when the profile is damaged or meant for other channels."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        target = cast("Any", ImageCms).createProfile("sRGB")  # half of its declared type is missing
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        return ImageCms.profileToProfile(image, source, target, outputMode=mode) or image
    except Exception:  # noqa: BLE001 - a foreign profile makes it raise anything
        return image


def encode_png(image: Image.Image) -> bytes:
    # Level 3 comes within 2 % of level 6 and takes 40 % of its time (measured on blurred noise, 1024x1024).
    return _saved(image, "PNG", compress_level=3)


def encode_webp(image: Image.Image, quality: int) -> bytes:
    return _saved(image, "WEBP", quality=quality)


def encode_jpeg(image: Image.Image, quality: int) -> bytes:
    """For an image without transparency."""
    return _saved(image, "JPEG", quality=quality)


def _saved(image: Image.Image, kind: str, **options: int) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
