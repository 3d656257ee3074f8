"""Whether a command is the one that this process has: Discord may still show an older one, or a newer."""

from collections.abc import Mapping, Sequence
from typing import Any

from discord import AppCommandOptionType, app_commands

SUBCOMMANDS = (AppCommandOptionType.subcommand.value, AppCommandOptionType.subcommand_group.value)
NUMBERS = (AppCommandOptionType.integer, AppCommandOptionType.number)
Option = Mapping[str, Any]
"""As Discord sends it."""


def accepts_options(command: app_commands.Command[Any, ..., Any], options: Sequence[Option]) -> bool:
    """Whether it takes these options: discord.py hands on a text for a number, and drops what it does not know."""
    known = {each.display_name: each for each in command.parameters}
    return all(each["name"] in known and _accepts(known[each["name"]], each) for each in _command_options(options))


def _command_options(options: Sequence[Option]) -> Sequence[Option]:
    """Those of the command itself: where it is in a group, they stand below its name, and that below the group's."""
    while options and options[0]["type"] in SUBCOMMANDS:
        options = options[0].get("options", ())
    return options


def _accepts(parameter: app_commands.Parameter, option: Option) -> bool:
    return option["type"] == parameter.type.value and _is_within(parameter, option["value"])


def _is_within(parameter: app_commands.Parameter, value: Any) -> bool:
    """For numbers alone; while a member still types, they may be anything."""
    if parameter.type not in NUMBERS or not isinstance(value, int | float):
        return True
    low, high = parameter.min_value, parameter.max_value
    return (low is None or low <= value) and (high is None or value <= high)
