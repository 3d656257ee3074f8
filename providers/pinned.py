"""The host's own choice among an API's models."""

from collections.abc import Callable, Sequence

from domain import Access, Model


def pinned(access: Access, known: Sequence[Model], make: Callable[[str], Model]) -> Sequence[Model]:
    """`access.models` where the host set them, in that order: known ones keep what they take, others are made."""
    models = {model.id: model for model in known}
    chosen = [(models.get(id) or make(id), id, title) for id, title in access.models]
    return [model if title == id else model.model_copy(update={"title": title}) for model, id, title in chosen] or known
