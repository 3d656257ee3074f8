"""Limits on the length of lists from APIs."""

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import islice
from typing import Annotated, Any, TypeVar, cast

from pydantic import BeforeValidator

from domain import BadResponse
from providers.kit.settings import ProviderSettings

log = logging.getLogger(__name__)

MAX_ENTRIES = 10_000
"""Entries of a list that are parsed."""
MAX_OFFERED = 1_000
"""Entries that are offered: autocomplete shows 25 at a time, and searches the others by name."""
MAX_NAME_LENGTH = 200
"""Characters of an id or a name: Discord's menus take 100."""

Item = TypeVar("Item")


def _cut(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    entries = cast("list[Any]", value)
    if len(entries) > MAX_ENTRIES:
        warn_once(f"a list of {len(entries):,} entries: only the first {MAX_ENTRIES:,} are read")
    return entries[:MAX_ENTRIES]


BoundedList = Annotated[list[Item], BeforeValidator(_cut)]
"""A list in a response, truncated before its entries are validated."""


def cap_models(items: Iterable[Item], settings: ProviderSettings, id_of: Callable[[Item], str]) -> Sequence[Item]:
    """The models to offer, in their order; where there are too many, the host's (`<NAME>_MODELS`) come first.

    Raises BadResponse where there is none.
    """
    usable = [each for each in items if len(id_of(each)) <= MAX_NAME_LENGTH]
    if not usable:
        raise BadResponse("the list holds no model that makes pictures")
    if len(usable) <= MAX_OFFERED:
        return usable
    warn_once(f"a list of {len(usable):,} models: only {MAX_OFFERED:,} are offered; <NAME>_MODELS chooses others")
    named = {id for id, _ in settings.models}
    return sorted(usable, key=lambda each: id_of(each) not in named)[:MAX_OFFERED]


def cap_names(names: Iterable[str]) -> tuple[str, ...]:
    """Unique names, such as samplers or styles, up to `MAX_OFFERED`."""
    found: dict[str, None] = {}
    for name in islice(names, MAX_ENTRIES):
        if len(found) == MAX_OFFERED:
            warn_once(f"a list of more than {MAX_OFFERED:,} names: what follows them is not offered")
            break
        if len(name) <= MAX_NAME_LENGTH:
            found[name] = None
    return tuple(found)


@lru_cache(maxsize=256)
def warn_once(text: str) -> None:
    """Log a warning once per process: lists are reloaded every ten minutes."""
    log.warning(text)
