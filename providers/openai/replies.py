"""Parses responses: pictures, lists of models, and errors with OpenAI's codes."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, NamedTuple, cast

from pydantic import Field, TypeAdapter, model_validator

from domain import Acceptance, AuthError, ContentRejected, InvalidRequest, ProviderFailure, QuotaError, RateLimited
from domain.frozen import CopyMethod
from domain.numbers import Place
from providers.http.answers import Answer, one_line
from providers.http.encoding import is_inline_picture
from providers.http.failures import MODERATION_WORDS, ErrorDetails, failure_for, is_key_refusal, option_of_field
from providers.http.parsing import NONE_IF_INVALID, Reply
from providers.kit.model_lists import BoundedList
from providers.kit.results import is_link, pictures_in

ERROR_BY_CODE: dict[str, type[ProviderFailure]] = {
    "moderation_blocked": ContentRejected,
    "content_policy_violation": ContentRejected,
    "billing_hard_limit_reached": QuotaError,
    "insufficient_quota": QuotaError,
    "rate_limit_exceeded": RateLimited,
    "invalid_api_key": AuthError,
    "model_not_found": InvalidRequest,
}
"""By code or type of an error, which is more exact than the status: that is 400 or 429 for most of them."""


class Item(Reply):
    b64_json: str = ""
    url: str = ""
    index: Place = None
    respect_moderation: Annotated[bool | None, NONE_IF_INVALID] = None
    having: ClassVar[CopyMethod] = CopyMethod()
    """A changed copy."""

    @property
    def picture(self) -> str:
        """Base64, or a link; empty where it was filtered."""
        return self.b64_json.strip() or self.url.strip()

    @property
    def link(self) -> str:
        """The link to download, unless the picture is inline."""
        is_here = is_inline_picture(self.picture) or (self.b64_json.strip() and not is_link(self.picture))
        return "" if is_here else self.picture


class Result(Reply):
    data: Annotated[list[Any] | None, NONE_IF_INVALID] = None


ITEM = TypeAdapter(Annotated[Item | None, NONE_IF_INVALID])


def items_of(answer: Answer) -> list[Item] | None:
    """The pictures in `data`, else in any other known field."""
    data = answer.parse(Result).data
    items = [item for entry in data or () for item in items_in(entry)]
    if any(item.picture for item in items):
        return items
    return [Item(url=each) for each in pictures_in(answer.data())] or (None if data is None else items)


def items_in(entry: Any) -> list[Item]:
    """The pictures in an entry of `data`, or in a stream's last event."""
    item = ITEM.validate_python(entry)
    if item and item.picture:
        return [item]
    found = [(item or Item()).having(url=each) for each in pictures_in(entry)]
    return found or ([item] if item else [])


class ModerationDetails(Reply):
    categories: tuple[str, ...] = ()
    moderation_stage: str = ""

    def __str__(self) -> str:
        return one_line(", ".join(filter(None, (*self.categories, self.moderation_stage))))


FILTERED_PARAMS = ("prompt", "image", "mask")
"""Parameters that a content filter checks; the names of others may match its words."""


class ErrorBody(Reply):
    message: str | None = None
    error_type: str | None = Field(default=None, validation_alias="type")
    param: str | None = None
    code: str | int | None = None
    moderation_details: Annotated[ModerationDetails | None, NONE_IF_INVALID] = None

    @property
    def kind(self) -> type[ProviderFailure] | None:
        return ERROR_BY_CODE.get(str(self.code)) or ERROR_BY_CODE.get(self.error_type or "")

    @property
    def option(self) -> str | None:
        """The option for `param`."""
        return option_of_field([(self.param or "").partition("[")[0]])


class Refusal(Reply):
    error: ErrorBody | str | None = None
    message: str | None = None


DRAWING_MODES = ("image_generation", "image_edit")
"""LiteLLM's modes of models that draw: of those in its model_prices_and_context_window_backup.json (1.110.2)."""


class Listed(Reply):
    id: str
    shutdown_date: Any = None
    type: Any = None


class ModelInfo(Reply):
    mode: Any = None


class Described(Reply):
    """A model in LiteLLM's /model/info (1.110.2, proxy/proxy_server.py, model_info_v1): one for each server behind it.

    The mode is that of LiteLLM's price list, unless the host's config.yaml has another in `model_info`.
    """

    model_name: str
    model_info: Annotated[ModelInfo | None, NONE_IF_INVALID] = None

    @property
    def draws(self) -> bool:
        """Whether it may draw; what it does is not always known."""
        return self.model_info is None or self.model_info.mode in (None, *DRAWING_MODES)


class Descriptions(Reply):
    data: BoundedList[Described]

    @property
    def others(self) -> set[str]:
        """Names that stand for no model that may draw."""
        return {each.model_name for each in self.data} - {each.model_name for each in self.data if each.draws}


class ModelList(Reply):
    data: BoundedList[Listed]

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        """Together's list is a bare array."""
        return {"data": cast("list[Any]", value)} if isinstance(value, list) else value


class _ErrorText(NamedTuple):
    body: ErrorBody
    text: str


def error_of(answer: Answer) -> ProviderFailure | None:
    """The error, by its code first; None for 2xx."""
    if answer.ok:
        return None
    body, text = _read(answer)
    reference = one_line(answer.headers.get("x-request-id", ""))[:80] or None
    details = ErrorDetails(detail=str(answer.status), said=text, reference=reference)
    if kind := body.kind:
        return _coded(kind, details, body, answer)
    is_about_content = body.option in FILTERED_PARAMS and MODERATION_WORDS.search(text)
    is_bad_request = answer.status in (400, 422) and not is_key_refusal(answer.status, text)
    if is_bad_request and body.param and not is_about_content:
        return InvalidRequest(**details, option=body.option)
    return answer.error(text, reference=reference)


def _coded(kind: type[ProviderFailure], details: ErrorDetails, body: ErrorBody, answer: Answer) -> ProviderFailure:
    if kind is InvalidRequest:
        return InvalidRequest(**details, option="model" if body.code == "model_not_found" else body.option)
    if kind is ContentRejected:
        return ContentRejected(**details)
    error = RateLimited(**details, retry_after=answer.retry_after()) if kind is RateLimited else kind(**details)
    error.taken = Acceptance.NOT_TAKEN
    return error


def failure_of(answer: Answer) -> ProviderFailure | None:
    """The error in a body with status 200, or in a stream; None where there is none."""
    body, text = _read(answer)
    if body.kind:
        return body.kind(said=text)
    return failure_for(text) if text else None


def is_past(date: Any) -> bool:
    """Whether a shutdown date has passed; False for anything that is no date."""
    try:
        moment = datetime.fromisoformat(date) if isinstance(date, str) else datetime.fromtimestamp(date, UTC)
        return moment.replace(tzinfo=moment.tzinfo or UTC) <= datetime.now(UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return False


def _read(answer: Answer) -> _ErrorText:
    text = answer.error_text()
    refusal = answer.parse_or_none(Refusal) or Refusal()
    if isinstance(refusal.error, ErrorBody):
        why = refusal.error.moderation_details
        return _ErrorText(refusal.error, f"{text} ({why})" if why and str(why) else text)
    if refusal.error and refusal.message:  # stable-diffusion.cpp: a code in `error`, a sentence in `message`
        text = f"{text}: {one_line(refusal.message)}"
    return _ErrorText(ErrorBody(), text)
