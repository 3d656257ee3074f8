"""The settings as their declarations tell of them."""

from collections.abc import Mapping
from inspect import get_annotations
from typing import NamedTuple

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from config import Config
from providers.kit.settings import ProviderSettings
from providers.kit.variables import number_range


class Declared(NamedTuple):
    """One variable."""

    name: str
    default: str
    """As the host would write it; empty where there is none."""
    limits: tuple[int, int] | None
    sample: str
    """What .env.example has it set to."""
    told: str


def declared(kind: type[BaseModel], field: str, variables: Mapping[str, str]) -> Declared:
    info = kind.model_fields[field]
    default = _default(info)
    sample = info.examples[0] if info.examples else default
    return Declared(variables[field], default, number_range(info), str(sample), info.description or "")


def of_config(field: str) -> Declared:
    return declared(Config, field, Config.variables())


def of_each(name: str) -> list[Declared]:
    """What every provider has."""
    variables = ProviderSettings.variables(name)
    return [declared(ProviderSettings, field, variables) for field in variables]


def of_its_own(kind: type[ProviderSettings], name: str) -> list[Declared]:
    """What a provider has beyond that, or describes anew."""
    anew = get_annotations(kind)
    fields = [field for field in kind.model_fields if field in anew or field not in ProviderSettings.model_fields]
    own = [] if kind is ProviderSettings else fields
    return [declared(kind, field, kind.variables(name)) for field in own]


def _default(info: FieldInfo) -> str:
    if info.default_factory or info.default in (None, ()):
        return ""
    return {True: "on", False: "off"}[info.default] if isinstance(info.default, bool) else str(info.default)
