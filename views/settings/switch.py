"""A setting that is on or off."""

from collections.abc import Callable, Sequence

import discord

from domain import Capabilities, Settings
from views.interactions import Interaction
from views.panel import PanelView
from views.settings.panel import SettingsPanel
from views.settings.setting import Context, Setting


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
        return f"{self.title}: **{_on_or_off(self.read(context.settings))}**"

    def items(self, context: Context) -> "Sequence[SwitchButton]":
        return [SwitchButton(self, on=self.read(context.settings))]


class SwitchButton(discord.ui.Button[PanelView[SettingsPanel]]):
    def __init__(self, setting: SwitchSetting, *, on: bool) -> None:
        style = discord.ButtonStyle.success if on else discord.ButtonStyle.secondary
        super().__init__(label=f"{setting.title}: {_on_or_off(on)}", style=style, custom_id=f"settings:{setting.name}")
        self._setting, self._on = setting, on

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            await self.view.panel.save(interaction, lambda now: self._setting.write(now, not self._on))


def _on_or_off(value: bool) -> str:
    return "on" if value else "off"
