"""Reads all settings, those of the providers too; the first wrong one is a `ConfigError`."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from config.environment import Values, read_values
from config.settings import Config
from config.spelling import closest
from providers import settings_types
from providers.kit.facts_files import FactsError, built_in, read_facts
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
    return config.having_providers(_with_facts(providers, config.models_file or {}))


def _with_facts(providers: Mapping[str, ProviderSettings], tables: Mapping[str, Any]) -> Mapping[str, ProviderSettings]:
    """The settings of the providers, with what the host's file says of their models."""
    for name in tables.keys() - providers.keys():
        near = closest(name, providers)
        raise ConfigError(f"MODELS_FILE: {name} is no provider." + (f" Did you mean {near}?" if near else ""))
    return {name: _mended(name, own, tables[name]) if name in tables else own for name, own in providers.items()}


def _mended(name: str, settings: ProviderSettings, table: Mapping[str, Any]) -> ProviderSettings:
    try:
        facts = read_facts(table, built_in(settings.facts_file(name)))
    except FactsError as error:
        raise ConfigError(f"MODELS_FILE: {name}: {error}.") from None
    return settings.model_copy(update={"facts": facts})


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
