"""Reads all settings, those of the providers too."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from config.environment import Values, read_values
from config.errors import config_error
from config.settings import Config
from providers import settings_types

Read = TypeVar("Read", bound=BaseModel)


def read_config(values: Values) -> Config:
    """ConfigError for the first variable that is wrong."""
    config = _checked(Config, Config.variables(), partial(Config, values))
    providers: dict[str, BaseModel] = {}
    for name, kind in settings_types(config.openai_compatible).items():
        variables = kind.variables(name)
        given = read_values(variables, values)
        # defaults need no validation, whose setup costs pydantic a millisecond for each provider
        read = partial(kind.model_validate, given) if given else kind.model_construct
        providers[name] = _checked(kind, variables, read)
    return config.model_copy(update={"providers": providers})


def _checked(kind: type[BaseModel], variables: Mapping[str, str], read: Callable[[], Read]) -> Read:
    try:
        return read()
    except ValidationError as error:
        config_failure = config_error(error, kind, variables)
    raise config_failure  # outside the handler, or its context would hold the values that were read
