"""Links to results, as polled providers remember and fetch them."""

from collections.abc import Sequence
from functools import partial

from providers.http.api import Api, given
from providers.http.encoding import is_embedded
from providers.kit.base import Progress, keep_all


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
