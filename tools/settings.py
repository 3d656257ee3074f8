"""`python -m tools.settings`: what the host may set, told by its declarations, for .env.example and the docs."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from config import Config
from providers import REGISTRY
from providers.openai.settings import CompatibleSettings
from tools.declared import Declared, of_config, of_each, of_its_own
from tools.example import example
from tools.pages import written

ROOT = Path(__file__).parent.parent
PAGES = {name: ROOT / name for name in (".env.example", "README.md", "docs/providers.md")}
HEAD = "| variable | default | what |\n| --- | --- | --- |"


def all_written() -> dict[Path, str]:
    """Each page as it should be."""
    sample, readme, page = PAGES.values()
    return {
        sample: example(),
        readme: written(readme.read_text(encoding="utf-8"), "settings", _table(_all())),
        page: written(page.read_text(encoding="utf-8"), "settings", _table(_of_providers())),
    }


def _table(rows: Iterable[Declared]) -> str:
    return "\n".join([HEAD, *map(_row, rows)])


def _all() -> Iterator[Declared]:
    for field in Config.model_fields:
        if field == "providers":
            yield from _of_providers()
        else:
            yield of_config(field)


def _of_providers() -> Iterator[Declared]:
    """What every provider has, and what some have of their own."""
    yield from of_each("<name>")
    for kind in REGISTRY:
        yield from of_its_own(kind.settings_type, kind.name)
    yield from of_its_own(CompatibleSettings, "<name>")


def _row(one: Declared) -> str:
    limits = f" ({one.limits[0]:,} to {one.limits[1]:,})" if one.limits else ""
    return f"| `{one.name}` | {(one.default + limits).strip()} | {one.told} |"


if __name__ == "__main__":
    for path, text in all_written().items():
        if "--write" in sys.argv:
            path.write_text(text, encoding="utf-8")
        else:
            sys.stdout.write(f"{text}\n")
