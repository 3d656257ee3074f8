"""Maps AI Horde's error codes to errors, because its HTTP statuses are misleading."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from domain import (
    Acceptance,
    AuthError,
    ContentRejected,
    InvalidRequest,
    ProviderFailure,
    QuotaError,
    RateLimited,
    Timeout,
    Unavailable,
)
from providers.http.answers import Answer, one_line
from providers.http.failures import ErrorDetails
from providers.http.parsing import Reply

OPTION_BY_CODE: Mapping[str, str] = {
    "InvalidSize": "size",
    "TooManySteps": "steps",
    "UnsupportedSampler": "scheduler",
    "UnsupportedModel": "model",
    "BadCFGDecimals": "guidance_scale",
    "ImageValidationFailed": "image",
    "InpaintingMissingMask": "mask",
    "SourceImage": "image",
}
"""The option to blame, by the prefix of an error code."""
TIMEOUT_SECONDS = re.compile(r"for (\d{1,7})(?:\.\d+)? more second", re.IGNORECASE)


class Refusal(Reply):
    rc: str | None = None
    errors: dict[str, Any] | None = None


def code_of(answer: Answer) -> str:
    """The API's own code of an error; empty where there is none."""
    return _refusal(answer).rc or ""


def checked(answer: Answer) -> Answer:
    """Return the response, or raise its error."""
    if error := error_of(answer):
        raise error
    return answer


def as_poll_answer(answer: Answer) -> Answer:
    """The response to a poll, with status 503 where its code is retryable."""
    error = error_of(answer)
    if not isinstance(error, (RateLimited, Unavailable)):
        return answer
    seconds = error.retry_after
    return replace(answer, status=503, headers={} if seconds is None else {"Retry-After": f"{seconds:.0f}"})


def error_of(answer: Answer) -> ProviderFailure | None:
    """The error by its code, else by its status; None for 2xx."""
    by_status = answer.error()
    if by_status is None:
        return None
    code, text = code_of(answer), answer.error_text()
    blamed = next((field for prefix, field in OPTION_BY_CODE.items() if code.startswith(prefix)), None)
    details = ErrorDetails(detail=code, said=text, reference=None)
    if blamed:
        return InvalidRequest(**details, option=blamed)
    return _error_by_code(code, details, _seconds(answer, text)) or _validation_error(answer) or by_status


def _error_by_code(code: str, details: ErrorDetails, retry_after: float | None) -> ProviderFailure | None:
    not_taken = Acceptance.NOT_TAKEN
    match code:
        # In raids it serves no address that hides its owner: the host's matter, like a key.
        case "InvalidAPIKey" | "BannedClientAgent" | "UntrustedUnsafeIP":
            return AuthError(**details, taken=not_taken, retry_after=retry_after)
        case "KudosUpfront" | "SharedKeyEmpty" | "SharedKeyInsufficientKudos":
            return QuotaError(**details, taken=not_taken, retry_after=retry_after)
        case "TooManyPrompts" | "TimeoutIP":
            return RateLimited(**details, taken=not_taken, retry_after=retry_after)
        case "CorruptPrompt":
            return ContentRejected(**details, counts_against_member=True)
        case "MaintenanceMode" | "NoValidWorkers":
            option = "model" if code == "NoValidWorkers" else None
            return Unavailable(**details, taken=not_taken, retry_after=retry_after, option=option)
        case "TooManyLoras":
            return InvalidRequest(**details, taken=not_taken)
        case "RequestNotFound" | "RequestExpired":
            return Timeout(**details, taken=not_taken, retry_after=retry_after)
        case _:
            return None


def _refusal(answer: Answer) -> Refusal:
    refusal = None if answer.status < 300 else answer.parse_or_none(Refusal)
    return refusal or Refusal()


def _seconds(answer: Answer, text: str) -> float | None:
    found = TIMEOUT_SECONDS.search(text)
    return float(found[1]) if found else answer.retry_after()


def _validation_error(answer: Answer) -> InvalidRequest | None:
    """`{"errors": {"params.width": "…"}}`, which has no code."""
    errors = _refusal(answer).errors or {}
    if answer.status != 400 or not errors:
        return None
    sentence = one_line("; ".join(f"{path}: {text}" for path, text in errors.items()))
    return InvalidRequest("400", said=sentence, option=answer.blamed_option())
