"""The settings panel of a server: what is in force, where it comes from, and menus that save at once."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import blake2b

import discord

from domain import Model, Settings, Size, find_model
from providers.kit.base import Provider
from storage.settings import Edit, SettingsStore
from studio.catalogue import Catalogue
from views.chain import ChainPanel, titles
from views.limits import CHOICES, LABEL
from views.origins import Interaction
from views.panels import Look, ManagersPanel, Page
from views.wording.sizes import size_name
from views.wording.text import plain

PAGE = CHOICES - 1
"""The first option is for the default."""
DEFAULT = "default"

Change = Callable[[str | None], Edit]
"""What a choice changes, and nothing else: the rest may have been changed by another admin meanwhile."""


class SettingsPanel(ManagersPanel):
    """The menus of one server; each choice is saved, and the panel drawn anew."""

    def __init__(self, guild_id: int, settings: SettingsStore, catalogue: Catalogue) -> None:
        super().__init__(guild_id)
        self._settings = settings
        self._catalogue = catalogue
        self._page: int | None = None

    async def save(self, interaction: Interaction, edit: Edit) -> None:
        await interaction.response.defer()
        await self._settings.change(self._guild_id, edit)
        self._page = None
        await self.redraw(interaction)

    async def turn(self, interaction: Interaction, page: int) -> None:
        await interaction.response.defer()
        self._page = page
        await self.redraw(interaction)

    async def draw(self) -> Page:
        """The menus for what is in force, and the same in words."""
        now = await self._settings.get(self._guild_id)
        provider = self._catalogue.default_for(now)
        offered = await provider.models()
        models = [model for model in offered if model.capabilities.text_to_image] or list(offered)
        model = find_model(models, now.model or "") or models[0]
        items = [
            self._provider_menu(now),
            *self._model_items(now, provider, models, model),
            *([_size_menu(now, model)] if model.capabilities.sizes else []),
            *_switches(now, model),
            Takeover(self._guild_id, self._settings, self._catalogue),
        ]
        return Page(_summary(now, provider, model, titles(now, self._catalogue.providers)), items)

    def _provider_menu(self, now: Settings) -> "Menu":
        titles = {name: each.title for name, each in self._catalogue.providers.items()}
        default = f"The bot's default ({self._catalogue.default.title})"

        def change(name: str | None) -> Edit:
            return lambda now: now.having(provider=name, model=None, size=None)

        return Menu("provider", titles, now.provider, default, change)

    def _model_items(
        self, now: Settings, provider: Provider, models: Sequence[Model], model: Model
    ) -> "list[Menu | Turn]":
        """The page with the chosen model, unless the admin has turned to another."""
        last = (len(models) - 1) // PAGE
        page = models.index(model) // PAGE if self._page is None else min(self._page, last)
        ids = {_value(each.id): each.id for each in models}

        def change(value: str | None) -> Edit:
            if value is not None and value not in ids:  # of a menu that another provider has replaced meanwhile
                return lambda now: now
            chosen = None if value is None else ids[value]
            return lambda now: now.having(provider=provider.name, model=chosen, size=None)

        titles = {_value(each.id): each.title for each in models[page * PAGE : (page + 1) * PAGE]}
        chosen = _value(now.model) if now.model else None
        menu = Menu("model", titles, chosen, f"The provider's default ({models[0].title})", change)
        if not last:
            return [menu]
        return [
            menu,
            Turn("◀ models", "back", page - 1, disabled=page == 0),
            Turn("models ▶", "on", page + 1, disabled=page == last),
        ]


class Menu(discord.ui.Select[Look[SettingsPanel]]):
    """One setting: the values that can be chosen, and the settings that a choice makes."""

    def __init__(self, name: str, titles: Mapping[str, str], chosen: str | None, default: str, change: Change) -> None:
        super().__init__(custom_id=f"settings:{name}", placeholder=f"Default {name}")
        self._change = change
        self.add_option(label=default[:LABEL], value=DEFAULT, default=chosen not in titles)
        for value, title in list(titles.items())[:PAGE]:
            self.add_option(label=title[:LABEL], value=value, default=value == chosen)

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            value = self.values[0]
            await self.view.panel.save(interaction, self._change(None if value == DEFAULT else value))


class Switch(discord.ui.Button[Look[SettingsPanel]]):
    def __init__(self, label: str, name: str, now: Settings) -> None:
        on = bool(getattr(now, name))
        style = discord.ButtonStyle.success if on else discord.ButtonStyle.secondary
        super().__init__(label=f"{label}: {_on(on)}", style=style, custom_id=f"settings:{name}")
        self._edit: Edit = lambda now: now.model_copy(update={name: not on})

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            await self.view.panel.save(interaction, self._edit)


class Takeover(discord.ui.Button[Look[SettingsPanel]]):
    """Opens the chain's own panel."""

    def __init__(self, guild_id: int, settings: SettingsStore, catalogue: Catalogue) -> None:
        super().__init__(label="Who takes over…", custom_id="settings:chain")
        self._chain = partial(ChainPanel, guild_id, settings, catalogue.providers)

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            await self._chain(self.view.panel.refresh).open(interaction)


class Turn(discord.ui.Button[Look[SettingsPanel]]):
    def __init__(self, label: str, way: str, page: int, *, disabled: bool) -> None:
        super().__init__(label=label, custom_id=f"settings:page:{way}", disabled=disabled)
        self._to = page

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            await self.view.panel.turn(interaction, self._to)


def _size_menu(now: Settings, model: Model) -> Menu:
    sizes = model.capabilities.sizes
    titles = {str(size): size_name(size) for size in sizes}

    def change(text: str | None) -> Edit:
        size = Size.parse(text) if text else None
        return lambda now: now.having(size=size)

    return Menu("size", titles, str(now.size), f"The model's default ({size_name(sizes[0])})", change)


def _value(model_id: str) -> str:
    """A model as a menu's value, which an id may be too long for; it means the same model in each look of the panel."""
    return blake2b(model_id.encode(), digest_size=8).hexdigest()


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
