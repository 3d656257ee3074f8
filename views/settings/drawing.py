"""The section "Provider, model, size": what draws if a member chooses nothing else."""

from collections.abc import Mapping
from hashlib import blake2b

from domain import Size
from storage.settings import Edit
from views.settings.menu import MenuSetting
from views.settings.setting import Context, Section
from views.wording.models import model_choices, model_name
from views.wording.sizes import size_name
from views.wording.text import say

PROVIDER_OFF = "-# This server chose `{provider}`, which the bot's host has switched off."
SIZE_OF_MODEL = "Size: the model's own"
MODEL_GONE = "-# The model that this server chose is not on offer now, so the default one draws."


class DefaultProvider(MenuSetting):
    name, title, plural = "provider", "Provider", "providers"
    placeholder, default_option = "Default provider", "The bot's default ({value})"
    whose_default = "the bot's default"
    about = "It draws when a member names no other. Changing it resets model and size."

    def summary(self, context: Context) -> str:
        line, chosen = super().summary(context), context.settings.provider
        return f"{line}\n{say(PROVIDER_OFF, provider=chosen)}" if chosen and chosen not in context.providers else line

    def options(self, context: Context) -> Mapping[str, str]:
        return {name: each.title for name, each in context.providers.items()}

    def chosen(self, context: Context) -> str | None:
        return context.settings.provider

    def default(self, context: Context) -> str:
        return context.bot_default.title

    def change(self, context: Context, value: str | None) -> Edit:
        return lambda now: now.having(provider=value, model=None, size=None)


class DefaultModel(MenuSetting):
    name, title, plural = "model", "Model", "models"
    placeholder, default_option = "Default model", "The provider's default ({value})"
    whose_default = "the provider's default"
    about = "Models that need an image are not listed. Changing it resets the size."

    def summary(self, context: Context) -> str:
        line, now = super().summary(context), context.settings
        is_gone = now.model not in (None, context.model.id) and now.provider == context.provider.name
        return f"{line}\n{MODEL_GONE}" if is_gone else line

    def options(self, context: Context) -> Mapping[str, str]:
        return {_menu_value(id): name for name, id in model_choices(context.models)}

    def chosen(self, context: Context) -> str | None:
        return _menu_value(context.settings.model) if context.settings.model else None

    def default(self, context: Context) -> str:
        return model_name(context.models[0])

    def change(self, context: Context, value: str | None) -> Edit:
        ids = {_menu_value(each.id): each.id for each in context.models}
        if value is not None and value not in ids:  # a stale menu: the default provider has changed
            return lambda now: now
        model = None if value is None else ids[value]
        return lambda now: now.having(provider=context.provider.name, model=model, size=None)


class DefaultSize(MenuSetting):
    name, title, plural = "size", "Size", "sizes"
    placeholder, default_option = "Default size", "The model's default ({value})"
    whose_default = "the model's default"
    about = "Members can ask for another. A model that does not take this one draws at the nearest size."

    def summary(self, context: Context) -> str:
        takes, own = context.model.capabilities, context.settings.size
        size = takes.nearest_size(own) if own else next(iter(takes.sizes), None)
        return self.line(size_name(size), own=own == size) if size else SIZE_OF_MODEL

    def options(self, context: Context) -> Mapping[str, str]:
        return {str(size): size_name(size) for size in context.model.capabilities.sizes}

    def chosen(self, context: Context) -> str | None:
        return str(context.settings.size) if context.settings.size else None

    def default(self, context: Context) -> str:
        return size_name(context.model.capabilities.sizes[0])

    def change(self, context: Context, value: str | None) -> Edit:
        size = Size.parse(value) if value else None
        return lambda now: now.having(size=size)


def _menu_value(model_id: str) -> str:
    """A menu value for a model, whose id may exceed Discord's limit; the same in each redraw."""
    return blake2b(model_id.encode(), digest_size=8).hexdigest()


DEFAULT_PROVIDER_SETTING = DefaultProvider()
DRAWING_SECTION = Section(
    "drawing",
    "Provider, model, size",
    (DEFAULT_PROVIDER_SETTING, DefaultModel(), DefaultSize()),
    shortcuts=(DEFAULT_PROVIDER_SETTING,),
)
