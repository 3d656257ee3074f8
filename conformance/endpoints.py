# pyright: basic, reportMissingImports=false
"""An API's calls, and what a maker's type or schema says against a request."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, Required, get_args, get_origin, get_type_hints

from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from conformance.recording import Sent

Check = Callable[[Any], Iterator[str]]
"""Yields what is wrong with a value, a sentence each."""


@dataclass(frozen=True)
class Endpoint:
    """One call: its method, a pattern of its path, and checks of its parts. A part without a check must be empty."""

    method: str
    path: str
    body: Check | None = None
    query: Check | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Patterns of the headers that the call must have."""
    max_bytes: int | None = None
    """Of the body."""

    def answers(self, sent: Sent) -> bool:
        return sent.method == self.method and re.fullmatch(self.path, sent.path) is not None

    def faults(self, sent: Sent) -> Iterator[str]:
        for name, pattern in self.headers.items():
            if not re.fullmatch(pattern, sent.headers.get(name, "")):
                yield f"header {name} is not {pattern}"
        if self.max_bytes is not None and sent.size > self.max_bytes:
            yield f"{sent.size} bytes, more than {self.max_bytes}"
        yield from _faults_of("query", self.query, sent.query)
        yield from _faults_of("body", self.body, sent.body)


def _faults_of(part: str, check: Check | None, value: Any) -> Iterator[str]:
    if check:
        yield from check(value)
    elif value:
        yield f"a {part}, where the call takes none"


@dataclass(frozen=True)
class Api:
    """What a maker has published of an API, and when that was last looked at."""

    source: str
    seen: date
    endpoints: Sequence[Endpoint]

    def faults(self, sent: Sent) -> list[str]:
        endpoint = next((each for each in self.endpoints if each.answers(sent)), None)
        return list(endpoint.faults(sent)) if endpoint else ["a call that the API does not have"]


def by_schema(schema: Mapping[str, Any], *, is_checked: bool = False) -> Check:
    """A check by a JSON Schema of 2020-12; is_checked: it is known to be one."""
    if not is_checked:
        Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)

    def check(value: Any) -> Iterator[str]:
        for error in validator.iter_errors(value):
            yield f"{'.'.join(map(str, error.absolute_path)) or 'body'}: {error.message[:200]}"

    return check


def by_model(model: type[BaseModel]) -> Check:
    """A check by a pydantic model; a model of a maker's package forbids unknown fields by itself or not at all."""

    def check(value: Any) -> Iterator[str]:
        try:
            model.model_validate(value)
        except ValidationError as error:
            for each in error.errors():
                yield f"{'.'.join(map(str, each['loc']))}: {each['msg'][:200]}"

    return check


def by_typed_dict(kind: Any, *, closed: Mapping[str, Sequence[str]] | None = None, **replaced: Any) -> Check:
    """A check by a TypedDict: no other fields, no other types, no missing required field.

    replaced: other types for some fields, such as `str` for a file.
    closed: fields whose type is "one of these, or any text", with the values that are taken.
    """
    hints = get_type_hints(kind, include_extras=True) | replaced
    hints |= {name: Literal[tuple(values)] for name, values in (closed or {}).items()}
    fields: dict[str, Any] = {}
    for name, hint in hints.items():
        required = get_origin(hint) is Required
        inner = get_args(hint)[0] if required else hint
        fields[name] = (inner, ...) if required else (inner | None, None)
    config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)
    return by_model(create_model(kind.__name__, __config__=config, **fields))
