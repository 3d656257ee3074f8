"""Reading what an API answered: JSON, images, and errors in whatever shape they come."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from html import unescape
from math import isfinite, isnan
from typing import Any, Self, TypeVar, cast

import pybase64
from pydantic import BaseModel, ConfigDict, ValidationError, WrapValidator, model_validator

from domain import BadResponse, EaselError
from domain.kinds import kind_of
from providers.failures import error_for, our_field
from providers.parsing import LARGE, TooMuch, read_json

MAX_PICTURE = 32 * 1024 * 1024
LONGEST_AT_ONCE = 4 * 1024 * 1024
"""Characters of base64 that are decoded where others wait for their turn."""
OTHER_ALPHABET, BLANKS = bytes.maketrans(b"-_", b"+/"), b" \t\r\n\v\f"
RETRY_AFTER = (1.0, 600.0)
"""Seconds that are believed: whoever wants a longer pause is asked every ten minutes. A call itself waits less."""
LONGEST_WAIT = 120.0
DETAIL_LENGTH = 300
LONGEST_TEXT = 6000
"""Characters of an error that are looked at: the patterns take quadratic time."""
TRY_AGAIN = re.compile(r"(?:try again|resets?) in ~?(\d+(?:\.\d+)?) ?s(?:ec|\b)", re.IGNORECASE)
RETRY_DELAY = re.compile(r'"retryDelay"\s*:\s*"(\d{1,6}(?:\.\d{1,9})?)s"')
"""Google's RetryInfo."""
TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
LINK = re.compile(r"https?://\S+", re.IGNORECASE)

Parsed = TypeVar("Parsed", bound=BaseModel)


def _or_none(value: Any, validate: Callable[[Any], Any]) -> Any:
    try:
        return validate(value)
    except ValidationError:
        return None


TRIFLE = WrapValidator(_or_none)
"""On a field that nothing depends on: what cannot be read is left out."""


def _each(value: Any, validate: Callable[[Any], Any]) -> Any:
    if not isinstance(value, list):
        return validate(value)
    listed = cast("list[Any]", value)
    return [read for one in listed for read in _or_none([one], validate) or ()]


EACH = WrapValidator(_each)
"""On a list: the entries that cannot be read are left out, and take no other along."""


class Reply(BaseModel):
    """What an API answers, or a part of it: a field that is null, or no number, is as good as one that is not there."""

    model_config = ConfigDict(allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: each for name, each in cast("dict[Any, Any]", value).items() if not _is_nothing(each)}


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not isfinite(value))


class Wait(Reply):
    retry_after: float


class Detail(BaseModel):
    loc: list[str | int]


class Details(BaseModel):
    detail: list[Detail]

    @property
    def blamed(self) -> list[str]:
        """From the innermost name outwards: behind a field's may stand a place in its list, or a type."""
        return [str(name) for detail in self.detail for name in reversed(detail.loc)]


class FieldErrors(BaseModel):
    errors: dict[str, Any]

    @property
    def blamed(self) -> list[str]:
        return [name for path in self.errors for name in reversed(path.split("."))]


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, read to its end. Its Content-Type is not believed, and its JSON is read once."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    maybe_taken: bool = False
    """An earlier try may have been taken; or this one, where a status proves less than it usually does."""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def is_picture(self) -> bool:
        return kind_of(self.body) is not None

    def having(self, **changes: Any) -> Self:
        """A changed copy."""
        return replace(self, **changes)

    async def read(self) -> Self:
        """The answer itself, whose JSON was read in a thread where there is much of it."""
        if len(self.body) > LARGE and not self.is_picture():
            await asyncio.to_thread(lambda: self._read)
        return self

    def data(self) -> Any:
        """The JSON in the body; BadResponse where there is none, or far too much of it."""
        if (why := self._read[1]) is not None:
            raise BadResponse(f"HTTP {self.status} {why}, {len(self.body)} bytes")
        return self._read[0]

    @cached_property
    def _read(self) -> tuple[Any, str | None]:
        """The JSON, and why there is none."""
        try:
            return read_json(self.body), None
        except TooMuch:
            return None, "with too many values in its JSON"
        except ValueError:
            return None, "without JSON"

    def parse(self, kind: type[Parsed]) -> Parsed:
        """The JSON as a model: lenient to what is not used, strict on what is; BadResponse."""
        try:
            return kind.model_validate(self.data())
        except ValidationError as error:
            where = ", ".join(".".join(map(str, each["loc"])) or "body" for each in error.errors()[:3])
            raise BadResponse(f"HTTP {self.status} with unexpected JSON at {where}") from None

    def maybe(self, kind: type[Parsed]) -> Parsed | None:
        """As `parse`; None where the body is not of that kind."""
        try:
            return self.parse(kind)
        except BadResponse:
            return None

    def text(self) -> str:
        """The sentence in an error body, whatever its shape; empty where there is none."""
        try:
            return tidy(_message(self.data()))
        except BadResponse:
            return ""

    def retry_after(self) -> float | None:
        """Seconds to wait, from a header, a field or a sentence; from 1 to 600."""
        seconds = _header_seconds(self.headers)
        if seconds is None:
            seconds = self._body_seconds()
        return None if seconds is None or isnan(seconds) else min(max(seconds, RETRY_AFTER[0]), RETRY_AFTER[1])

    def field(self) -> str | None:
        """Our word for the field that a list of details, or a table of errors, blames first."""
        for kind in (Details, FieldErrors):
            if told := self.maybe(kind):
                return our_field(told.blamed)
        return None

    def checked(self) -> Self:
        """The answer itself; the error that its status means otherwise."""
        if error := self.error():
            raise error
        return self

    def error(
        self, text: str | None = None, *, field: str | None = None, reference: str | None = None
    ) -> EaselError | None:
        """What the status says went wrong, and the body, unless its sentence and its field are given; None for 2xx."""
        if self.ok:
            return None
        text, field = self.text() if text is None else text, field or self.field()
        error = error_for(self.status, text, retry_after=self.retry_after(), field=field, reference=reference)
        if self.maybe_taken:
            error.failure = error.failure.model_copy(update={"unaccepted": False})
        return error

    def _body_seconds(self) -> float | None:
        if wait := self.maybe(Wait):
            return wait.retry_after
        told = self.body[:LONGEST_TEXT].decode(errors="replace")
        match = RETRY_DELAY.search(told) or TRY_AGAIN.search(self.text())
        return float(match[1]) if match else None


