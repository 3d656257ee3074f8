"""Applies the host's settings for models and quality to an API's models."""

import logging
from collections.abc import Callable, Sequence

from domain import Capabilities, Model
from providers.kit.settings import ProviderSettings

log = logging.getLogger(__name__)


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
            log.warning("a model that this API cannot be asked for is left out: %s", id)
    return choose_models(settings, known, lambda _: None)


def _with_title(model: Model, title: str) -> Model:
    """The model with the host's title, unless the host gave only an id."""
    return model if title == model.id else model.model_copy(update={"title": title})


def limit_quality(settings: ProviderSettings, models: Sequence[Model]) -> Sequence[Model]:
    """Cap the qualities at `settings.quality`, which becomes the default; no change where it is not set."""
    if settings.quality is None:
        return models
    return [
        model.model_copy(update={"capabilities": _with_best_quality(settings.quality, model.capabilities)})
        if model.capabilities.qualities
        else model
        for model in models
    ]


def _with_best_quality(best: str, takes: Capabilities) -> Capabilities:
    """Qualities up to the best one; only the cheapest where the model does not know that name."""
    names = [quality.casefold() for quality in takes.qualities]
    place = names.index(best.casefold()) if best.casefold() in names else 0
    return takes.model_copy(update={"qualities": takes.qualities[: place + 1], "usual_quality": takes.qualities[place]})
