"""What /settings is made of: sections of settings, each of which has its words and its menus or buttons."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import discord

from domain import Model, Settings
from providers.kit.base import Provider


class Context(NamedTuple):
    """What is in force on a server, and what can be chosen there."""

    settings: Settings
    providers: Mapping[str, Provider]
    bot_default: Provider
    provider: Provider
    """The one that draws by default."""
    models: Sequence[Model]
    """Those of the provider that can be a default."""
    model: Model
    """The one that draws by default."""
    menu_pages: Mapping[str, int]
    """To which page the admin has turned a long menu, by the setting's name."""


class Setting(ABC):
    """One thing that the admins of a server decide."""

    name: str
    """As custom ids have it."""
    title: str
    about: str
    """What it does, in a sentence."""

    def is_supported(self, context: Context) -> bool:
        """Whether the default model has it."""
        return True

    @abstractmethod
    def summary(self, context: Context) -> str:
        """What is in force and where it comes from, in a line."""

    def details(self, context: Context) -> str:
        """The same for the section's own page, with what the setting does."""
        return f"{self.summary(context)}\n-# {self.about}"

    @abstractmethod
    def items(self, context: Context) -> Sequence[discord.ui.Item[Any]]:
        """The menus and buttons that change it."""


class Section(NamedTuple):
    """Settings that share a page: at most four menus, or three and a row of five buttons."""

    name: str
    title: str
    settings: tuple[Setting, ...]
    shortcuts: tuple[Setting, ...] = ()
    """Those that can be changed on the start page too."""
