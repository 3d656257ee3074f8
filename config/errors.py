"""Errors in the settings, as sentences for the host."""

from collections.abc import Mapping

from pydantic import BaseModel, ValidationError

from providers.kit.variables import UnreadableError, number_range


class ConfigError(Exception):
    """One sentence: which variable, and what is wrong with it; never the value of a secret."""


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
