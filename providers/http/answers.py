"""One HTTP response: its JSON, image, error message and Retry-After, in any of the forms that APIs use."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from math import isnan
from typing import Any, Self, TypeVar, cast

from pydantic import BaseModel, ValidationError

from domain import Acceptance, BadResponse, ProviderFailure
from domain.characters import without_controls
from domain.kinds import kind_of
from providers.http.failures import ErrorDetails, error_for, option_of_field
from providers.http.parsing import MIN_THREAD_BYTES, JSONTooLarge, Reply, read_json
from providers.http.redaction import ESCAPE_MARKS, LONG_TEXT, NO_SECRETS, Redactor, unescape_html

MAX_ESCAPES_AT_ONCE = 2000
"""Escapes in a long body that are decoded on the event loop, in the search for secrets; more go to a thread."""
RETRY_AFTER_RANGE = (1.0, 600.0)
"""Range, in seconds, that Retry-After is clamped to."""
MAX_POLL_PAUSE = 120.0
"""Longest pause, in seconds, before the next attempt or poll, whatever Retry-After says."""
TRY_AGAIN = re.compile(r"(?:try again|resets?) in ~?(\d+(?:\.\d+)?) ?s(?:ec|\b)", re.IGNORECASE)
RETRY_DELAY = re.compile(r'"retryDelay"\s*:\s*"(\d{1,6}(?:\.\d{1,9})?)s"')
"""The delay in Google's `RetryInfo` (google.rpc)."""
MAX_SENTENCE = 300
MAX_ERROR_TEXT = 6000
"""Characters of a message that are cleaned: the patterns take quadratic time."""
TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
LINK = re.compile(r"(?:https?|file)://\S+", re.IGNORECASE)
_ROOT = r"(?:~?/|[A-Za-z]:[\\/]|\\\\)"
_NAME = r"[^\s\\/'\"<>|]+(?: [^\s\\/'\"<>|]+){0,3}"
LOCAL_PATH = re.compile(
    rf"(?<=['\"]){_ROOT}(?:[^'\"\\/]+[\\/]+)+[^'\"]*|(?<![\w.:/\\~-]){_ROOT}(?:{_NAME}[\\/]+)+[^\s\\/'\"<>|,;:)]*"
)
"""An absolute path on POSIX or Windows, or on a Windows share; in quotes up to the closing one."""

Parsed = TypeVar("Parsed", bound=BaseModel)


class RetryAfterBody(Reply):
    retry_after: float


class FieldDetail(BaseModel):
    loc: list[str | int]


class FieldDetails(BaseModel):
    detail: list[FieldDetail]

    @property
    def blamed(self) -> list[str]:
        """Field names, innermost first; `loc` may end with a list index or a type."""
        return [str(name) for detail in self.detail for name in reversed(detail.loc)]


class FieldErrors(BaseModel):
    errors: dict[str, Any]

    @property
    def blamed(self) -> list[str]:
        return [name for path in self.errors for name in reversed(path.split("."))]


