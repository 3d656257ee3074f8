"""Pictures to answer with: a gradient whose colours come from the prompt, and files that are not what they seem."""

import io
import struct
import zlib
from functools import lru_cache
from hashlib import sha256
from random import Random

from PIL import Image, ImageOps

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>'


@lru_cache(maxsize=64)
def draw(prompt: str, size: tuple[int, int] = (64, 64), kind: str = "PNG", mode: str = "RGB") -> bytes:
    """The same bytes for the same prompt; different colours for different ones."""
    dice = sha256(prompt.encode()).digest()
    low, high = tuple(dice[:3]), tuple(255 - value for value in dice[3:6])
    slope = Image.linear_gradient("L").rotate(90 * (dice[6] % 4)).resize(size)
    return _saved(ImageOps.colorize(slope, low, high).convert(mode), kind)  # pyright: ignore[reportArgumentType]


def noise(size: tuple[int, int]) -> bytes:
    """A PNG that nothing makes smaller without loss: 3 bytes a pixel."""
    width, height = size
    return _saved(Image.frombytes("RGB", size, Random(1).randbytes(3 * width * height)), "PNG")


def animation() -> bytes:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=100)
    return out.getvalue()


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
