"""A setting that is chosen from a menu; the menu's first option restores the default."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import discord

from storage.settings import Edit
from views.interactions import Interaction
from views.limits import MAX_CHOICES
from views.panel import PanelView
from views.settings.panel import NAVIGATION_ROW, SettingsPanel
from views.settings.setting import Context, Setting
from views.wording.text import escape, say, short

PAGE_SIZE = MAX_CHOICES - 1
"""Choices on one page of a menu, as its first option is the default."""
DEFAULT_VALUE = "default"
VALUE_IN_FORCE = "{title}: **{value}** · {whose}"
CHOSEN_BY_SERVER = "chosen by this server"


class MenuSetting(Setting):
    """A choice changes this setting and those that depend on it; other admins' changes are kept."""

    placeholder: str
    """The text of the menu while nothing is chosen, such as "Default provider"."""
    default_option: str
    """The label of the menu's first option, such as "The bot's default ({value})"."""
    whose_default: str
    """The same in the text above it, such as "the bot's default"."""
    plural: str
    """Its values, as the buttons to other pages of the menu name them, such as "providers"."""

    @abstractmethod
    def options(self, context: Context) -> Mapping[str, str]:
        """The choices: titles by value. Without any, the menu is not shown."""

    @abstractmethod
    def chosen(self, context: Context) -> str | None:
        """The server's choice, even if it is not offered now; None: the default."""

    @abstractmethod
    def default(self, context: Context) -> str:
        """The title of the default."""

    @abstractmethod
    def change(self, context: Context, value: str | None) -> Edit:
        """The edit for a chosen value; None restores the default."""

    def summary(self, context: Context) -> str:
        own = self.options(context).get(self.chosen(context) or "")
        return self.line(own or self.default(context), own=own is not None)

    def line(self, value: str, *, own: bool) -> str:
        """The value in force, and whether the server has chosen it or whose default it is."""
        whose = CHOSEN_BY_SERVER if own else self.whose_default
        return say(VALUE_IN_FORCE, title=self.title, value=escape(value), whose=whose)

    def items(self, context: Context) -> "Sequence[SettingMenu | PageButton]":
        """A menu, opened on the page of the current choice, with buttons if it has several pages."""
        values = list(self.options(context))
        if not values:
            return []
        last = (len(values) - 1) // PAGE_SIZE
        chosen = self.chosen(context)
        page = values.index(chosen) // PAGE_SIZE if chosen in values else 0
        page = min(context.menu_pages.get(self.name, page), last)
        return [SettingMenu(self, context, page), *(_page_buttons(self, page, last) if last else [])]


class SettingMenu(discord.ui.Select[PanelView[SettingsPanel]]):
    """One page of a setting's values."""

    def __init__(self, setting: MenuSetting, context: Context, page: int) -> None:
        super().__init__(custom_id=f"settings:{setting.name}", placeholder=setting.placeholder)
        self._setting, self._context = setting, context
        chosen, default = setting.chosen(context), say(setting.default_option, value=setting.default(context))
        # A marked option cannot be chosen, so the default is marked only if it is in force.
        self.add_option(label=short(default), value=DEFAULT_VALUE, default=chosen is None)
        for value, title in list(setting.options(context).items())[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]:
            self.add_option(label=short(title), value=value, default=value == chosen)

    async def callback(self, interaction: Interaction) -> None:
        if self.view is None:
            return
        value = None if self.values[0] == DEFAULT_VALUE else self.values[0]
        if value is not None and value not in self._setting.options(self._context):
            await self.view.panel.refuse(interaction)
            return
        await self.view.panel.save(interaction, self._setting.change(self._context, value))


class PageButton(discord.ui.Button[PanelView[SettingsPanel]]):
    """Shows another page of a menu."""

    def __init__(self, name: str, label: str, direction: str, page: int, *, disabled: bool) -> None:
        custom_id = f"settings:{name}:{direction}"
        super().__init__(label=label, custom_id=custom_id, disabled=disabled, row=NAVIGATION_ROW)
        self._name, self._page = name, page

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            await self.view.panel.turn_page(interaction, self._name, self._page)


def _page_buttons(setting: MenuSetting, page: int, last: int) -> list[PageButton]:
    return [
        PageButton(setting.name, f"◀ {setting.plural}", "back", page - 1, disabled=page == 0),
        PageButton(setting.name, f"{setting.plural} ▶", "on", page + 1, disabled=page == last),
    ]
