"""The settings panel of a server: what is in force, where it comes from, and menus that save at once."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import discord

from domain import Model, Settings, Size, find_model
from providers.base import Provider
from storage.settings import SettingsStore
from studio.planning import Planner
from views.chain import ChainPanel, titles
from views.limits import CHOICES, LABEL
from views.managing import ManagersPanel
from views.origins import Interaction
from views.words import plain, size_name

PAGE = CHOICES - 1
"""The first option is for the default."""
DEFAULT = "default"

Change = Callable[[str | None], dict[str, object]]
"""The fields that a choice changes: the others may have been changed by another admin meanwhile."""


class SettingsPanel(ManagersPanel):
    """The menus of one server. `open` sends it; each choice is saved, and the panel drawn anew."""

    def __init__(self, guild_id: int, settings: SettingsStore, planner: Planner) -> None:
        super().__init__(guild_id)
        self._settings = settings
        self._planner = planner
        self._page: int | None = None
        self._shown_by: Interaction | None = None

    async def open(self, interaction: Interaction) -> None:
        await interaction.response.send_message(await self._draw(), view=self, ephemeral=True)
        self._shown_by = interaction

    async def refresh(self) -> None:
        """After a change that was made beside it; a panel that is gone, or too old, stays as it is."""
        if self._shown_by:
            with suppress(discord.HTTPException):
                await self._shown_by.edit_original_response(content=await self._draw(), view=self)

    async def save(self, interaction: Interaction, changes: dict[str, object]) -> None:
        now = await self._settings.get(self._guild_id)
        await self._settings.set(self._guild_id, now.model_copy(update=changes))
        self._page = None
        await self._redraw(interaction)

    async def turn(self, interaction: Interaction, page: int) -> None:
        self._page = page
        await self._redraw(interaction)

    async def _redraw(self, interaction: Interaction) -> None:
        await interaction.response.edit_message(content=await self._draw(), view=self)
        self._shown_by = interaction

    async def _draw(self) -> str:
        """Lay out the menus for what is in force, and say it in words."""
        now = await self._settings.get(self._guild_id)
        provider = self._planner.default_for(now)
        offered = await provider.models()
        models = [model for model in offered if model.capabilities.text_to_image] or list(offered)
        model = find_model(models, now.model or "") or models[0]
        self.clear_items()
        self.add_item(self._provider_menu(now))
        self._add_models(now, provider, models, model)
        if model.capabilities.sizes:
            self.add_item(_size_menu(now, model))
        for switch in _switches(now, model):
            self.add_item(switch)
        self.add_item(Takeover(self._guild_id, self._settings, self._planner))
        return _summary(now, provider, model, titles(now, self._planner.providers))

    def _provider_menu(self, now: Settings) -> "Menu":
        titles = {name: each.title for name, each in self._planner.providers.items()}
        default = f"The bot's default ({self._planner.providers[self._planner.default].title})"

        def change(name: str | None) -> dict[str, object]:
            return {"provider": name, "model": None, "size": None}

        return Menu("provider", titles, now.provider, default, change)

    def _add_models(self, now: Settings, provider: Provider, models: Sequence[Model], model: Model) -> None:
        """The page with the chosen model, unless the admin has turned to another."""
        page = models.index(model) // PAGE if self._page is None else self._page
        listed = models[page * PAGE : (page + 1) * PAGE]

        def change(place: str | None) -> dict[str, object]:
            chosen = None if place is None else listed[int(place)].id
            return {"provider": provider.name, "model": chosen, "size": None}

        titles = {str(place): each.title for place, each in enumerate(listed)}
        chosen = next((str(place) for place, each in enumerate(listed) if each.id == now.model), None)
        self.add_item(Menu("model", titles, chosen, f"The provider's default ({models[0].title})", change))
        last = (len(models) - 1) // PAGE
        if last:
            self.add_item(Turn("◀ models", page - 1, disabled=page == 0))
            self.add_item(Turn("models ▶", page + 1, disabled=page == last))


class Menu(discord.ui.Select[SettingsPanel]):
    """One setting: the values that can be chosen, and the settings that a choice makes."""

    def __init__(self, name: str, titles: dict[str, str], chosen: str | None, default: str, change: Change) -> None:
        super().__init__(custom_id=f"settings:{name}", placeholder=f"Default {name}")
        self._change = change
        self.add_option(label=default[:LABEL], value=DEFAULT, default=chosen not in titles)
        for value, title in list(titles.items())[:PAGE]:
            self.add_option(label=title[:LABEL], value=value, default=value == chosen)

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            value = self.values[0]
            await self.view.save(interaction, self._change(None if value == DEFAULT else value))


class Switch(discord.ui.Button[SettingsPanel]):
    def __init__(self, label: str, name: str, now: Settings) -> None:
        on = bool(getattr(now, name))
        style = discord.ButtonStyle.success if on else discord.ButtonStyle.secondary
        super().__init__(label=f"{label}: {_on(on)}", style=style, custom_id=f"settings:{name}")
        self._changes: dict[str, object] = {name: not on}

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            await self.view.save(interaction, self._changes)


class Takeover(discord.ui.Button[SettingsPanel]):
    """Opens the chain's own panel."""

    def __init__(self, guild_id: int, settings: SettingsStore, planner: Planner) -> None:
        super().__init__(label="Who takes over…", custom_id="settings:chain")
        self._panel = partial(ChainPanel, guild_id, settings, planner.providers)

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            await self._panel(self.view.refresh).open(interaction)


