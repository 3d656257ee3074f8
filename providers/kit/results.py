"""Downloads result links, and extracts pictures from responses."""

from collections.abc import Sequence
from functools import partial

from domain import BadResponse, Picture
from providers.http.answers import Answer
from providers.http.api import Api, without_none
from providers.http.encoding import is_inline_picture
from providers.kit.base import Progress, keep_all
from providers.kit.picture_search import pictures_in


async def collect(
    api: Api,
    progress: Progress,
    *,
    urls: Sequence[str],
    seed: int | None = None,
    seconds: float | None = None,
) -> None:
    """Remember the links, as arguments for the same call after a restart, then download and keep the pictures.

    Inline pictures are not remembered, for they are too large for a database row. BadResponse for no link at all.
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