@dataclass(frozen=True)
class Answer:
    """One HTTP response with its whole body. Content-Type is ignored; JSON is parsed once and cached.

    No secret is in its headers, its JSON, or the texts that its methods return. The body is as it came, except that a
    long one lacks the secrets that are in it as they are.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    taken: Acceptance | None = None
    """Whether the call may have been accepted, where earlier attempts say more than this response's status."""
    redactor: Redactor = NO_SECRETS
    """Strikes the secrets of the call."""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def is_picture(self) -> bool:
        return kind_of(self.body) is not None

    async def parse_in_thread(self) -> Self:
        """Return self after parsing a JSON body in a thread, if that takes long."""
        if (len(self.body) > MIN_THREAD_BYTES or self._has_many_escapes()) and not self.is_picture():
            await asyncio.to_thread(lambda: self._read)
        return self

    def _has_many_escapes(self) -> bool:
        """Searches instead of counting, which is a hundred times slower in base64, where there are none."""
        if len(self.body) <= LONG_TEXT:
            return False
        left = MAX_ESCAPES_AT_ONCE + 1
        for mark in map(str.encode, ESCAPE_MARKS):
            at = -1
            while left and (at := self.body.find(mark, at + 1)) >= 0:
                left -= 1
        return left == 0

    def data(self) -> Any:
        """The body's JSON; raises BadResponse where there is none, or where it has too many values."""
        if (why := self._read[1]) is not None:
            raise BadResponse(f"HTTP {self.status} {why}, {len(self.body)} bytes")
        return self._read[0]

    @cached_property
    def _read(self) -> tuple[Any, str | None]:
        """The JSON, or why it could not be parsed."""
        try:
            return self.redactor.strike_json(read_json(self.body)), None
        except JSONTooLarge:
            return None, "with too many values in its JSON"
        except (ValueError, RecursionError):
            return None, "without JSON"

    def parse(self, kind: type[Parsed]) -> Parsed:
        """The JSON as a pydantic model; raises BadResponse where it does not validate."""
        try:
            return kind.model_validate(self.data())
        except ValidationError as error:
            where = ", ".join(".".join(map(str, each["loc"])) or "body" for each in error.errors()[:3])
            raise BadResponse(f"HTTP {self.status} with unexpected JSON at {where}") from None

    def parse_or_none(self, kind: type[Parsed]) -> Parsed | None:
        """Like `parse`, but None where the body does not validate."""
        try:
            return self.parse(kind)
        except BadResponse:
            return None

    def error_text(self) -> str:
        """The message of an error body, in any known shape; empty where there is none."""
        try:
            return one_line(error_sentence(self.data()))
        except BadResponse:
            return ""

    def error_details(self) -> ErrorDetails:
        """Fields that every error of this response gets."""
        return ErrorDetails(detail=str(self.status), said=self.error_text(), reference=None)

    def retry_after(self) -> float | None:
        """Seconds to wait, from a header, a JSON field or the message; clamped to 1 to 600."""
        seconds = _header_seconds(self.headers)
        if seconds is None:
            seconds = self._body_seconds()
        return (
            None if seconds is None or isnan(seconds) else min(max(seconds, RETRY_AFTER_RANGE[0]), RETRY_AFTER_RANGE[1])
        )

    def blamed_option(self) -> str | None:
        """The option of `ImageRequest` that a FastAPI-style `detail` list, or an `errors` object, names first."""
        for kind in (FieldDetails, FieldErrors):
            if details := self.parse_or_none(kind):
                return option_of_field(details.blamed)
        return None

    def raise_for_status(self) -> Self:
        """Return self for 2xx; raise the error that the status stands for otherwise."""
        if error := self.error():
            raise error
        return self

    def error(
        self, said: str | None = None, *, option: str | None = None, reference: str | None = None
    ) -> ProviderFailure | None:
        """The error that status and body stand for; None for 2xx.

        said, option: override the message and the blamed option found in the body.
        """
        if self.ok:
            return None
        said, option = self.error_text() if said is None else said, option or self.blamed_option()
        error = error_for(self.status, said, retry_after=self.retry_after(), option=option, reference=reference)
        error.taken = self.taken or error.taken
        return error

    def _body_seconds(self) -> float | None:
        if wait := self.parse_or_none(RetryAfterBody):
            return wait.retry_after
        beginning = self.body[:MAX_ERROR_TEXT].decode(errors="replace")
        match = RETRY_DELAY.search(beginning) or TRY_AGAIN.search(self.error_text())
        return float(match[1]) if match else None


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
    """Relative to the response's Date header where there is one: local clocks may be wrong."""
    sent = _moment(now) if now else datetime.now(UTC)
    return (_moment(text) - sent).total_seconds()


def _moment(text: str) -> datetime:
    moment = parsedate_to_datetime(text)
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def one_line(text: str) -> str:
    """Untrusted text on one line, without tags, links, paths of a machine and control characters, truncated."""
    text = TAG.sub(" ", unescape_html(text[:MAX_ERROR_TEXT]))
    text = LINK.sub("(link)", without_controls(text))
    return " ".join(LOCAL_PATH.sub("(path)", text).split())[:MAX_SENTENCE]


def error_sentence(body: Any) -> str:
    """The first message in an error's JSON, looked for in the fields that APIs use."""
    if isinstance(body, str):
        return body
    if isinstance(body, list):
        return "; ".join(filter(None, map(error_sentence, cast("list[Any]", body)[:5])))
    if not isinstance(body, dict):
        return ""
    fields = cast("dict[str, Any]", body)
    if isinstance(fields.get("msg"), str):
        return ": ".join(filter(None, (_location(fields), fields["msg"])))
    for name in ("error", "detail", "message", "errors", "title"):
        if found := error_sentence(fields.get(name)):
            return found
    return _by_field(fields.get("errors"))


def _by_field(errors: Any) -> str:
    """Messages of an object keyed by field names."""
    fields = cast("dict[str, Any]", errors) if isinstance(errors, dict) else {}
    sentences = {name: error_sentence(value) for name, value in list(fields.items())[:5]}
    return "; ".join(f"{name}: {sentence}" for name, sentence in sentences.items() if sentence)


def _location(fields: dict[str, Any]) -> str:
    where: Any = fields.get("loc")
    return str(cast("list[Any]", where)[-1]) if isinstance(where, list) and where else ""
