"""Renders .env.example: every variable with its description, in the order in which a host needs them."""

import re
from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from config import Config
from providers import REGISTRY
from providers.kit.base import Provider
from tools.variables import Variable, common_variables, config_variable, own_variables

INTRO = """\
# Copy this file to .env and fill in DISCORD_TOKEN, and a key if you have one. Everything else can stay as it is.
# `make settings` writes this file."""
HEADINGS = {
    "providers": "Who draws. A provider without what it needs is not offered.",
    "default_provider": "Defaults",
    "data_dir": "Where things are kept",
    "metrics_port": "What can be watched, and what is logged",
    "shard_count": "Discord, and the preview",
    "http_proxy": "The network",
}
"""Headings by the field below them."""
TO_FILL_IN = "discord_token"
KEYLESS = "These need no key; clear a line to switch its provider off."
SELF_HOSTED = "Servers on machines of your own."
NEEDS_KEY = "A key switches each of these on."
ALWAYS_ON = "One that is always there."
FOR_EACH_PROVIDER = "For each provider, as here for OpenAI:"
SWITCH_PATTERN = re.compile(r"set (\w+)")
WIDTH = 120

Kind = type[Provider[Any]]


def example() -> str:
    blocks = [INTRO, *(block for field in Config.model_fields for block in _blocks(field))]
    return "\n\n".join(blocks) + "\n"


def _blocks(field: str) -> Iterator[str]:
    if field in HEADINGS:
        yield f"# --- {HEADINGS[field]} ---"
    if field != "providers":
        yield _entry(config_variable(field), is_set=field == TO_FILL_IN)
        return
    for about in (KEYLESS, SELF_HOSTED, NEEDS_KEY, ALWAYS_ON):
        kinds = [kind for kind in REGISTRY if _group(kind) == about]
        plain = [f"{kind.name.upper()}_API_KEY=" for kind in kinds if not _own_variables(kind)]
        yield "\n".join([_comment(about), *plain])
        yield from (_provider(kind) for kind in kinds if _own_variables(kind))
    yield "\n".join(
        [
            _comment(FOR_EACH_PROVIDER),
            *(_entry(each) for each in common_variables("openai") if each.name != "OPENAI_API_KEY"),
        ]
    )


def _own_variables(kind: Kind) -> list[Variable]:
    return own_variables(kind.settings_type, kind.name)


def _provider(kind: Kind) -> str:
    """A provider's variables: the one that enables it, and those that only it has."""
    switch, own = _enabling_variable(kind), _own_variables(kind)
    lines = [_comment(kind.title)]
    if switch not in {None, *(one.name for one in own)}:
        lines.append(f"{switch}=")
    own.sort(key=lambda one: one.name != switch)
    return "\n".join([*lines, *(_entry(one, one.name == switch or one.name.endswith("_API_KEY")) for one in own)])


def _group(kind: Kind) -> str:
    """The comment above a provider's group."""
    switch = _enabling_variable(kind)
    if switch is None:
        return ALWAYS_ON
    if not kind.is_external:
        return SELF_HOSTED
    return NEEDS_KEY if switch == f"{kind.name.upper()}_API_KEY" else KEYLESS


def _enabling_variable(kind: Kind) -> str | None:
    """The variable that enables a provider; None: it is always on."""
    missing = SWITCH_PATTERN.match(kind.missing_setting(kind.settings_type()) or "")
    return missing[1] if missing else None


def _entry(one: Variable, is_set: bool = False) -> str:
    return f"{_comment(one.description)}\n{_line(one, is_set)}"


def _line(one: Variable, is_set: bool) -> str:
    return f"{'' if is_set else '#'}{one.name}={one.sample}"


def _comment(text: str) -> str:
    return "\n".join(wrap(text.replace("`", ""), WIDTH, initial_indent="# ", subsequent_indent="# "))
