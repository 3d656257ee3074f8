"""Reading what these servers answer: pictures, lists of models, and errors in OpenAI's words."""

from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple, cast

from pydantic import Field, TypeAdapter, model_validator

from domain import Acceptance, AuthError, ContentRejected, InvalidRequest, Provided, QuotaError, RateLimited
from domain.numbers import Place
from providers.http.answers import Answer
from providers.http.encoding import is_embedded
from providers.http.failures import POLICY, failure_for, our_field
from providers.http.failures import Told as Known
from providers.http.lenient import TRIFLE, Reply
from providers.http.sentences import tidy
from providers.kit.listed import Bounded
from providers.kit.shapes import is_link, pictures_in

CODES: dict[str, type[Provided]] = {
    "moderation_blocked": ContentRejected,
    "content_policy_violation": ContentRejected,
    "billing_hard_limit_reached": QuotaError,
    "insufficient_quota": QuotaError,
    "rate_limit_exceeded": RateLimited,
    "invalid_api_key": AuthError,
    "model_not_found": InvalidRequest,
}
"""Codes and types of errors; they say more than the status, which is 400 or 429 for most of them."""


class Item(Reply):
    b64_json: str = ""
    url: str = ""
    index: Place = None
    respect_moderation: Annotated[bool | None, TRIFLE] = None

    @property
    def picture(self) -> str:
        """Base64, or a link; empty where it was held back."""
        return self.b64_json.strip() or self.url.strip()

    @property
    def link(self) -> str:
        """Where the picture has yet to be fetched from."""
        is_here = is_embedded(self.picture) or (self.b64_json.strip() and not is_link(self.picture))
        return "" if is_here else self.picture


class Result(Reply):
    data: Annotated[list[Any] | None, TRIFLE] = None


ITEM = TypeAdapter(Annotated[Item | None, TRIFLE])


def items_of(answer: Answer) -> list[Item] | None:
    """The pictures where OpenAI puts them; else wherever the answer has them."""
    data = answer.parse(Result).data
    items = [item for entry in data or () for item in items_in(entry)]
    if any(item.picture for item in items):
        return items
    return [Item(url=each) for each in pictures_in(answer.data())] or (None if data is None else items)


def items_in(entry: Any) -> list[Item]:
    """An entry of `data`, or the end of a stream, where other servers have other names, or the picture alone."""
    item = ITEM.validate_python(entry)
    if item and item.picture:
        return [item]
    found = [(item or Item()).model_copy(update={"url": each}) for each in pictures_in(entry)]
    return found or ([item] if item else [])


class Blocked(Reply):
    categories: tuple[str, ...] = ()
    moderation_stage: str = ""

    def __str__(self) -> str:
        return tidy(", ".join(filter(None, (*self.categories, self.moderation_stage))))


CONTENT = ("prompt", "image", "mask")
"""What a filter looks at; other parameters may have names that sound like one."""


class Told(Reply):
    message: str | None = None
    sort: str | None = Field(default=None, validation_alias="type")
    param: str | None = None
    code: str | int | None = None
    moderation_details: Annotated[Blocked | None, TRIFLE] = None

    @property
    def kind(self) -> type[Provided] | None:
        return CODES.get(str(self.code)) or CODES.get(self.sort or "")

    @property
    def option(self) -> str | None:
        """Our word for the parameter that is blamed."""
        return our_field([(self.param or "").partition("[")[0]])


class Refusal(Reply):
    error: Told | str | None = None
    message: str | None = None


class Listed(Reply):
    id: str
    shutdown_date: Any = None
    type: Any = None


class ModelList(Reply):
    data: Bounded[Listed]

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        """Together's list stands alone."""
        return {"data": cast("list[Any]", value)} if isinstance(value, list) else value


class _Read(NamedTuple):
    told: Told
    text: str


def error_of(answer: Answer) -> Provided | None:
    """What went wrong, told by its code first; None for 2xx."""
    if answer.ok:
        return None
    told, text = _read(answer)
    reference = tidy(answer.headers.get("x-request-id", ""))[:80] or None
    known = Known(detail=str(answer.status), said=text, reference=reference)
    if kind := told.kind:
        return _coded(kind, known, told, answer)
    is_about_content = told.option in CONTENT and POLICY.search(text)
    if answer.status in (400, 422) and told.param and not is_about_content:
        return InvalidRequest(**known, option=told.option)
    return answer.error(text, reference=reference)


def _coded(kind: type[Provided], known: Known, told: Told, answer: Answer) -> Provided:
    if kind is InvalidRequest:
        return InvalidRequest(**known, option="model" if told.code == "model_not_found" else told.option)
    if kind is ContentRejected:
        return ContentRejected(**known)
    error = RateLimited(**known, retry_after=answer.retry_after()) if kind is RateLimited else kind(**known)
    error.taken = Acceptance.NOT_TAKEN
    return error


def failure_of(answer: Answer) -> Provided | None:
    """The error in a body that came under HTTP 200, or in a stream; None where it tells of none."""
    told, text = _read(answer)
    if told.kind:
        return told.kind(said=text)
    return failure_for(text) if text else None


def is_over(date: Any) -> bool:
    """Whether the day has come from which a model is no more; what is no date says nothing."""
    try:
        moment = datetime.fromisoformat(date) if isinstance(date, str) else datetime.fromtimestamp(date, UTC)
        return moment.replace(tzinfo=moment.tzinfo or UTC) <= datetime.now(UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return False


def _read(answer: Answer) -> _Read:
    text = answer.text()
    refusal = answer.maybe(Refusal) or Refusal()
    if isinstance(refusal.error, Told):
        why = refusal.error.moderation_details
        return _Read(refusal.error, f"{text} ({why})" if why and str(why) else text)
    if refusal.error and refusal.message:  # stable-diffusion.cpp: a word, and the sentence beside it
        text = f"{text}: {tidy(refusal.message)}"
    return _Read(Told(), text)
