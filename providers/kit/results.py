"""The pictures of an answer, and links to them as polled providers remember and fetch them."""

from collections.abc import Sequence
from functools import partial

from domain import Picture
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
    """Keep what the links lead to, remembered first as the arguments of the same call.

    The picture itself is not remembered, for a row is no place for megabytes: the provider is asked for it again.
    """
    if not any(map(is_inline_picture, urls)):
        await progress.remember(without_none({"urls": list(urls), "seed": seed, "seconds": seconds}))
    await keep_all(progress, urls, partial(api.fetch, seed=seed, seconds=seconds))


async def picture_from_answer(api: Api, answer: Answer, seed: int | None) -> Picture | None:
    """The bytes that are the answer, or the first picture in its JSON; None where that has none, BadResponse."""
    if answer.is_picture():
        return Picture(data=answer.body, seed=seed)
    found = pictures_in(answer.data())
    return await api.fetch(found[0], seed=seed) if found else None
