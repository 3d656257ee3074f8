"""Which providers the offline preview has."""

from pathlib import Path

import pytest

from config import read_config
from preview import _offline  # pyright: ignore[reportPrivateUsage]
from providers.aihorde.settings import AIHordeSettings


@pytest.mark.parametrize(("switch", "is_on"), [({}, True), ({"AIHORDE": "on"}, True), ({"AIHORDE": "off"}, False)])
def test_ai_horde_can_be_chosen_unless_it_is_off_and_is_never_the_default(switch: dict[str, str], is_on: bool):
    config = _offline(read_config({"OPENAI_API_KEY": "key", "DEFAULT_PROVIDER": "openai", **switch}), Path("data"))
    horde = config.providers["aihorde"]
    assert isinstance(horde, AIHordeSettings)
    assert horde.enabled is is_on
    assert set(config.providers) == {"sketch", "aihorde"}
    assert config.default_provider == "sketch"
