"""What kind of picture some bytes are, by how they begin: the one rule for what is taken from a provider at all."""

import re

KINDS = {
    "png": rb"\x89PNG\r\n\x1a\n",
    "jpeg": rb"\xff\xd8\xff",
    "webp": rb"RIFF....WEBP",
    "gif": rb"GIF8[79]a",
    "avif": rb"....ftyp(?:avi[fs]|m[is]f1.{4}(?:.{4}){0,15}?avi[fs])",
    "heic": rb"....ftyp(?:hei[cmxs]|hev[cmxs]|m[is]f1)",
    "tiff": rb"II[*+]\0|MM\0[*+]",
    "bmp": rb"BM.{4}\0{4}",
    "jp2": rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
    "jxl": rb"\0\0\0\x0cJXL \r\n\x87\n|\xff\x0a",
    "psd": rb"8BPS\0[\1\2]",
    "svg": rb"(?:\xef\xbb\xbf)?\s{0,9}(?:<(?:\?xml|!--|!DOCTYPE svg)[^>]{0,400}>\s{0,9}){0,5}<svg[\s>]",
    "mp4": rb"....ftyp",
    "webm": rb"\x1aE\xdf\xa3",
}
"""Pictures and what providers send in their place: each kind with the beginning that tells it, the first that fits."""
PATTERNS = {kind: re.compile(pattern, re.DOTALL) for kind, pattern in KINDS.items()}
ENDINGS = {"jpeg": "jpg", "tiff": "tif"}


def kind_of(data: bytes) -> str | None:
    """One of KINDS; None for what is no picture at all: nothing else is kept of what a provider sends."""
    return next((kind for kind, pattern in PATTERNS.items() if pattern.match(data)), None)


def ending_of(kind: str) -> str:
    """What a file of that kind is called by, without the dot."""
    return ENDINGS.get(kind, kind)
