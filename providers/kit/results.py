"""The pictures of a response: found in its JSON as links or base64, downloaded and kept.

Only documented field names are searched: a link in an error message is no picture.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, cast

from domain import BadResponse, Picture
from providers.http.answers import Answer
from providers.http.api import Api, without_none
from providers.http.encoding import is_inline_picture
from providers.kit.base import Progress, keep_all

PICTURE_FIELDS = (
    *("sample", "data", "output", "outputs", "result", "results", "artifacts", "predictions", "generations", "choices"),
    *("b64_json", "base64", "image_data", "image_base64", "image_b64", "bytesBase64Encoded", "inlineData"),
    *("url", "urls", "image_url", "imageUrl", "image_urls", "download_url", "download_urls", "result_url"),
    "img",
)
"""Searched in this order; the first field with a picture ends the search, as others may repeat it."""
LINK_FIELDS = ("url", "urls")
"""Fields that are ignored beside an `error` field, where they link to documentation."""
WEB_SCHEMES = ("http://", "https://")
MAX_DEPTH = 6
"""Levels of lists and objects that are searched."""
MAX_PICTURES = 32
"""Pictures of one response."""


async def collect(
    api: Api,
    progress: Progress,
    *,
    urls: Sequence[str],
    seed: int | None = None,
    seconds: float | None = None,
) -> None:
    """Remember the links, as arguments for the same call after a restart, then download and keep the pictures.

    Inline pictures are not remembered, for they are too large for a database row. Raises BadResponse without any link.
    """
    if not urls:
        raise BadResponse("no picture in the response")
    if not any(map(is_inline_picture, urls)):
        await progress.remember(without_none({"urls": list(urls), "seed": seed, "seconds": seconds}))
    await keep_all(progress, urls, partial(api.fetch, seed=seed, seconds=seconds))


async def picture_from_answer(api: Api, answer: Answer, seed: int | None) -> Picture | None:
    """The picture in a response's body, or the first one in its JSON; None where there is none; raises BadResponse."""
    if answer.is_picture():
        return Picture(data=answer.body, seed=seed)
    found = pictures_in(answer.data())
    return await api.fetch(found[0], seed=seed) if found else None


def pictures_in(answer: Any, *names: str) -> list[str]:
    """Unique links, data URLs and base64 strings, in order; empty where none is recognised.

    names: fields that are documented for this response; they are searched first.
    """
    fields = cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
    documented = (_search(fields.get(name), MAX_DEPTH - 1) for name in names)
    pictures = list[str]()
    for each in next(filter(None, documented), None) or _search(answer, MAX_DEPTH):
        if len(pictures) < MAX_PICTURES and each not in pictures:  # compared, not hashed: they may have many megabytes
            pictures.append(each)
    return pictures


def picture_of(entry: Any, *names: str) -> str:
    """The first picture found in a list's entry, or else the text of its first named field."""
    if isinstance(entry, str):
        return entry.strip()
    fields = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
    texts = (text.strip() for name in names if isinstance(text := fields.get(name), str))
    return next(iter(pictures_in(entry, *names)), "") or next(filter(None, texts), "")


def is_link(text: str) -> bool:
    """Whether a text is an http(s) URL."""
    return text[:8].lower().startswith(WEB_SCHEMES)


def _search(value: Any, depth: int) -> list[str]:
    if isinstance(value, str):
        text = value.strip()
        return [text] if is_link(text) or is_inline_picture(text) else []
    if isinstance(value, list) and depth:
        return [each for one in cast("list[Any]", value)[:MAX_PICTURES] for each in _search(one, depth - 1)]
    if isinstance(value, dict) and depth:
        return _search_fields(cast("dict[Any, Any]", value), depth - 1)
    return []


def _search_fields(fields: dict[Any, Any], depth: int) -> list[str]:
    """Search `images` and `image`, which may differ; of all other fields the first with a result."""
    several = [each for name in ("images", "image") for each in _search(fields.get(name), depth)]
    if several:
        return several
    names = [
        name
        for name in PICTURE_FIELDS
        if not (fields.get("error") and name in LINK_FIELDS and _is_web_link(fields.get(name)))
    ]
    return next(filter(None, (_search(fields.get(name), depth) for name in names)), list[str]())


def _is_web_link(value: Any) -> bool:
    return isinstance(value, str) and is_link(value.strip())
