"""Models as they are called in menus."""

from collections import Counter
from collections.abc import Sequence

from domain import Model
from domain.characters import is_blank
from views.wording.text import say

TITLE_AND_WAIT = "{title}, wait about {minutes} min"
NAME_AND_ID = "{name} ({id})"


def model_name(model: Model) -> str:
    """The model's title, or its id if that is blank, and its wait where there is one worth knowing."""
    title = model.id if is_blank(model.title) else model.title
    if model.wait is None:
        return title
    return say(TITLE_AND_WAIT, title=title, minutes=f"{model.wait / 60:.0f}")


def model_choices(models: Sequence[Model]) -> list[tuple[str, str]]:
    """Names and ids for a menu, without doubles and blank ids; models of one name are told apart by their ids."""
    named = {model.id: model_name(model) for model in models if not is_blank(model.id)}
    times = Counter(named.values())
    return [(say(NAME_AND_ID, name=name, id=id) if times[name] > 1 else name, id) for id, name in named.items()]
