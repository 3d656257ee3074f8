"""Lenient pydantic types for API responses: optional values that do not validate count as absent."""

from collections.abc import Callable
from math import isfinite
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, ValidationError, WrapValidator, model_validator


def _none_if_invalid(value: Any, validate: Callable[[Any], Any]) -> Any:
    try:
        return validate(value)
    except ValidationError:
        return None


NONE_IF_INVALID = WrapValidator(_none_if_invalid)
"""For an optional field: a value that does not validate becomes None."""


def _skip_invalid(value: Any, validate: Callable[[Any], Any]) -> Any:
    if not isinstance(value, list):
        return validate(value)
    listed = cast("list[Any]", value)
    return [read for one in listed for read in _none_if_invalid([one], validate) or ()]


SKIP_INVALID_ENTRIES = WrapValidator(_skip_invalid)
"""For a list: entries that do not validate are skipped."""


class Reply(BaseModel):
    """Base of response models: fields that are null or not finite count as absent."""

    model_config = ConfigDict(allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: each for name, each in cast("dict[Any, Any]", value).items() if not _is_null(each)}


def _is_null(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not isfinite(value))
