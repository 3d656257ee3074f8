"""What AI Horde's error codes mean; its HTTP status alone would mislead."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from domain import (
    Acceptance,
    AuthError,
    ContentRejected,
    InvalidRequest,
    Provided,
    QuotaError,
    RateLimited,
    Timeout,
    Unavailable,
)
from providers.http.answers import Answer
from providers.http.failures import ErrorDetails
from providers.http.lenient import Reply
from providers.http.sentences import one_line

BLAMED: Mapping[str, str] = {
    "InvalidSize": "size",
    "TooManySteps": "steps",
    "UnsupportedSampler": "scheduler",
    "UnsupportedModel": "model",
    "BadCFGDecimals": "guidance_scale",
    "ImageValidationFailed": "image",
    "InpaintingMissingMask": "mask",
    "SourceImage": "image",
}
"""How the codes of invalid requests begin, and our words for what is wrong."""
SECONDS = re.compile(r"for (\d{1,7})(?:\.\d+)? more second", re.IGNORECASE)


class Refusal(Reply):
    rc: str | None = None
    errors: dict[str, Any] | None = None


def code_of(answer: Answer) -> str:
    """The API's own code of an error; empty where there is none."""
    return _refusal(answer).rc or ""


def checked(answer: Answer) -> Answer:
    """The answer itself; else its error."""
    if error := error_of(answer):
        raise error
    return answer


def polled(answer: Answer) -> Answer:
    """The answer to a poll; where its code says that asking again may help, its status is made to say so, too."""
    error = error_of(answer)
    if not isinstance(error, (RateLimited, Unavailable)):
        return answer
    seconds = error.retry_after
    return replace(answer, status=503, headers={} if seconds is None else {"Retry-After": f"{seconds:.0f}"})


def error_of(answer: Answer) -> Provided | None:
    """What the code of an error means, or its status where it has none; None for 2xx."""
    usual = answer.error()
    if usual is None:
        return None
    code, text = code_of(answer), answer.text()
    blamed = next((field for start, field in BLAMED.items() if code.startswith(start)), None)
    told = ErrorDetails(detail=code, said=text, reference=None)
    if blamed:
        return InvalidRequest(**told, option=blamed)
    return _coded(code, told, _seconds(answer, text)) or _validation(answer) or usual


def _coded(code: str, told: ErrorDetails, retry_after: float | None) -> Provided | None:
    not_taken = Acceptance.NOT_TAKEN
    match code:
        case "InvalidAPIKey" | "BannedClientAgent":
            return AuthError(**told, taken=not_taken, retry_after=retry_after)
        case "KudosUpfront" | "SharedKeyEmpty" | "SharedKeyInsufficientKudos":
            return QuotaError(**told, taken=not_taken, retry_after=retry_after)
        case "TooManyPrompts" | "TimeoutIP":
            return RateLimited(**told, taken=not_taken, retry_after=retry_after)
        case "CorruptPrompt":
            return ContentRejected(**told, counts_against_member=True)
        case "MaintenanceMode" | "NoValidWorkers":
            option = "model" if code == "NoValidWorkers" else None
            return Unavailable(**told, taken=not_taken, retry_after=retry_after, option=option)
        case "TooManyLoras":
            return InvalidRequest(**told, taken=not_taken)
        case "RequestNotFound" | "RequestExpired":
            return Timeout(**told, taken=not_taken, retry_after=retry_after)
        case _:
            return None


def _refusal(answer: Answer) -> Refusal:
    refusal = None if answer.status < 300 else answer.maybe(Refusal)
    return refusal or Refusal()


def _seconds(answer: Answer, text: str) -> float | None:
    found = SECONDS.search(text)
    return float(found[1]) if found else answer.retry_after()


def _validation(answer: Answer) -> InvalidRequest | None:
    """`{"errors": {"params.width": "…"}}`, which has no code."""
    errors = _refusal(answer).errors or {}
    if answer.status != 400 or not errors:
        return None
    sentence = one_line("; ".join(f"{path}: {text}" for path, text in errors.items()))
    return InvalidRequest("400", said=sentence, option=answer.option())
