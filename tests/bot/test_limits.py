# pyright: basic
"""Discord's limits for what commands and buttons say."""

from discord import app_commands

COMMANDS = ["help", "imagine", "privacy", "providers", "queue", "recover", "settings"]


async def test_descriptions_and_names_are_as_long_as_discord_takes(world):
    commands = [each for each in world.bot.tree.get_commands() if isinstance(each, app_commands.Command)]
    assert sorted(each.name for each in commands) == COMMANDS
    texts = [each.description for each in commands] + [
        option.description for each in commands for option in each.parameters
    ]
    assert all(1 < len(text) <= 100 for text in texts)
