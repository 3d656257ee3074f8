"""The section "Fallback providers": which are asked when one cannot draw, in their order."""

from collections.abc import Collection, Mapping, Sequence

import discord

from views.interactions import Interaction
from views.limits import MAX_CHOICES
from views.panel import PanelView
from views.settings.panel import SettingsPanel
from views.settings.setting import Context, Section, Setting
from views.wording.text import say, short

FALLBACKS = "Fallback providers: **{providers}**"
NO_FALLBACKS = "Fallback providers: **none**"
SWITCHED_OFF = "`{provider}` (switched off)"
NOTHING_CHOSEN = "None: when a provider cannot draw, the answer says why."


class FallbackChain(Setting):
    """The ordered fallback providers."""

    name, title = "chain", "Fallback providers"
    about = (
        "When a provider is down, over its limit or late, these are asked in this order, and the result says who drew. "
        "Nothing that may be paid for is ordered twice, and no other is asked for what one has refused for its content."
    )

    def summary(self, context: Context) -> str:
        titles = _chain_titles(context)
        return say(FALLBACKS, providers=", ".join(titles)) if titles else NO_FALLBACKS

    def details(self, context: Context) -> str:
        links = [f"{place}. {title}" for place, title in enumerate(_chain_titles(context), 1)]
        return "\n".join([*(links or [NOTHING_CHOSEN]), f"-# {self.about}"])

    def items(self, context: Context) -> "Sequence[AddProviderMenu | RemoveButton]":
        chain = context.settings.chain
        addable = {name: each.title for name, each in context.providers.items() if name not in chain}
        return [
            *([AddProviderMenu(addable, frozenset(context.providers))] if addable else []),
            RemoveButton("Remove the last", keep=-1, disabled=not chain),
            RemoveButton("Remove all", keep=0, disabled=not chain),
        ]


class AddProviderMenu(discord.ui.Select[PanelView[SettingsPanel]]):
    """Adds a provider to the end of the chain."""

    def __init__(self, titles: Mapping[str, str], known: Collection[str]) -> None:
        """known: all providers; those that are not offered may have been on an older look of the page."""
        super().__init__(custom_id="settings:chain:add", placeholder="Add a fallback provider…")
        self._known = known
        for name, title in list(titles.items())[:MAX_CHOICES]:
            self.add_option(label=short(title), value=name)

    async def callback(self, interaction: Interaction) -> None:
        if self.view is None:
            return
        name = self.values[0]
        if name not in self._known:
            await self.view.panel.refuse(interaction)
            return
        await self.view.panel.save(interaction, lambda now: now.having(chain=(*_without(now.chain, name), name)))


class RemoveButton(discord.ui.Button[PanelView[SettingsPanel]]):
    """Removes providers from the end of the chain. keep: the end of the slice that stays."""

    def __init__(self, label: str, *, keep: int, disabled: bool) -> None:
        super().__init__(label=label, custom_id=f"settings:chain:keep:{keep}", disabled=disabled)
        self._keep = keep

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            await self.view.panel.save(interaction, lambda now: now.having(chain=now.chain[: self._keep]))


def _without(chain: Sequence[str], name: str) -> list[str]:
    return [each for each in chain if each != name]


def _chain_titles(context: Context) -> list[str]:
    """Titles of the chain's providers; those that the host has switched off are marked, and skipped by jobs."""
    known = context.providers
    return [known[name].title if name in known else say(SWITCHED_OFF, provider=name) for name in context.settings.chain]


FALLBACK_SECTION = Section("fallback", "Fallback providers", (FallbackChain(),))
