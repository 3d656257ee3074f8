"""Describes the environment variables, from their declarations."""

from collections.abc import Mapping
from inspect import get_annotations
from typing import NamedTuple

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from config import Config
from providers.kit.settings import ProviderSettings
from providers.kit.variables import number_range


class Variable(NamedTuple):
    """One environment variable."""

    name: str
    default: str
    """As a host would write it; empty if there is none."""
    limits: tuple[int, int] | None
    sample: str
    """The value shown in .env.example."""
    description: str


def describe(kind: type[BaseModel], field: str, variables: Mapping[str, str]) -> Variable:
    """A field's variable. variables: the variable of each field."""
    info = kind.model_fields[field]
    default = _default(info)
    sample = info.examples[0] if info.examples else default
    return Variable(variables[field], default, number_range(info), str(sample), info.description or "")


def config_variable(field: str) -> Variable:
    return describe(Config, field, Config.variables())


def common_variables(name: str) -> list[Variable]:
    """The variables that every provider has."""
    variables = ProviderSettings.variables(name)
    return [describe(ProviderSettings, field, variables) for field in variables]


def own_variables(kind: type[ProviderSettings], name: str) -> list[Variable]:
    """The variables that only this provider has, or describes differently."""
    redeclared = get_annotations(kind)
    fields = [field for field in kind.model_fields if field in redeclared or field not in ProviderSettings.model_fields]
    own = [] if kind is ProviderSettings else [field for field in fields if field not in kind.without_variable]
    return [describe(kind, field, kind.variables(name)) for field in own]


def _default(info: FieldInfo) -> str:
    if info.default_factory or info.default in (None, ()):
        return ""
    return {True: "on", False: "off"}[info.default] if isinstance(info.default, bool) else str(info.default)
