"""The page of /providers: a line for each provider, and a menu to see the models of one."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import discord

from domain import Capabilities, Model, find_model
from domain.requests import OPTIONS, NumberOption, Option
from providers.kit.base import Provider
from storage.settings import SettingsStore
from studio.catalogue import Catalogue, ProviderHealth
from views.interactions import Interaction
from views.limits import MAX_CHOICES, MESSAGE_CHARACTERS
from views.panel import Page, Panel, PanelView
from views.wording.models import model_name
from views.wording.prices import labelled_price, price_words
from views.wording.refusals import option_name
from views.wording.sizes import format_span
from views.wording.text import escape, fit_lines, join_names, say, say_count, short

STATE_EMOJI = {"up": "🟢", "slow": "🟡", "down": "🔴", "untested": "⚪"}
LEGEND = "-# 🟢 up · 🟡 slow · 🔴 down · ⚪ was down; the next request tries it · numbers: the last 24 hours"
MODEL_HINT = "-# In `/imagine`, choose it as `provider`: then `model` suggests these as you type."
MORE_MODELS = "- and {count} more"
ONE_MODEL = "{count} model"
MODELS = "{count} models"
MODELS_TAKE = "- {models}: {takes}"
MODEL = "**{model}**"
MODEL_WITH_PRICE = "**{model}** (price {price})"
DEFAULT_HERE = "the default here"
DOWN_SINCE = "down since {since}"
SHARE_DRAWN = "{share} drawn"
USUAL_SECONDS = "usually {seconds} s"
SHORT_NAMES = {"transparent": "transparent"}
"""Options whose name is shorter in a list than in a sentence."""
MAX_NAMED_MODELS = 12
"""Models with the same capabilities that are named on one line."""


class Row(NamedTuple):
    """A provider and what the page shows of it."""

    provider: Provider
    models: Sequence[Model]
    default_model: Model
    """The model that draws if a request names none."""
    health: ProviderHealth
    is_default: bool


class ProvidersPage(Panel):
    """All providers, or one with its models."""

    def __init__(self, catalogue: Catalogue, settings: SettingsStore, guild_id: int | None) -> None:
        super().__init__()
        self._catalogue = catalogue
        self._settings = settings
        self._guild_id = guild_id
        self._selected_name: str | None = None

    async def show(self, interaction: Interaction, name: str | None) -> None:
        """Show one provider, or all of them if name is None."""
        await interaction.response.defer()
        self._selected_name = name
        await self.redraw(interaction)

    async def draw(self) -> Page:
        rows = await self._rows()
        menu = ProviderMenu(rows, self._selected_name)
        chosen = next((row for row in rows if row.provider.name == self._selected_name), None)
        if chosen is None:
            return Page(overview_page(rows), [menu])
        return Page(provider_page(chosen), [menu, BackButton()])

    async def _rows(self) -> list[Row]:
        settings = await self._settings.get(self._guild_id)
        default = self._catalogue.default_for(settings)
        health = await self._catalogue.health()
        return [
            Row(provider, models, _default_model(models, settings.model), health[provider.name], provider is default)
            for provider, models in await models_by_provider(self._catalogue.providers)
        ]


class ProviderMenu(discord.ui.Select[PanelView[ProvidersPage]]):
    def __init__(self, rows: Sequence[Row], chosen: str | None) -> None:
        super().__init__(custom_id="providers:pick", placeholder="Choose a provider to see its models…")
        for row in rows[:MAX_CHOICES]:
            self.add_option(
                label=short(row.provider.title),
                value=row.provider.name,
                description=say_count(ONE_MODEL, MODELS, len(row.models)),
                emoji=STATE_EMOJI[row.health.state],
                default=row.provider.name == chosen,
            )

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            await self.view.panel.show(interaction, self.values[0])


class BackButton(discord.ui.Button[PanelView[ProvidersPage]]):
    def __init__(self) -> None:
        super().__init__(label="◀ all providers", custom_id="providers:all")

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            await self.view.panel.show(interaction, None)


async def models_by_provider(providers: Mapping[str, Provider]) -> list[tuple[Provider, Sequence[Model]]]:
    """The enabled providers with their models; takes 1.5 s at most."""
    models = await asyncio.gather(*(provider.models() for provider in providers.values()))
    return list(zip(providers.values(), models, strict=True))


def overview_page(rows: Sequence[Row]) -> str:
    return "\n".join([*_overview_lines(rows, 2), LEGEND])


def provider_page(row: Row) -> str:
    """A provider's models, grouped by equal capabilities; the last line counts those that do not fit."""
    by_capabilities: dict[str, list[str]] = {}
    for model in row.models:
        by_capabilities.setdefault(capability_words(model.capabilities), []).append(_title_and_price(model))
    lines = {_models_line(names, takes): len(names) for takes, names in by_capabilities.items()}
    head = _provider_line(row, 0)
    ends = "\n".join([head, say(MORE_MODELS, count=len(row.models)), MODEL_HINT])
    kept = fit_lines(list(lines), MESSAGE_CHARACTERS - len(ends) - len("\n"))
    left_out = sum(count for line, count in lines.items() if line not in kept)
    return "\n".join([head, *kept, *([say(MORE_MODELS, count=left_out)] if left_out else []), MODEL_HINT])


