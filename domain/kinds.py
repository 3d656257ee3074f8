"""File formats by their first bytes: only these are accepted from a provider."""

import re

KINDS = {
    "png": rb"\x89PNG\r\n\x1a\n",
    "jpeg": rb"\xff\xd8\xff",
    "webp": rb"RIFF....WEBP",
    "gif": rb"GIF8[79]a",
    "avif": rb"....ftyp(?:avi[fs]|m[is]f1.{4}(?:.{4}){0,15}?avi[fs])",
    "heic": rb"....ftyp(?:hei[cmxs]|hev[cmxs]|m[is]f1)",
    "tiff": rb"II\*\0(?!\0{4})|MM\0\*(?!\0{4})|II\+\0\x08\0\0\0|MM\0\+\0\x08\0\0",
    "bmp": rb"BM.{4}\0{4}.{4}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0{3}",
    "jp2": rb"\0\0\0\x0cjP  \r\n\x87\n....ftyp|\xff\x4f\xff\x51",
    "jxl": rb"\0\0\0\x0cJXL \r\n\x87\n....ftypjxl |\xff\x0a",
    "psd": rb"8BPS\0[\1\2]\0{7}[\1-\x38].{8}\0[\1\x08\x10\x20]",
    "svg": rb"(?:\xef\xbb\xbf)?\s{0,9}(?:<(?:\?xml|!--|!DOCTYPE svg)[^>]{0,400}>\s{0,9}){0,5}"
    rb"<svg[\s>][^<]{0,9999}<[\w!?]",
    "mp4": rb"....ftyp[ -~]{4}",
    "webm": rb"\x1aE\xdf\xa3.{0,60}(?:webm|matroska)",
}
"""Formats of pictures and videos, each with a pattern for its first bytes; the first that matches counts."""
LEAST = {"avif": 100, "heic": 100, "tiff": 26, "bmp": 27, "jp2": 60, "jxl": 12, "psd": 40, "mp4": 64, "webm": 64}
"""Smallest length in bytes of formats that Easel does not decode itself."""
PATTERNS = {kind: re.compile(pattern, re.DOTALL) for kind, pattern in KINDS.items()}
ENDINGS = {"jpeg": "jpg", "tiff": "tif"}


def kind_of(data: bytes) -> str | None:
    """A key of KINDS; None for anything else."""
    begun = (kind for kind, pattern in PATTERNS.items() if pattern.match(data))
    return next((kind for kind in begun if len(data) >= LEAST.get(kind, 0)), None)


def ending_of(kind: str) -> str:
    """The file extension of a kind, without the dot."""
    return ENDINGS.get(kind, kind)
