"""Chooses what to offer of an API's lists: within limits, and by the host's settings."""

import logging
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Annotated, Any, TypeVar, cast

from pydantic import BeforeValidator

from domain import BadResponse, Capabilities, Model
from providers.kit.once import warn_once
from providers.kit.settings import ProviderSettings

log = logging.getLogger(__name__)

MAX_LIST_ENTRIES = 10_000
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
    if len(entries) > MAX_LIST_ENTRIES:
        warn_once(f"a list of {len(entries):,} entries: only the first {MAX_LIST_ENTRIES:,} are read")
    return entries[:MAX_LIST_ENTRIES]


BoundedList = Annotated[list[Item], BeforeValidator(_cut)]
"""A list in a response, truncated before its entries are validated."""


def cap_models(items: Iterable[Item], settings: ProviderSettings, id_of: Callable[[Item], str]) -> Sequence[Item]:
    """The models to offer, in their order; where there are too many, the host's (`<NAME>_MODELS`) come first.

    Raises BadResponse where there is none.
    """
    usable = [each for each in items if len(id_of(each)) <= MAX_NAME_LENGTH]
    if not usable:
        raise BadResponse("the list has no model that draws")
    if len(usable) <= MAX_OFFERED:
        return usable
    warn_once(f"a list of {len(usable):,} models: only {MAX_OFFERED:,} are offered; <NAME>_MODELS chooses others")
    named = {id for id, _ in settings.models}
    return sorted(usable, key=lambda each: id_of(each) not in named)[:MAX_OFFERED]


def cap_names(names: Iterable[str]) -> tuple[str, ...]:
    """Unique names, such as samplers or styles, up to `MAX_OFFERED`."""
    found: dict[str, None] = {}
    for name in islice(names, MAX_LIST_ENTRIES):
        if len(found) == MAX_OFFERED:
            warn_once(f"a list of more than {MAX_OFFERED:,} names: what follows them is not offered")
            break
        if len(name) <= MAX_NAME_LENGTH:
            found[name] = None
    return tuple(found)


def choose_models(
    settings: ProviderSettings, known: Sequence[Model], make: Callable[[str], Model | None]
) -> Sequence[Model]:
    """`settings.models` in that order, else all known models; unknown ids are built by `make`.

    Ids for which `make` returns None are left out.
    """
    models = {model.id: model for model in known}
    chosen = [(models.get(id) or make(id), title) for id, title in settings.models]
    return [_with_title(model, title) for model, title in chosen if model] or known


def choose_known_models(settings: ProviderSettings, known: Sequence[Model]) -> Sequence[Model]:
    """As `choose_models`, for an API that has only the known models; logs the host's other ids."""
    ids = {model.id for model in known}
    for id, _ in settings.models:
        if id not in ids:
            log.warning("a model that this API does not have is left out: %s", id)
    return choose_models(settings, known, lambda _: None)


def _with_title(model: Model, title: str) -> Model:
    """The model with the host's title, unless the host gave only an id."""
    return model if title == model.id else model.having(title=title)


def limit_quality(settings: ProviderSettings, models: Sequence[Model]) -> Sequence[Model]:
    """Cap the qualities at `settings.quality`, which becomes the default; no change where it is not set."""
    if settings.quality is None:
        return models
    return [
        model.having(capabilities=_with_best_quality(settings.quality, model.capabilities))
        if model.capabilities.qualities
        else model
        for model in models
    ]


def _with_best_quality(best: str, takes: Capabilities) -> Capabilities:
    """Qualities up to the best one; only the cheapest where the model does not know that name."""
    names = [quality.casefold() for quality in takes.qualities]
    place = names.index(best.casefold()) if best.casefold() in names else 0
    return takes.having(qualities=takes.qualities[: place + 1], usual_quality=takes.qualities[place])