def capability_words(takes: Capabilities) -> str:
    """The capabilities of a model, separated by commas."""
    words = {
        "words alone": takes.text_to_image,
        "an image": takes.image_to_image,
        "an image with a mask": takes.inpainting,
        **{_option_words(option, takes): option.is_taken(takes) for option in OPTIONS},
        "a picture to make larger": takes.upscale,
    }
    return ", ".join(word for word, has in words.items() if has)


def _overview_lines(rows: Sequence[Row], facts: int) -> list[str]:
    """A line for each provider, with as many facts as fit into one message; dozens of providers are cut off."""
    lines = fit_lines([_provider_line(row, facts) for row in rows], MESSAGE_CHARACTERS - len(LEGEND) - 1)
    return lines if len(lines) == len(rows) or facts == 0 else _overview_lines(rows, facts - 1)


def _provider_line(row: Row, facts: int) -> str:
    """A provider's state and figures; facts: 1 adds the default model, 2 also its price."""
    health, model = row.health, row.default_model
    words = [
        f"{STATE_EMOJI[health.state]} **{row.provider.title}**",
        DEFAULT_HERE if row.is_default else "",
        *_health_words(health),
        *[escape(model_name(model), 40), labelled_price(model.price) if model.price else ""][:facts],
    ]
    return " · ".join(filter(None, words))


def _health_words(health: ProviderHealth) -> list[str]:
    """Since when it is down, its share of successful jobs, and its usual duration; empty where unknown."""
    return [
        say(DOWN_SINCE, since=f"<t:{health.since.timestamp():.0f}:t>") if health.since else "",
        say(SHARE_DRAWN, share=f"{health.rate:.0%}") if health.rate is not None else "",
        say(USUAL_SECONDS, seconds=f"{max(health.seconds, 1):.0f}") if health.seconds is not None else "",
    ]


def _models_line(names: Sequence[str], takes: str) -> str:
    return say(MODELS_TAKE, models=join_names(names, MAX_NAMED_MODELS), takes=takes)


def _title_and_price(model: Model) -> str:
    name, price = escape(model_name(model)), price_words(model.price) if model.price else ""
    return say(MODEL_WITH_PRICE, model=name, price=price) if price else say(MODEL, model=name)


def _default_model(models: Sequence[Model], chosen: str | None) -> Model:
    """The server's default model, if this provider offers it, else the provider's."""
    able = [model for model in models if model.capabilities.text_to_image] or models
    return find_model(able, chosen or "") or able[0]


def _option_words(option: Option, takes: Capabilities) -> str:
    """An option's name, with its range if it is a number."""
    span = option.span(takes) if isinstance(option, NumberOption) and option.is_range_listed else None
    name = SHORT_NAMES.get(option.name) or option_name(option.name)
    return f"{name} {format_span(span)}" if span else name
