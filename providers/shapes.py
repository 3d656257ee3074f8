"""Finding the pictures in an answer: one or several, as links or in base64, under the names that the makers document.

Names are followed, never text alone: a link in a message is no picture.
"""

import re
from collections.abc import Iterable
from typing import Any, cast

NAMES = (
    *("images", "image", "data", "output", "outputs", "result", "results"),
    *("b64_json", "base64", "image_data", "image_base64"),
    *("url", "urls", "image_url", "imageUrl", "image_urls", "download_urls", "result_url"),
)
"""In this order: where the same picture comes under two names, the first that holds any is enough."""
LINK = ("http://", "https://", "data:image/")
BASE64 = re.compile(r"iVBORw0KGgo|/9j/|_9j_|UklGR|R0lGOD|AAAA.{4}ZnR5c")
"""How the kinds of pictures begin in base64."""
DEEPEST = 4
MOST = 32
"""Pictures of one answer."""


def pictures_in(answer: Any) -> list[str]:
    """Links, data URLs and base64, each once and in order; none where nothing can be recognised."""
    return list(dict.fromkeys(_found(answer, DEEPEST)))[:MOST]


def is_link(text: str) -> bool:
    return text.startswith(LINK)


def as_link(text: str) -> str:
    """Base64 as the data URL that it might have come as."""
    return f"data:image/png;base64,{text}" if BASE64.match(text) else text


def _found(value: Any, depth: int) -> Iterable[str]:
    if isinstance(value, str):
        return [value] if is_link(value) or BASE64.match(value) else []
    if isinstance(value, list) and depth:
        return [each for one in cast("list[Any]", value)[:MOST] for each in _found(one, depth - 1)]
    if isinstance(value, dict) and depth:
        return _under_a_name(cast("dict[Any, Any]", value), depth - 1)
    return []


def _under_a_name(fields: dict[Any, Any], depth: int) -> Iterable[str]:
    """`image` beside `images` may hold the same, or one more: both are read; of one picture's fields one is enough."""
    several = [each for name in ("images", "image") for each in _found(fields.get(name), depth)]
    if several:
        return several
    return next(filter(None, (list(_found(fields.get(name), depth)) for name in NAMES)), list[str]())
