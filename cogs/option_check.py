"""Checks a command's options: Discord may still show an older version of it, or a newer one."""

from collections.abc import Mapping, Sequence
from typing import Any

from discord import AppCommandOptionType, app_commands

SUBCOMMANDS = (AppCommandOptionType.subcommand.value, AppCommandOptionType.subcommand_group.value)
NUMBERS = (AppCommandOptionType.integer, AppCommandOptionType.number)
Option = Mapping[str, Any]
"""An option of an interaction, as Discord sends it."""


def accepts_options(command: app_commands.Command[Any, ..., Any], options: Sequence[Option]) -> bool:
    """Whether all options fit; discord.py itself passes text for a number, and drops unknown options."""
    known = {each.display_name: each for each in command.parameters}
    return all(each["name"] in known and _accepts(known[each["name"]], each) for each in _command_options(options))


def _command_options(options: Sequence[Option]) -> Sequence[Option]:
    """The options of the command itself, which are nested if it is in a group."""
    while options and options[0]["type"] in SUBCOMMANDS:
        options = options[0].get("options", ())
    return options


def _accepts(parameter: app_commands.Parameter, option: Option) -> bool:
    return option["type"] == parameter.type.value and _is_within(parameter, option["value"])


def _is_within(parameter: app_commands.Parameter, value: Any) -> bool:
    """Checks numbers only; an incomplete input of autocompletion is text."""
    if parameter.type not in NUMBERS or not isinstance(value, int | float):
        return True
    low, high = parameter.min_value, parameter.max_value
    return (low is None or low <= value) and (high is None or value <= high)
