# pyright: basic
"""Commands of other versions are recognized by their options; tests/test_process.py has the whole flow."""

import pytest
from discord import Interaction, app_commands

from cogs.option_check import accepts_options


@app_commands.command()
async def show(interaction: Interaction, page: app_commands.Range[int, 1, 9] = 1) -> None:
    """Show a page."""


OUTER = app_commands.Group(name="outer", description="outer")
INNER = app_commands.Group(name="inner", description="inner", parent=OUTER)
INNER.add_command(show)
PAGE = {"name": "page", "type": 4, "value": 2}


def below(*options):
    """As Discord sends a subcommand of a group."""
    command = {"name": "show", "type": 1} | ({"options": list(options)} if options else {})
    return [{"name": "inner", "type": 2, "options": [command]}]


@pytest.mark.parametrize("wrap", [lambda *options: list(options), below])
def test_a_command_is_the_one_that_is_known_also_in_a_group(wrap):
    assert accepts_options(show, wrap())
    assert accepts_options(show, wrap(PAGE))
    assert not accepts_options(show, wrap(PAGE | {"value": 10}))
    assert not accepts_options(show, wrap(PAGE | {"type": 3, "value": "2"}))
    assert not accepts_options(show, wrap(PAGE, {"name": "gone", "type": 3, "value": "a"}))
