""".env.example: every variable, with what it does, in the order in which a host meets them."""

import re
from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from config import Config
from providers import REGISTRY
from providers.kit.base import Provider
from tools.declared import Declared, of_config, of_each, of_its_own

INTRO = """\
# Copy this file to .env and fill in DISCORD_TOKEN, and a key if you have one. Everything else can stay as it is.
# `make settings` writes this file."""
HEADINGS = {
    "providers": "Who draws. A provider without what it needs is not offered.",
    "default_provider": "Defaults",
    "data_dir": "Where things are kept",
    "metrics_port": "What can be watched, and what is logged",
    "shard_count": "Discord, and the preview",
}
"""By the first field below each."""
TO_FILL_IN = "discord_token"
FREE = "These need no key; clear a line to switch its provider off."
AT_HOME = "Servers on machines of your own."
KEYED = "A key switches each of these on."
OFFLINE = "One that is always there."
EACH = "For each provider, as here for OpenAI:"
SWITCH = re.compile(r"set (\w+)")
WIDTH = 120

Kind = type[Provider[Any]]


def example() -> str:
    blocks = [INTRO, *(block for field in Config.model_fields for block in _blocks(field))]
    return "\n\n".join(blocks) + "\n"


def _blocks(field: str) -> Iterator[str]:
    if field in HEADINGS:
        yield f"# --- {HEADINGS[field]} ---"
    if field != "providers":
        yield _entry(of_config(field), is_set=field == TO_FILL_IN)
        return
    for about in (FREE, AT_HOME, KEYED, OFFLINE):
        kinds = [kind for kind in REGISTRY if _group(kind) == about]
        plain = [f"{kind.name.upper()}_API_KEY=" for kind in kinds if not _own(kind)]
        yield "\n".join([_comment(about), *plain])
        yield from (_provider(kind) for kind in kinds if _own(kind))
    yield "\n".join([_comment(EACH), *(_entry(each) for each in of_each("openai") if each.name != "OPENAI_API_KEY")])


def _own(kind: Kind) -> list[Declared]:
    return of_its_own(kind.settings_type, kind.name)


def _provider(kind: Kind) -> str:
    """What switches it on, and what it has of its own."""
    switch, own = _switch(kind), _own(kind)
    lines = [_comment(kind.title)]
    if switch not in {None, *(one.name for one in own)}:
        lines.append(f"{switch}=")
    own.sort(key=lambda one: one.name != switch)
    return "\n".join([*lines, *(_entry(one, one.name == switch or one.name.endswith("_API_KEY")) for one in own)])


def _group(kind: Kind) -> str:
    """Which of the texts above stands above a provider."""
    switch = _switch(kind)
    if switch is None:
        return OFFLINE
    if not kind.is_external:
        return AT_HOME
    return KEYED if switch == f"{kind.name.upper()}_API_KEY" else FREE


def _switch(kind: Kind) -> str | None:
    """The variable that switches it on."""
    missing = SWITCH.match(kind.missing_setting(kind.settings_type()) or "")
    return missing[1] if missing else None


def _entry(one: Declared, is_set: bool = False) -> str:
    return f"{_comment(one.told)}\n{_line(one, is_set)}"


def _line(one: Declared, is_set: bool) -> str:
    return f"{'' if is_set else '#'}{one.name}={one.sample}"


def _comment(text: str) -> str:
    return "\n".join(wrap(text.replace("`", ""), WIDTH, initial_indent="# ", subsequent_indent="# "))
