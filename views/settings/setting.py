"""Base types of /settings: a section has settings, a setting has texts, menus and buttons."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import discord

from domain import Model, Settings
from providers.kit.base import Provider


class Context(NamedTuple):
    """The current state that a page of /settings is drawn from."""

    settings: Settings
    providers: Mapping[str, Provider]
    bot_default: Provider
    provider: Provider
    """The server's default provider."""
    models: Sequence[Model]
    """Models of that provider that can be a default."""
    model: Model
    """The server's default model."""
    menu_pages: Mapping[str, int]
    """The shown page of each long menu, by the setting's name."""


class Setting(ABC):
    """One setting of a server."""

    name: str
    """Used in custom ids."""
    title: str
    about: str
    """One sentence for admins."""

    def is_supported(self, context: Context) -> bool:
        """Whether the default model supports it; if not, it is not shown."""
        return True

    @abstractmethod
    def summary(self, context: Context) -> str:
        """One line: the value in force, and whose choice it is."""

    def details(self, context: Context) -> str:
        """The text on the section's page: the summary, and what the setting does."""
        return f"{self.summary(context)}\n-# {self.about}"

    @abstractmethod
    def items(self, context: Context) -> Sequence[discord.ui.Item[Any]]:
        """The menus and buttons that change it."""


class Section(NamedTuple):
    """Settings that share a page, which has room for four menus, or three and a row of five buttons."""

    name: str
    title: str
    settings: tuple[Setting, ...]
    shortcuts: tuple[Setting, ...] = ()
    """Settings whose items are on the start page too."""
