"""The page of /providers: who can draw here, in a line each, and a menu to see what the models of each take."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import discord

from domain import Capabilities, Model, find_model
from domain.requests import OPTIONS, NumberOption, Option
from providers.kit.base import Provider
from storage.settings import SettingsStore
from studio.catalogue import Catalogue
from studio.work.provider_health import ProviderHealth
from views.limits import CHOICES, LABEL, MESSAGE
from views.origins import Interaction
from views.panel import Page, Panel, PanelView
from views.wording.refusals import option_name
from views.wording.sizes import span_words
from views.wording.text import fitting, plain

SIGNS = {"up": "🟢", "slow": "🟡", "down": "🔴", "untested": "⚪"}
LEGEND = "-# 🟢 up · 🟡 slow · 🔴 down · ⚪ was down, not asked since · figures: the last 24 hours"
MORE = "-# Choose it as `provider` of `/imagine`, and `model` suggests these as you type."
REST = "- and {} more"
SHORT = {"transparent": "transparent"}
"""Names of options that are shorter in a list than in a sentence."""
MOST_NAMED = 12
"""How many models are named of those that take the same."""


class Row(NamedTuple):
    """A provider as it is shown."""

    provider: Provider
    models: Sequence[Model]
    usual: Model
    """What draws where nobody names a model."""
    standing: ProviderHealth
    is_default: bool


class Roster(Panel):
    """All at a glance, or one with its models."""

    def __init__(self, catalogue: Catalogue, settings: SettingsStore, guild_id: int | None) -> None:
        super().__init__()
        self._catalogue = catalogue
        self._settings = settings
        self._guild_id = guild_id
        self._name: str | None = None

    async def show(self, interaction: Interaction, name: str | None) -> None:
        """One provider, or all."""
        await interaction.response.defer()
        self._name = name
        await self.redraw(interaction)

    async def draw(self) -> Page:
        rows = await self._rows()
        menu = Pick(rows, self._name)
        chosen = next((row for row in rows if row.provider.name == self._name), None)
        if chosen is None:
            return Page(roster_page(rows), [menu])
        return Page(provider_page(chosen), [menu, Back()])

    async def _rows(self) -> list[Row]:
        settings = await self._settings.get(self._guild_id)
        default = self._catalogue.default_for(settings)
        standings = await self._catalogue.health()
        return [
            Row(provider, models, _usual(models, settings.model), standings[provider.name], provider is default)
            for provider, models in await offers(self._catalogue.providers)
        ]


class Pick(discord.ui.Select[PanelView[Roster]]):
    def __init__(self, rows: Sequence[Row], chosen: str | None) -> None:
        super().__init__(custom_id="providers:pick", placeholder="A provider's models, and what they take…")
        for row in rows[:CHOICES]:
            self.add_option(
                label=row.provider.title[:LABEL],
                value=row.provider.name,
                description=f"{len(row.models)} model{'' if len(row.models) == 1 else 's'}",
                emoji=SIGNS[row.standing.state],
                default=row.provider.name == chosen,
            )

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            await self.view.panel.show(interaction, self.values[0])


class Back(discord.ui.Button[PanelView[Roster]]):
    def __init__(self) -> None:
        super().__init__(label="◀ all providers", custom_id="providers:all")

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            await self.view.panel.show(interaction, None)


async def offers(providers: Mapping[str, Provider]) -> list[tuple[Provider, Sequence[Model]]]:
    """Who is on, and what each offers now; within 1.5 s."""
    models = await asyncio.gather(*(provider.models() for provider in providers.values()))
    return list(zip(providers.values(), models, strict=True))


def roster_page(rows: Sequence[Row]) -> str:
    return "\n".join([*_lines(rows, 2), LEGEND])


def provider_page(row: Row) -> str:
    """Models that take the same share a line; how many are left out, where there is no room for all."""
    alike: dict[str, list[str]] = {}
    for model in row.models:
        alike.setdefault(abilities(model.capabilities), []).append(_priced(model))
    lines = {_models_line(names, takes): len(names) for takes, names in alike.items()}
    head = _line(row, 0)
    ends = "\n".join([head, REST.format(len(row.models)), MORE])
    kept = fitting(list(lines), MESSAGE - len(ends) - len("\n"))
    left = sum(count for line, count in lines.items() if line not in kept)
    return "\n".join([head, *kept, *([REST.format(left)] if left else []), MORE])


def abilities(takes: Capabilities) -> str:
    """What a model takes, as a list of words."""
    words = {
        "words alone": takes.text_to_image,
        "an image": takes.image_to_image,
        "an image with a mask": takes.inpainting,
        **{_option_words(option, takes): option.is_taken(takes) for option in OPTIONS},
        "a picture to make larger": takes.upscale,
    }
    return ", ".join(word for word, has in words.items() if has)


def _lines(rows: Sequence[Row], facts: int) -> list[str]:
    """As many facts of each as one message has room for; everybody is on it, unless there are dozens."""
    lines = fitting([_line(row, facts) for row in rows], MESSAGE - len(LEGEND) - 1)
    return lines if len(lines) == len(rows) or facts == 0 else _lines(rows, facts - 1)


def _line(row: Row, facts: int) -> str:
    """How it does today; facts: whether its usual model follows (1), and what that costs (2)."""
    standing, model = row.standing, row.usual
    words = [
        f"{SIGNS[standing.state]} **{row.provider.title}**",
        "the default here" if row.is_default else "",
        f"down since <t:{standing.since.timestamp():.0f}:t>" if standing.since else "",
        f"{standing.rate:.0%} drawn" if standing.rate is not None else "",
        f"usually {max(standing.seconds, 1):.0f} s" if standing.seconds is not None else "",
        *[plain(model.title, 40), f"price {plain(model.price, 40)}" if model.price else ""][:facts],
    ]
    return " · ".join(filter(None, words))


def _models_line(names: Sequence[str], takes: str) -> str:
    rest = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"- {', '.join(names[:MOST_NAMED])}{rest}: {takes}"


def _priced(model: Model) -> str:
    price = f" (price {plain(model.price)})" if model.price else ""
    return f"**{plain(model.title)}**{price}"


def _usual(models: Sequence[Model], chosen: str | None) -> Model:
    """The server's own where this provider has it, else the provider's."""
    able = [model for model in models if model.capabilities.text_to_image] or models
    return find_model(able, chosen or "") or able[0]


def _option_words(option: Option, takes: Capabilities) -> str:
    span = option.span(takes) if isinstance(option, NumberOption) else None
    name = SHORT.get(option.name) or option_name(option.name)
    return f"{name} {span_words(span)}" if span else name