class Turn(discord.ui.Button[SettingsPanel]):
    def __init__(self, label: str, page: int, *, disabled: bool) -> None:
        super().__init__(label=label, custom_id=f"settings:page:{page}", disabled=disabled)
        self._to = page

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            await self.view.turn(interaction, self._to)


def _size_menu(now: Settings, model: Model) -> Menu:
    sizes = model.capabilities.sizes
    titles = {str(size): size_name(size) for size in sizes}

    def change(text: str | None) -> dict[str, object]:
        return {"size": Size.parse(text) if text else None}

    return Menu("size", titles, str(now.size), f"The model's default ({size_name(sizes[0])})", change)


def _switches(now: Settings, model: Model) -> list[Switch]:
    """Private for every model; the rest only where the model has it."""
    takes = model.capabilities
    offered = (
        ("Private by default", "private", True),
        ("Safety checker", "safety_checker", takes.safety_checker),
        ("Refiner", "refiner", takes.refiner),
    )
    return [Switch(label, name, now) for label, name, has in offered if has]


def _summary(now: Settings, provider: Provider, model: Model, chain: Sequence[str]) -> str:
    size = model.capabilities.nearest_size(now.size) if now.size else next(iter(model.capabilities.sizes), None)
    takes = model.capabilities
    lines = [
        "**Settings of this server**",
        f"Provider: **{provider.title}** · {_whose(now.provider == provider.name)}",
        f"Model: **{plain(model.title)}** · {_whose(now.model == model.id)}",
        f"Size: **{size_name(size)}** · {_whose(now.size == size)}" if size else "Size: the model's own",
        f"Private by default: **{_on(now.private)}**",
        f"Safety checker: **{_on(now.safety_checker)}**" if takes.safety_checker else "",
        f"Refiner: **{_on(now.refiner)}**" if takes.refiner else "",
        f"Taking over: {', '.join(chain) or 'nobody'}",
    ]
    if now.provider and now.provider != provider.name:
        lines.append(f"-# `{now.provider}`, which this server chose, is switched off by the host.")
    elif now.provider and now.model and now.model != model.id:
        lines.append("-# The model that this server chose is not on offer now, so the default one draws.")
    return "\n".join(filter(None, lines))


def _whose(own: bool) -> str:
    return "chosen by this server" if own else "the bot's default"


def _on(value: bool) -> str:
    return "on" if value else "off"
