"""Reads which input of a refused Replicate prediction is wrong."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from providers.http.answers import Answer
from providers.http.failures import option_of_field
from providers.http.parsing import NONE_IF_INVALID, Reply

NAMES_READ = 20


class InvalidField(Reply):
    field: str = ""
    description: str = ""


class Refusal(Reply):
    invalid: Annotated[list[InvalidField] | None, NONE_IF_INVALID] = Field(None, validation_alias="invalid_fields")

    def names(self) -> Iterator[str]:
        """The inputs in question; a missing one stands at the start of its description."""
        for each in (self.invalid or ())[:NAMES_READ]:
            yield each.field.rpartition(".")[2]
            yield each.description.partition(" ")[0]


def raise_for_refusal(answer: Answer) -> None:
    """Raise the error of a response that is none of success, with the option that it blames."""
    refusal = answer.parse_or_none(Refusal)
    error = answer.error(option=option_of_field(refusal.names()) if refusal else None)
    if error:
        raise error
