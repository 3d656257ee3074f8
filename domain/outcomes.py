"""How a job ended, as its row keeps it, and what its receipt has to add."""

from dataclasses import replace
from typing import Annotated, Literal, cast

from pydantic import Field

from domain.errors import (
    AuthError,
    BadResponse,
    Cancelled,
    ContentRejected,
    Down,
    EaselError,
    Interrupted,
    InvalidRequest,
    NotAsked,
    OutageKind,
    Paused,
    PicturesGone,
    QuotaError,
    RateLimited,
    SwitchedOff,
    Timeout,
    Unavailable,
    Unexpected,
)
from domain.frozen import Frozen
from domain.models import Size
from domain.refusals import RefusedRequest

ProviderFailure = (
    AuthError | QuotaError | RateLimited | InvalidRequest | ContentRejected | Unavailable | Timeout | BadResponse
)
Failure = Annotated[
    ProviderFailure
    | RefusedRequest
    | Down
    | Paused
    | SwitchedOff
    | Interrupted
    | Cancelled
    | PicturesGone
    | Unexpected,
    Field(discriminator="kind"),
]


def is_hosts_matter(error: EaselError) -> bool:
    """Whether only the host can mend it: the key, or the account's credit."""
    if isinstance(error, NotAsked):
        return error.cause in ("AuthError", "QuotaError")
    return isinstance(error, AuthError | QuotaError)


def failure_of(error: EaselError) -> Failure:
    """A raised error as a row keeps it: without its traceback, and all that hangs on that."""
    return cast("Failure", replace(error))


class NoAI(Frozen):
    """The provider paints by rules."""

    kind: Literal["no AI"] = "no AI"


class ModelGone(Frozen):
    """The model that the server chose is not on offer now, so the default one drew."""

    kind: Literal["model gone"] = "model gone"


class SizeFitted(Frozen):
    """The nearest size that the model takes."""

    kind: Literal["size fitted"] = "size fitted"
    size: Size
    wanted: Size
    whose: Literal["server", "image"]


class Passed(Frozen):
    """A provider that could not draw, and why."""

    title: str
    cause: OutageKind


class TookOver(Frozen):
    """Who drew in place of others."""

    kind: Literal["took over"] = "took over"
    passed: tuple[Passed, ...]
    title: str


class Recognised(Frozen):
    """The words of the prompt that are in the picture, and those that mean nothing to its provider."""

    kind: Literal["recognised"] = "recognised"
    known: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


class Credit(Frozen):
    """Whose work is part of a picture, and the licence that it brings along."""

    creator: str
    licence: str
    url: str
    """The licence's text."""


class EarlierNote(Frozen):
    """A sentence that an earlier version has written into the row."""

    kind: Literal["earlier"] = "earlier"
    text: str


Note = Annotated[NoAI | ModelGone | SizeFitted | TookOver | Recognised | EarlierNote, Field(discriminator="kind")]
"""What a receipt says beyond the facts."""
