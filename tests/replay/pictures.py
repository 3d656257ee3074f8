"""Pictures for responses: a gradient whose colours depend on the prompt, and malformed or hostile files."""

import io
import re
import struct
import zlib
from base64 import b85decode
from functools import lru_cache
from hashlib import sha256
from random import Random
from typing import Any, cast

from PIL import Image, ImageCms, ImageOps

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>'


SRGB = ImageCms.ImageCmsProfile(cast("Any", ImageCms).createProfile("sRGB")).tobytes()
HEIC = b85decode(
    "0000SW^{RQXk}?*00000ZE0pPXk}?*ZE0a<0004fZDn*}000000000XXk=`10000000000aA{+700000000000000000000B57=IV*mgE07O"
    "6l0RRC200001p#T8@00000001-"
    "q001LtX>Mi!000000RR916=`l}WdZ;I000310BCk&F#rGn01j|zbZr0t000010002}X>f9I0002pX>en20001XXm(>m0RwOV0058x000009`"
    "FGC{rLC*01pFT0096PKmiN^|NjGU00093kN^M!000939=ZZRVE_RDDnbDP18@KU0|1Z!00RI30{|YNAb|yz>g1-"
    "mxCm%4AOHXZ10VnZ0{|gn00967L;=Bbz=;3=025<xY;ta6Y<K_x01W^JfB*mh6lrsCWdHyG00000KmY&$KmY&$C}V74Z~y=RKmY&$0RR91Fa"
    "Q7m0RR91000000{{R2@Bjb+0ssI25O8UDX#fBK00RgJ2mk;87-"
    "?{AVE_OC000000RRC7fdT^sga7~lJZ)rQbN~PVFem}9Sosp&|JD=#oiv9HT)cA)PxS~3v7UZ_+S-{;$JhVa7&!OJA^!0Vp%Wam_W"
)
"""64x48, blue, with red in the upper left quarter; kept as bytes, because no library of the bot writes this format."""


@lru_cache(maxsize=64)
def draw(prompt: str, size: tuple[int, int] = (64, 64), kind: str = "PNG", mode: str = "RGB") -> bytes:
    """A gradient: the same bytes for the same prompt, different colours for different ones."""
    dice = sha256(prompt.encode()).digest()
    low, high = tuple(dice[:3]), tuple(255 - value for value in dice[3:6])
    slope = Image.linear_gradient("L").rotate(90 * (dice[6] % 4)).resize(size)
    return _saved(ImageOps.colorize(slope, low, high).convert(mode), kind)  # pyright: ignore[reportArgumentType]


def noise(size: tuple[int, int]) -> bytes:
    """A PNG of noise, which cannot be compressed: 3 bytes a pixel."""
    width, height = size
    return _saved(Image.frombytes("RGB", size, Random(1).randbytes(3 * width * height)), "PNG")


def animation(kind: str = "GIF") -> bytes:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:], duration=100)
    return out.getvalue()


def with_text(*, checksum: bool) -> bytes:
    """A PNG with a comment, whose checksum is right or wrong."""
    whole, text = draw("a comment"), _chunk((b"tEXt", b"Comment\0so"))
    return whole[:33] + (text if checksum else text[:-1] + b"?") + whole[33:]


def foreign() -> dict[str, tuple[bytes, str]]:
    """Formats that providers send besides plain PNG, JPEG and WebP: by name, with the media type."""
    jpeg = draw("no end", kind="JPEG")
    return {
        "gif": (animation(), "image/gif"),
        "moving-png": (animation("PNG"), "image/png"),
        "moving-webp": (animation("WEBP"), "image/webp"),
        "avif": (draw("avif", kind="AVIF"), "image/avif"),
        "tiff": (draw("tiff", kind="TIFF"), "image/tiff"),
        "bmp": (draw("bmp", kind="BMP"), "image/bmp"),
        "heic": (HEIC, "image/heic"),
        "huge": (_saved(Image.new("1", (5_000, 4_000)), "PNG"), "image/png"),
        "comment": (with_text(checksum=False), "image/png"),
        "endless": (jpeg[:-2], "image/jpeg"),
        "half": (draw("half", (200, 200))[:-400], "image/png"),
        "svg": (SVG, "image/svg+xml"),
        "video": (b"\0\0\0\x18ftypmp42" + bytes(200), "video/mp4"),
    }


def bomb(side: int = 50_000) -> bytes:
    """A PNG of a few bytes whose header declares a picture of many gigabytes."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(64))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, chunks))


def _chunk(chunk: tuple[bytes, bytes]) -> bytes:
    name, data = chunk
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _saved(image: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **({"compress_level": 1} if kind == "PNG" else {}))
    return out.getvalue()


def colour_bomb() -> bytes:
    """A PNG of some kilobytes that takes a quarter of an hour to decode: its profile is applied to every pixel."""
    out = io.BytesIO()
    Image.new("RGB", (300, 300), "green").save(out, "PNG", icc_profile=with_steps(20_000))
    return out.getvalue()


def with_steps(count: int) -> bytes:
    """An sRGB profile with that many matrices, each of which changes no colour."""
    matrix = b"matf\0\0\0\0" + struct.pack(">HH12f", 3, 3, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0)
    table = struct.pack(">II", 16 + 8 * count, len(matrix)) * count
    program = b"mpet\0\0\0\0" + struct.pack(">HHI", 3, 3, count) + table + matrix
    (tags,) = struct.unpack_from(">I", SRGB, 128)
    entries = [struct.unpack_from(">4sII", SRGB, 132 + 12 * n) for n in range(tags)]
    moved = [struct.pack(">4sII", name, at + 12, size) for name, at, size in entries]
    moved.append(struct.pack(">4sII", b"D2B0", len(SRGB) + 12, len(program)))
    body = SRGB[4:8] + b"\x04\x40\0\0" + SRGB[12:128] + struct.pack(">I", tags + 1) + b"".join(moved)
    whole = body + SRGB[132 + 12 * tags :] + program
    return struct.pack(">I", len(whole) + 4) + whole


def with_scans(count: int, size: tuple[int, int] = (1024, 1024)) -> bytes:
    """A progressive JPEG of that many scans, most of them equal: each is decoded over all pixels."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).save(out, "JPEG", progressive=True)
    head, *scans = re.split(rb"(?=\xff\xda)", out.getvalue()[:-2])
    return head + b"".join(scans) + scans[-1] * (count - len(scans)) + b"\xff\xd9"
