"""`python -m tools.settings`: writes .env.example and the tables of settings in the docs."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from config import Config
from providers import REGISTRY
from providers.openai import CompatibleSettings
from tools.env_example import example
from tools.pages import replace_part
from tools.variables import Variable, common_variables, config_variable, own_variables

ROOT = Path(__file__).parent.parent
SETTINGS_PAGES = {name: ROOT / name for name in (".env.example", "README.md", "docs/providers.md")}
TABLE_HEAD = "| variable | default | what |\n| --- | --- | --- |"


def all_written() -> dict[Path, str]:
    """The content of each page."""
    sample, readme, page = SETTINGS_PAGES.values()
    return {
        sample: example(),
        readme: replace_part(readme.read_text(encoding="utf-8"), "settings", _table(_all())),
        page: replace_part(page.read_text(encoding="utf-8"), "settings", _table(_of_providers())),
    }


def _table(rows: Iterable[Variable]) -> str:
    return "\n".join([TABLE_HEAD, *map(_row, rows)])


def _all() -> Iterator[Variable]:
    for field in Config.model_fields:
        if field == "providers":
            yield from _of_providers()
        else:
            yield config_variable(field)


def _of_providers() -> Iterator[Variable]:
    """The variables that every provider has, and those that only one has."""
    yield from common_variables("<name>")
    for kind in REGISTRY:
        yield from own_variables(kind.settings_type, kind.name)
    yield from own_variables(CompatibleSettings, "<name>")


def _row(one: Variable) -> str:
    limits = f" ({one.limits[0]:,} to {one.limits[1]:,})" if one.limits else ""
    return f"| `{one.name}` | {(one.default + limits).strip()} | {one.description} |"


if __name__ == "__main__":
    for path, text in all_written().items():
        if "--write" in sys.argv:
            path.write_text(text, encoding="utf-8")
        else:
            sys.stdout.write(f"{text}\n")
