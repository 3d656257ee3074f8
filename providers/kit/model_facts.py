"""What is known of hosted models: how they are called, what they take and cost, and when they end."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Self

from pydantic import ConfigDict, PrivateAttr, model_validator

from domain import Capabilities, Model, Price
from domain.frozen import Frozen
from providers.kit.once import warn_once

SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")
"""Ending of the id of a dated snapshot of a model."""
MAX_REMEMBERED = 10_000
ENDS_SOON = timedelta(days=30)


class ModelFact(Frozen):
    """What is known of a model, or of all whose id matches a pattern."""

    model_config = ConfigDict(extra="forbid")

    id: str = ""
    pattern: str = ""
    """With * and ?, of the id in small letters, without `owner/` and without the date of a snapshot."""
    title: str = ""
    takes: Capabilities = Capabilities()
    price: Price | None = None
    ends: date | None = None
    """The first day on which it is not offered."""
    source: str = ""
    seen: date | None = None

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        if bool(self.id) == bool(self.pattern):
            raise ValueError("needs either an id or a pattern")
        return self

    def covers(self, id: str) -> bool:
        return fnmatchcase(_own_name(id), self.pattern) if self.pattern else _own_name(id) == _own_name(self.id)

    def model(self, id: str = "", title: str = "") -> Model:
        id = id or self.id
        return Model(id=id, title=title or self.title or id, capabilities=self.takes, price=self.price)


def today() -> date:
    return datetime.now(UTC).date()


NOTHING = ModelFact(pattern="*")


class ModelFacts(Frozen):
    """What is known of the models of one API."""

    entries: tuple[ModelFact, ...] = ()
    sets: Mapping[str, Capabilities] = {}
    """Named sets of capabilities, on which entries of a host's file may build, too."""
    _ends: dict[str, date | None] = PrivateAttr(default_factory=dict[str, date | None])
    """By id: lists of a thousand models are gone through for each letter that a member types."""

    @property
    def default_id(self) -> str:
        """The id that is asked for where a request names none."""
        return self.entries[0].id

    @property
    def listed(self) -> Sequence[Model]:
        """The models with an id, in the order of offering, without those that have ended."""
        return self.without_ended([each.model() for each in self.entries if each.id])

    def about(self, id: str) -> ModelFact:
        """The entry of that id, else the first that covers it, else one that says nothing."""
        exact = next((each for each in self.entries if each.id == id), None)
        return exact or next((each for each in self.entries if each.covers(id)), NOTHING)

    def model(self, id: str, title: str = "") -> Model:
        """A model of any id, with what is known of it."""
        return self.about(id).model(id, title)

    def end_of(self, id: str) -> date | None:
        """The first day on which a model is not offered; snapshots and `owner/id` end with the model."""
        if id not in self._ends:
            if len(self._ends) >= MAX_REMEMBERED:
                self._ends.clear()
            self._ends[id] = next((each.ends for each in self.entries if each.ends and each.covers(id)), None)
        return self._ends[id]

    def has_ended(self, id: str) -> bool:
        end = self.end_of(id)
        return end is not None and end <= today()

    def without_ended(self, models: Sequence[Model]) -> Sequence[Model]:
        """The models that have not ended; each other one is logged once."""
        ended = {model.id for model in models if self.has_ended(model.id)}
        for id in sorted(ended):
            warn_once(f"{id} has ended and is no longer offered; <NAME>_MODELS and servers' settings can name others")
        return [model for model in models if model.id not in ended] if ended else models

    def ending_soon(self, ids: Iterable[str]) -> Mapping[str, date]:
        """Those models that end within 30 days, and when."""
        ends = {id: self.end_of(id) for id in ids}
        return {id: end for id, end in ends.items() if end and today() < end <= today() + ENDS_SOON}


def _own_name(id: str) -> str:
    """The id in small letters, without `owner/` and without the date of a snapshot."""
    return SNAPSHOT.sub("", id.rpartition("/")[2].lower())
