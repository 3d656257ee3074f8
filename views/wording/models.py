"""Models as they are called in menus."""

from domain import Model
from views.wording.text import say

TITLE_AND_WAIT = "{title}, wait about {minutes} min"


def model_name(model: Model) -> str:
    """The model's title, and its wait where there is one worth knowing."""
    if model.wait is None:
        return model.title
    return say(TITLE_AND_WAIT, title=model.title, minutes=f"{model.wait / 60:.0f}")
