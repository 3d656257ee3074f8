"""Reads facts about models from TOML: `providers/facts/NAME.toml`, and what a host adds in MODELS_FILE.

A file has `source` and `seen` (a document, and the day on which it was read), sets of capabilities, and models:

    [takes.free]                    # a set; the names are those of `Capabilities`
    sizes = ["1024x1024", "1024x576"]
    seed = true
    [takes.edits]
    like = "free"                   # builds on another set
    image_to_image = true

    [[models]]
    id = "flux-2-pro"               # offered, in this order
    title = "FLUX.2 pro"
    like = "edits"                  # a set, or the id of a model above
    takes = {steps = [1, 50]}       # what differs from it
    price = {amount = "0.03", currency = "$", unit = "first megapixel"}
    ends = 2027-03-01               # the first day on which it is not offered

    [[models]]
    pattern = "*kontext*"           # for models that are not listed by their id; the first match counts
    like = "edits"
"""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from domain import Capabilities, Size
from domain.frozen import Frozen
from providers.kit.model_facts import ModelFact, ModelFacts

FOLDER = Path(__file__).parents[1] / "facts"


class FactsError(ValueError):
    """Which entry of a file is wrong, and why."""


class FactsFile(Frozen):
    """A file as it is written; entries are read one by one, as each may build on those above it."""

    model_config = ConfigDict(extra="forbid")

    source: str = ""
    seen: date | None = None
    takes: Mapping[str, Mapping[str, Any]] = {}
    models: Sequence[Mapping[str, Any]] = ()


class WrittenCapabilities(Capabilities):
    """Capabilities with sizes as 1024x1024 and ranges as lists of two ends."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("sizes", mode="before")
    @classmethod
    def _parse_sizes(cls, value: Any) -> Any:
        return [Size.parse(each) if isinstance(each, str) else each for each in value]

    @field_validator("steps", "guidance_scale", "strength", mode="before")
    @classmethod
    def _name_ends(cls, value: Any) -> Any:
        return dict(zip(("low", "high"), cast("list[Any]", value), strict=True)) if isinstance(value, list) else value


@cache
def built_in(name: str) -> ModelFacts:
    """What Easel knows of the models of an API; nothing where it has no file for it."""
    file = FOLDER / f"{name}.toml"
    return read_facts(tomllib.loads(file.read_text("utf-8"))) if file.is_file() else ModelFacts()


def read_facts(tables: Mapping[str, Any], known: ModelFacts | None = None) -> ModelFacts:
    """The facts of a file on top of what is known: an entry of a known id or pattern changes that one; FactsError."""
    known = known or ModelFacts()
    file = _checked("the file", FactsFile, tables)
    sets, entries = dict(known.sets), list(known.entries)
    for name, table in file.takes.items():
        sets[name] = _capabilities(f"takes.{name}", table, _start(f"takes.{name}", table, sets, entries))
    for place, table in enumerate(file.models, 1):
        where = f"models, number {place}"
        old = next((each for each in entries if _names(each) == (table.get("id", ""), table.get("pattern", ""))), None)
        start = _start(where, table, sets, entries) if "like" in table or not old else old.takes
        new = _entry(where, file, table, start, old)
        entries = [new if each is old else each for each in entries] if old else [*entries, new]
    return ModelFacts(entries=tuple(entries), sets=sets)


def _names(fact: ModelFact) -> tuple[str, str]:
    return fact.id, fact.pattern


def _entry(
    where: str, file: FactsFile, table: Mapping[str, Any], start: Capabilities, old: ModelFact | None
) -> ModelFact:
    kept = old.model_dump(exclude_unset=True) if old else {"source": file.source, "seen": file.seen}
    own = {name: value for name, value in table.items() if name != "like"}
    takes = _capabilities(where, table.get("takes", {}), start)
    return _checked(where, ModelFact, kept | own | {"takes": takes})


def _start(
    where: str, table: Mapping[str, Any], sets: Mapping[str, Capabilities], entries: Sequence[ModelFact]
) -> Capabilities:
    """The capabilities on which a table builds."""
    if "like" not in table:
        return Capabilities()
    by_id = {each.id: each.takes for each in entries if each.id}
    if found := sets.get(table["like"]) or by_id.get(table["like"]):
        return found
    raise FactsError(f"{where}: `like` names neither a set nor a model above it: {table['like']}")


def _capabilities(where: str, table: Mapping[str, Any], start: Capabilities) -> Capabilities:
    changes = {name: value for name, value in table.items() if name != "like"}
    written = _checked(where, WrittenCapabilities, start.model_dump() | changes)
    return Capabilities(**dict(written))


def _checked(where: str, kind: type[BaseModel], values: Mapping[str, Any]) -> Any:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise FactsError(f"{where}: {_reason(error)}") from None


def _reason(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    name = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"nothing reads `{name}`"
    message = first["msg"].removeprefix("Value error, ")
    return f"{name}: {message}" if name else message
