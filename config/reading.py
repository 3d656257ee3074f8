"""Reads all settings, those of the providers too; the first wrong one is a `ConfigError`."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from config.environment import Values, read_values
from config.settings import Config
from providers import settings_types
from providers.kit.settings import ProviderSettings
from providers.kit.variables import UnreadableError, number_range

Read = TypeVar("Read", bound=BaseModel)


class ConfigError(Exception):
    """One sentence: which variable, and what is wrong with it; never the value of a secret."""


def read_config(values: Values) -> Config:
    """The host's settings; raises ConfigError for the first wrong variable."""
    config = _checked(Config, Config.variables(), partial(Config, values))
    providers: dict[str, ProviderSettings] = {}
    for name, kind in settings_types(config.openai_compatible).items():
        variables = kind.variables(name)
        given = read_values(variables, values)
        # defaults need no validation, whose setup costs pydantic a millisecond for each provider
        read = partial(kind.model_validate, given) if given else kind.model_construct
        providers[name] = _checked(kind, variables, read)
    return config.having_providers(providers)


def _checked(kind: type[BaseModel], variables: Mapping[str, str], read: Callable[[], Read]) -> Read:
    try:
        return read()
    except ValidationError as error:
        config_failure = config_error(error, kind, variables)
    raise config_failure  # raised outside the handler: inside, its context would hold the values


def config_error(error: ValidationError, kind: type[BaseModel], variables: Mapping[str, str]) -> ConfigError:
    """The error for the first wrong field. variables: the variable of each field."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = str(first["loc"][0])
    return ConfigError(f"{variables[field]} {_what_is_wrong(first.get('ctx', {}), kind, field)}.")


def _what_is_wrong(context: Mapping[str, object], kind: type[BaseModel], field: str) -> str:
    cause = context.get("error")
    if isinstance(cause, UnreadableError):
        return str(cause)
    limits = number_range(kind.model_fields[field])
    return f"is no number from {limits[0]} to {limits[1]}" if limits else "cannot be read"
