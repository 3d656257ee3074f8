"""Menus of the preview's page show what is in force after each choice.

simcord's page remembers a member's choice by the place of its menu, and goes on showing it whatever the message marks
since. Here a menu has another key when its options or the marked ones change, so that the page forgets the choice.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast
from zlib import crc32

from simcord.preview import _action_plans, _component_projection

KeyOf = Callable[..., str | None]


def key_menus_by_what_they_show() -> None:
    """Replace the two functions that make keys: of what is sent to the page, and of what it sends back."""
    for module, name in ((_component_projection, "_control_key"), (_action_plans, "_component_key")):
        key_of = cast("KeyOf", getattr(module, name))
        if not hasattr(key_of, "__wrapped__"):
            setattr(module, name, _with_options(key_of))


def _with_options(key_of: KeyOf) -> KeyOf:
    def key(*about: Any) -> str | None:
        plain = key_of(*about)
        component = cast("Mapping[str, Any]", next(each for each in about if isinstance(each, Mapping)))
        options: list[Mapping[str, Any]] = component.get("options") or []
        shown = [(each.get("value"), bool(each.get("default"))) for each in options]
        return f"{plain}-{crc32(repr(shown).encode()):x}" if plain and shown else plain

    key.__wrapped__ = key_of  # pyright: ignore[reportFunctionMemberAccess] - so that it is replaced only once
    return key
