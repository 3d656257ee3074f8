"""Hostile input: the worst known responses of a provider, and the worst known uploads of a member."""

import base64
import io
import json
import random
import struct
from functools import cache
from itertools import cycle
from typing import NamedTuple

from PIL import Image

from benchmarks.loopback import Reply

HOARD, TORRENT = "hoard", "torrent"
"""Two malicious servers: the lists and responses of one are huge, the stream of the other never ends."""
NAMES = 500_000
HUGE = 60 * 2**20
LARGE_SIDE = 1530
"""Noise, as a PNG of 7 MB."""
MATRICES = 10_000
SCANS, SCANNED_SIDE = 32_700, 2048


def settings(url: str) -> dict[str, str]:
    """The settings of both servers, as a host would set them."""
    return {
        "OPENAI_COMPATIBLE": f"{HOARD},{TORRENT}",
        "HOARD_BASE_URL": f"{url}/{HOARD}",
        "TORRENT_BASE_URL": f"{url}/{TORRENT}",
        "TORRENT_PROFILE": "openai",
        "TORRENT_MODELS": "gpt-image-2",
    }


def answer(method: str, path: str) -> Reply | None:
    """The two servers' response; None for other paths."""
    match method, path:
        case "GET", "/hoard/models":
            return Reply(_names())
        case "POST", "/hoard/images/generations":
            return Reply(next(_HUGE)())
        case "POST", "/torrent/images/generations":
            return Reply(b'data: {"type": "ping"}\n\n' * 2000, content_type="text/event-stream", endless=True)
        case "POST", "/torrent/images/edits":
            return Reply(b'{"error": {"message": "No such image"}}', 400)
        case _:
            return None


@cache
def _names() -> bytes:
    return json.dumps({"data": [{"id": f"model-{number}"} for number in range(NAMES)]}).encode()


@cache
def _nothing() -> bytes:
    return b'{"data": [' + b"[]," * (HUGE // 3) + b"[]]}"


@cache
def _pictures() -> bytes:
    """Two fake pictures of 33 MB in base64, with slashes escaped as PHP does."""
    text = base64.b64encode(b"\x89PNG\r\n\x1a\n" + random.Random(1).randbytes(HUGE // 2 + HUGE // 32)).decode()  # noqa: S311
    return json.dumps({"data": [{"b64_json": text}] * 2}).replace("/", r"\/").encode()


@cache
def _escapes() -> bytes:
    return b'{"data": [{"b64_json": "' + rb"\n" * (HUGE // 2) + b'"}]}'


_HUGE = cycle((_nothing, _pictures, _escapes))
"""The responses of the first server, in turn."""


class File(NamedTuple):
    """A hostile upload."""

    name: str
    data: bytes
    side: int
    kind: str = "image/png"

    def announced(self, origin: str) -> dict[str, object]:
        """The attachment as Discord announces it."""
        link = f"{origin}/attachments/{self.name}"
        about = {"id": "9001", "filename": self.name, "size": len(self.data), "content_type": self.kind}
        return {**about, "url": link, "proxy_url": link, "width": self.side, "height": self.side}


@cache
def files() -> dict[str, File]:
    named = (
        File("bomb.png", _bomb(), 64),
        File("scans.jpeg", _scans(), SCANNED_SIDE, "image/jpeg"),
        File("large.png", _large(), LARGE_SIDE),
    )
    return {file.name: file for file in named}


def _large() -> bytes:
    image = Image.frombytes("RGB", (LARGE_SIDE, LARGE_SIDE), random.Random(1).randbytes(LARGE_SIDE**2 * 3))  # noqa: S311
    return _png(image, None)


def _bomb() -> bytes:
    """A small picture whose colour profile takes seconds to apply: a chain of thousands of matrices."""
    matrix = b"matf" + bytes(4) + struct.pack(">HH12f", 3, 3, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0)
    start = 16 + 8 * MATRICES
    places = struct.pack(">II", start, len(matrix)) * MATRICES
    steps = b"mpet" + bytes(4) + struct.pack(">HHI", 3, 3, MATRICES) + places + matrix
    about = bytes(8) + b"\x04\x30\0\0scnrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    about += struct.pack(">III", 0xF6D6, 0x10000, 0xD32D) + bytes(48)
    tags = struct.pack(">I4sII", 1, b"D2B0", 144, len(steps))
    profile = struct.pack(">I", 144 + len(steps)) + about[4:] + tags + steps
    return _png(Image.new("RGB", (64, 64), "red"), profile)


def _scans() -> bytes:
    """A JPEG of half a megabyte that takes more than a minute to decode: its last scan is repeated."""
    out = io.BytesIO()
    Image.new("L", (SCANNED_SIDE, SCANNED_SIDE), 128).save(out, "JPEG", progressive=True)
    data = out.getvalue()
    start = data.rindex(b"\xff\xda")
    return data[:start] + data[start:-2] * SCANS + b"\xff\xd9"


def _png(image: Image.Image, profile: bytes | None) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1, icc_profile=profile)
    return out.getvalue()
