"""/imagine: from a member's options to an `ImageRequest`."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, cast

import discord
from discord import app_commands
from discord.app_commands import Choice, Range
from discord.ext import commands

from domain import Capabilities, EaselError, ImageRequest, Model, OptionNotTaken, Size, UnknownSize, find_model
from domain.characters import is_blank
from domain.choices import choice_value
from storage.settings import SettingsStore
from studio.catalogue import Catalogue
from views.interactions import Interaction
from views.limits import MAX_CHOICES
from views.reporter import report_error
from views.requests import DiscordRequests
from views.wording.models import model_choices
from views.wording.sizes import size_name
from views.wording.text import short

Command = app_commands.Command[Any, ..., Any]

RANDOM_SEED = -1
"""Stands for a random seed, as in other tools."""
LARGEST_INTEGER = 2**53 - 1
"""Of Discord's integers."""


class Imagine(commands.Cog):
    """The command /imagine, built when the cog is loaded, as its choices are the enabled providers."""

    def __init__(
        self,
        requests: DiscordRequests,
        catalogue: Catalogue,
        settings: SettingsStore,
        tree: app_commands.CommandTree[Any],
    ) -> None:
        self._requests = requests
        self._catalogue = catalogue
        self._settings = settings
        self._tree = tree

    async def cog_load(self) -> None:
        self._tree.add_command(self._command())

    async def cog_unload(self) -> None:
        self._tree.remove_command("imagine")

    def _command(self) -> Command:
        @app_commands.command(description="Draw a picture from words")
        @app_commands.describe(
            prompt="What to draw",
            provider="Which provider draws it",
            model="Which model draws it",
            size="Shape or size: wide, tall, square, or 1024x768",
            negative_prompt="What to keep out of the picture",
            image="An image to start from",
            mask="Which part of the image to repaint: white is painted anew, black stays",
            strength="How far to go from the image: 0 keeps it, 1 ignores it",
            count="How many pictures",
            seed="The same seed and words give the same picture; -1 is a random one",
            steps="How many steps to draw in: more take longer (advanced; leave empty)",
            guidance="How closely to follow the words (advanced; leave empty)",
            scheduler="Sampler (advanced; leave empty)",
            quality="How much work to put in: a higher quality takes longer and may cost more",
            style="One of the model's own styles",
            transparent="Draw without a background",
            private="Show the picture to you alone",
        )
        @app_commands.choices(provider=[Choice(name=each.title, value=name) for name, each in self._provider_choices()])
        @app_commands.autocomplete(model=self._models, size=self._sizes, scheduler=self._schedulers)
        @app_commands.autocomplete(quality=self._qualities, style=self._styles)
        async def imagine(
            interaction: Interaction,
            prompt: Range[str, 1, 4000],
            provider: str | None = None,
            model: str | None = None,
            size: str | None = None,
            negative_prompt: Range[str, 1, 2000] | None = None,
            image: discord.Attachment | None = None,
            mask: discord.Attachment | None = None,
            strength: Range[float, 0, 1] | None = None,
            count: Range[int, 1, 4] = 1,
            seed: Range[int, RANDOM_SEED, LARGEST_INTEGER] | None = None,
            steps: Range[int, 1, 500] | None = None,
            guidance: Range[float, 0, 100] | None = None,
            scheduler: str | None = None,
            quality: str | None = None,
            style: str | None = None,
            transparent: bool = False,
            private: bool | None = None,
        ) -> None:
            try:
                request = ImageRequest(
                    prompt=prompt,
                    negative_prompt=negative_prompt,
                    provider=provider,
                    model=model,
                    size=await self._read_size(interaction, size),
                    strength=strength,
                    count=count,
                    seed=None if seed == RANDOM_SEED else seed,
                    steps=steps,
                    guidance_scale=guidance,
                    scheduler=scheduler,
                    quality=quality,
                    style=style,
                    transparent=transparent or None,
                    private=private,
                )
                await self._requests.take(interaction, request, [image] if image else [], mask)
            except EaselError as error:
                await report_error(interaction, error)

        return cast("Command", imagine)

    def _provider_choices(self) -> Iterable[tuple[str, Any]]:
        return list(self._catalogue.providers.items())[:MAX_CHOICES]

    async def _read_size(self, interaction: Interaction, text: str | None) -> Size | None:
        """A size as chosen, as typed, or by the name of one of the model's sizes; UnknownSize, OptionNotTaken."""
        if text is None:
            return None
        if size := _parse_size(text):
            return size
        model = await self._chosen_model(interaction)
        if not (model.capabilities.sizes or model.capabilities.size_range):
            raise OptionNotTaken(option="size", model=model.title)
        named = await self._sizes(interaction, text)
        if not named:
            raise UnknownSize(asked=text)
        return Size.parse(named[0].value)

    async def _models(self, interaction: Interaction, typed: str) -> list[Choice[str]]:
        models = await self._chosen_models(interaction)
        return _matching_choices(typed, model_choices(models))

    async def _sizes(self, interaction: Interaction, typed: str) -> list[Choice[str]]:
        takes = await self._chosen_capabilities(interaction)
        sizes = [(size_name(size), str(size)) for size in takes.sizes]
        own = _parse_size(typed)
        if own and own not in takes.sizes and takes.takes_size(own):
            sizes.insert(0, (size_name(own), str(own)))
        return _matching_choices(typed, sizes)

    async def _schedulers(self, interaction: Interaction, typed: str) -> list[Choice[str]]:
        return _matching_choices(typed, _name_choices((await self._chosen_capabilities(interaction)).schedulers))

    async def _qualities(self, interaction: Interaction, typed: str) -> list[Choice[str]]:
        return _matching_choices(typed, _name_choices((await self._chosen_capabilities(interaction)).qualities))

    async def _styles(self, interaction: Interaction, typed: str) -> list[Choice[str]]:
        return _matching_choices(typed, _name_choices((await self._chosen_capabilities(interaction)).styles))

    async def _chosen_models(self, interaction: Interaction) -> Sequence[Model]:
        """The models of the provider entered so far, cached or fetched within 1.5 s."""
        settings = await self._settings.get(interaction.guild_id)
        named = getattr(interaction.namespace, "provider", None)
        return await self._catalogue.chosen(named, settings).models()

    async def _chosen_capabilities(self, interaction: Interaction) -> Capabilities:
        return (await self._chosen_model(interaction)).capabilities

    async def _chosen_model(self, interaction: Interaction) -> Model:
        """The model entered so far, else the default."""
        models = await self._chosen_models(interaction)
        settings = await self._settings.get(interaction.guild_id)
        named = getattr(interaction.namespace, "model", None)
        return find_model(models, named or "") or find_model(models, settings.model or "") or models[0]


def _parse_size(text: str) -> Size | None:
    """The size in "1024x576" or in "wide 16:9 · 1024x576"."""
    try:
        return Size.parse(text.rpartition("·")[2])
    except ValueError:
        return None


def _name_choices(names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, name) for name in names]


def _matching_choices(typed: str, offered: Sequence[tuple[str, str]]) -> list[Choice[str]]:
    """The choices that contain the typed text in name or value, as many as Discord allows; no doubles and no blanks."""
    wanted = typed.casefold().replace(" ", "")
    matching = {
        choice_value(value): name
        for name, value in offered
        if wanted in f"{name}\n{value}".casefold().replace(" ", "") and not (is_blank(name) or is_blank(value))
    }
    return [Choice(name=short(name), value=value) for value, name in islice(matching.items(), MAX_CHOICES)]
