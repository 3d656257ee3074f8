"""The base of immutable values, and their copies with changes that the type checker checks."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from pydantic import BaseModel, ConfigDict

Fields = ParamSpec("Fields")
Value = TypeVar("Value", bound=BaseModel)


class Frozen(BaseModel):
    """A value that never changes."""

    model_config = ConfigDict(frozen=True, defer_build=True, hide_input_in_errors=True)


class CopyMethod:
    """A method that makes a changed copy: the type checker compares its arguments with the model's fields.

    For models whose fields all have defaults; it would ask for the others in every call.
    """

    def __get__(self, value: Any, owner: Callable[Fields, Value]) -> Callable[Fields, Value]:
        def copy(*_: Fields.args, **changes: Fields.kwargs) -> Value:
            return value.model_copy(update=changes)

        return copy
