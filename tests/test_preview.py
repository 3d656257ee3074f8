"""Which providers the offline preview has, and how it greets."""

from pathlib import Path
from typing import Any, cast

import pytest

from config import read_config
from domain import ImageRequest
from preview import _offline  # pyright: ignore[reportPrivateUsage]
from providers.aihorde import AIHordeSettings
from views.greeting import PROMPTS, Greeting, greeting


@pytest.mark.parametrize(("switch", "is_on"), [({}, True), ({"AIHORDE": "on"}, True), ({"AIHORDE": "off"}, False)])
def test_ai_horde_can_be_chosen_unless_it_is_off_and_is_never_the_default(switch: dict[str, str], is_on: bool):
    config = _offline(read_config({"OPENAI_API_KEY": "key", "DEFAULT_PROVIDER": "openai", **switch}), Path("data"))
    horde = config.providers["aihorde"]
    assert isinstance(horde, AIHordeSettings)
    assert horde.enabled is is_on
    assert set(config.providers) == {"sketch", "aihorde"}
    assert config.default_provider == "sketch"


@pytest.mark.parametrize(
    ("providers", "own", "says", "says_not"),
    [
        (("sketch", "aihorde"), False, ("which Sketch draws", "choose AI Horde"), "may cost money"),
        (("sketch", "openai"), True, ("which Sketch draws", "may cost money"), "choose AI Horde"),
        (("openai", "aihorde"), True, ("Welcome to Easel", "may cost money"), "Sketch"),
    ],
)
def test_the_greeting_says_who_draws(providers: tuple[str, ...], own: bool, says: tuple[str, ...], says_not: str):
    text = greeting(providers, own=own)
    assert all(each in text for each in says)
    assert says_not not in text


class Taken:
    """In place of DiscordRequests: what was asked for."""

    def __init__(self) -> None:
        self.requests: list[ImageRequest] = []

    async def take(self, interaction: object, request: ImageRequest) -> None:
        self.requests.append(request)


async def test_the_buttons_draw_with_sketch_whoever_is_the_default():
    taken: Any = Taken()
    for button in Greeting(taken, ("openai", "sketch")).children:
        await button.callback(cast("Any", None))
    assert [(each.prompt, each.provider) for each in taken.requests] == [(prompt, "sketch") for prompt in PROMPTS]
    assert Greeting(taken, ("openai",)).children == []
