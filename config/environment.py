"""The environment as a source of settings."""

from collections.abc import Collection, Mapping
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

Values = Mapping[str, str | None]
QUOTES = ("'", '"')


def read_values(variables: Mapping[str, str], values: Values) -> dict[str, str]:
    """Each field's value, where it is set and not blank. variables: the variable of each field."""
    found = {field: _unquoted(values.get(variable) or "") for field, variable in variables.items()}
    return {field: text for field, text in found.items() if text}


def with_lower_case(values: Values, names: Collection[str]) -> Values:
    """The values, where those of names in lower case stand for the names in capitals, too, and come first."""
    lower = {name.upper(): value for name, value in values.items() if name in names and value}
    return {**values, **lower} if lower else values


def _unquoted(text: str) -> str:
    """Without blanks around it, and without quotes, which Docker's --env-file keeps."""
    text = text.strip()
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in QUOTES
    return text[1:-1].strip() if is_quoted else text


class Hidden(str):
    """A value with a hidden repr, as pydantic-settings logs it if PYDANTIC_SETTINGS_DEBUG is set."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'**********'"


class Environment(PydanticBaseSettingsSource):
    """The environment as a source for pydantic-settings. variables: the variable of each field."""

    def __init__(self, settings_cls: type[BaseSettings], variables: Mapping[str, str], values: Values) -> None:
        super().__init__(settings_cls)
        self._values = read_values(variables, values)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self._values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return {field: Hidden(text) for field, text in self._values.items()}