async def decoded(text: str) -> bytes:
    """As `decode_picture`, which takes a thread where there is much to decode."""
    return decode_picture(text) if len(text) <= LONGEST_AT_ONCE else await asyncio.to_thread(decode_picture, text)


def decode_picture(text: str) -> bytes:
    """The image in base64: with or without a data: prefix, white space and padding, either alphabet; BadResponse."""
    if len(text) > MAX_PICTURE * 3 // 2:
        raise BadResponse("base64 larger than the cap")
    text = text.strip()
    if text[:5].lower() == "data:":
        text = text.partition(",")[2]
    try:
        data = pybase64.b64decode(text, validate=True)
    except ValueError:
        data = _unusual_base64(text)
    if kind_of(data) is None:
        raise BadResponse("base64 that holds no image")
    return data


def _unusual_base64(text: str) -> bytes:
    """In pieces: what replaces signs in all of it at once lets nobody else have a turn."""
    try:
        data, size = text.encode("ascii"), LONGEST_AT_ONCE
        pieces = (data[at : at + size].translate(OTHER_ALPHABET, BLANKS) for at in range(0, len(data), size))
        plain = b"".join(pieces).rstrip(b"=")
        return pybase64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except ValueError:
        raise BadResponse("broken base64") from None


def tidy(text: str) -> str:
    """A sentence from outside on one line, without tags, links and control characters, cut short."""
    text = TAG.sub(" ", unescape(text[:LONGEST_TEXT]))
    text = LINK.sub("(link)", "".join(each if each.isprintable() else " " for each in text))
    return " ".join(text.split())[:DETAIL_LENGTH]


def _header_seconds(headers: Mapping[str, str]) -> float | None:
    try:
        if text := headers.get("retry-after-ms"):
            return float(text) / 1000
        if text := headers.get("Retry-After"):
            return float(text) if text.replace(".", "", 1).isdigit() else _seconds_until(text, headers.get("Date"))
    except (ValueError, OverflowError):
        pass
    return None


def _seconds_until(text: str, now: str | None) -> float:
    """By the server's own clock where it tells the time: this machine's may be wrong."""
    told = _moment(now) if now else datetime.now(UTC)
    return (_moment(text) - told).total_seconds()


def _moment(text: str) -> datetime:
    moment = parsedate_to_datetime(text)
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def _message(body: Any) -> str:
    """The first sentence found, in the order in which APIs tend to put them."""
    if isinstance(body, str):
        return body
    if isinstance(body, list):
        return "; ".join(filter(None, map(_message, cast("list[Any]", body)[:5])))
    if not isinstance(body, dict):
        return ""
    fields = cast("dict[str, Any]", body)
    if isinstance(fields.get("msg"), str):
        return ": ".join(filter(None, (_location(fields), fields["msg"])))
    for name in ("error", "detail", "message", "errors", "title"):
        if found := _message(fields.get(name)):
            return found
    return _by_field(fields.get("errors"))


def _by_field(errors: Any) -> str:
    """Sentences below the names of the fields that they blame."""
    fields = cast("dict[str, Any]", errors) if isinstance(errors, dict) else {}
    told = {name: _message(value) for name, value in list(fields.items())[:5]}
    return "; ".join(f"{name}: {sentence}" for name, sentence in told.items() if sentence)


def _location(fields: dict[str, Any]) -> str:
    where: Any = fields.get("loc")
    return str(cast("list[Any]", where)[-1]) if isinstance(where, list) and where else ""
