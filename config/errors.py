"""What is wrong with the settings."""

from collections.abc import Mapping

from pydantic import BaseModel, ValidationError

from providers.kit.variables import UnreadableError, number_range


class ConfigError(Exception):
    """One sentence for the host: which variable, and what is wrong with it. Never its value, if that is a secret."""


def config_error(error: ValidationError, kind: type[BaseModel], variables: Mapping[str, str]) -> ConfigError:
    """The sentence for the first field that is wrong; variables: by field."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = str(first["loc"][0])
    return ConfigError(f"{variables[field]} {_complaint(first.get('ctx', {}), kind, field)}.")


def _complaint(context: Mapping[str, object], kind: type[BaseModel], field: str) -> str:
    cause = context.get("error")
    if isinstance(cause, UnreadableError):
        return str(cause)
    limits = number_range(kind.model_fields[field])
    return f"is no number from {limits[0]} to {limits[1]}" if limits else "cannot be read"
