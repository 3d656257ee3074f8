"""Pictures on their way: links to results as polled providers remember them; images as text, and of the right size."""

import io
from collections.abc import Sequence
from functools import partial
from typing import overload

import pybase64
from PIL import Image, ImageOps

from domain import Size
from providers.api import Api, given
from providers.base import Progress, keep_all
from providers.shapes import is_embedded


async def collect(
    api: Api,
    progress: Progress,
    *,
    urls: Sequence[str],
    seed: int | None = None,
    seconds: float | None = None,
) -> None:
    """Keep what the links lead to, remembered first as the arguments of the same call.

    The picture itself is not remembered, for a row is no place for megabytes: the provider is asked for it again.
    """
    if not any(map(is_embedded, urls)):
        await progress.remember(given({"urls": list(urls), "seed": seed, "seconds": seconds}))
    await keep_all(progress, urls, partial(api.fetch, seed=seed, seconds=seconds))


@overload
def in_base64(data: bytes) -> str: ...
@overload
def in_base64(data: bytes | None) -> str | None: ...
def in_base64(data: bytes | None) -> str | None:
    """By pybase64, which takes a fraction of the standard library's time."""
    return None if data is None else pybase64.b64encode(data).decode()


def fitted(png: bytes, size: Size) -> bytes:
    """An image, or a mask, of the size to draw at, cut where its shape is another; it belongs into a thread."""
    image = Image.open(io.BytesIO(png))
    if image.size == size:
        return png
    out = io.BytesIO()
    ImageOps.fit(image, size).save(out, "PNG")
    return out.getvalue()


def data_url(png: bytes | None) -> str | None:
    return f"data:image/png;base64,{in_base64(png)}" if png else None
