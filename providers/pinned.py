"""The host's own choice among an API's models, and how good, and so how dear, a picture of theirs may be."""

from collections.abc import Callable, Sequence

from domain import Access, Capabilities, Model


def pinned(access: Access, known: Sequence[Model], make: Callable[[str], Model]) -> Sequence[Model]:
    """`access.models` where the host set them, in that order: known ones keep what they take, others are made."""
    models = {model.id: model for model in known}
    chosen = [(models.get(id) or make(id), id, title) for id, title in access.models]
    return [model if title == id else model.model_copy(update={"title": title}) for model, id, title in chosen] or known


def affordable(access: Access, models: Sequence[Model]) -> Sequence[Model]:
    """With no better quality than `access.quality`, which is also the usual one; unchanged where it is not set."""
    if access.quality is None:
        return models
    return [
        model.model_copy(update={"capabilities": _up_to(access.quality, model.capabilities)})
        if model.capabilities.qualities
        else model
        for model in models
    ]


def _up_to(best: str, takes: Capabilities) -> Capabilities:
    """The cheapest alone where a model calls its qualities by other names."""
    names = [quality.casefold() for quality in takes.qualities]
    place = names.index(best.casefold()) if best.casefold() in names else 0
    return takes.model_copy(update={"qualities": takes.qualities[: place + 1], "usual_quality": takes.qualities[place]})
