"""A setting that is on or off."""

from collections.abc import Callable, Sequence

import discord

from domain import Capabilities, Settings
from views.interactions import Interaction
from views.panel import PanelView
from views.settings.panel import SettingsPanel
from views.settings.setting import Context, Setting
from views.wording.text import say

SUMMARIES = {True: "{title}: **on**", False: "{title}: **off**"}
LABELS = {True: "{title}: on", False: "{title}: off"}


class SwitchSetting(Setting):
    """A boolean setting. write: returns changed settings. needs: whether these capabilities support it."""

    def __init__(
        self,
        name: str,
        title: str,
        about: str,
        read: Callable[[Settings], bool],
        write: Callable[[Settings, bool], Settings],
        needs: Callable[[Capabilities], bool] = lambda _: True,
    ) -> None:
        self.name, self.title, self.about = name, title, about
        self.read, self.write, self._needs = read, write, needs

    def is_supported(self, context: Context) -> bool:
        return self._needs(context.model.capabilities)

    def summary(self, context: Context) -> str:
        return say(SUMMARIES[self.read(context.settings)], title=self.title)

    def items(self, context: Context) -> "Sequence[SwitchButton]":
        return [SwitchButton(self, on=self.read(context.settings))]


class SwitchButton(discord.ui.Button[PanelView[SettingsPanel]]):
    def __init__(self, setting: SwitchSetting, *, on: bool) -> None:
        style = discord.ButtonStyle.success if on else discord.ButtonStyle.secondary
        label = say(LABELS[on], title=setting.title)
        super().__init__(label=label, style=style, custom_id=f"settings:{setting.name}")
        self._setting, self._on = setting, on

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            await self.view.panel.save(interaction, lambda now: self._setting.write(now, not self._on))
