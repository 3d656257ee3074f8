"""Converts job rows that earlier versions wrote into today's form."""

import logging
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from domain import Job, Unexpected

log = logging.getLogger(__name__)

ROOMS = {"uploads": "turns", "share": "member's share", "room": "quota", "disk": "disk"}
FLAWS = {"bytes": "too long", "status": "withheld"}
MALFORMED = (ValueError, TypeError, AttributeError, KeyError)
"""What a row of unexpected shape raises."""
UNREADABLE_FAILURE = Unexpected("unreadable")
OLD_FIELDS: Mapping[str, Any] = {
    "kind": "",
    "detail": "",
    "field": None,
    "takes": None,
    "subject": None,
    "retry_after": None,
    "reference": None,
    "unaccepted": False,
    "answered": False,
}
"""What all failures had until November 2026; the earliest versions lacked the flags."""


def read_job(row: dict[str, Any]) -> Job | None:
    """A job from its row; None if it cannot be read, so that it does not hide the others.

    A failure that cannot be read becomes Unexpected; notes, tried providers, refusals and the price are left out.
    """
    failure = UNREADABLE_FAILURE if row["failure"] else None
    without_failure = {"notes": (), "failure": failure}
    for replaced in ({}, without_failure, without_failure | {"tried": (), "refused": None, "cost": None}):
        try:
            return Job.model_validate(upgrade_row(row | replaced))
        except (ValidationError, *MALFORMED) as error:
            log.info("job %s: an unreadable row, %s", row["id"], type(error).__name__)
    log.error("job %s: its row cannot be read", row["id"])
    return None


def upgrade_row(row: dict[str, Any]) -> dict[str, Any]:
    """A job's row with its requests, notes, failure and price in today's form.

    Until November 2026 a request had one image, notes and prices were text, and all failures had the same fields.
    """
    requests = {name: with_images(row[name]) for name in ("request", "asked") if row[name]}
    notes = [_upgrade_text(note) for note in row["notes"]]
    cost = _upgrade_text(row["cost"] or None)
    return {**row, **requests, "notes": notes, "cost": cost, "failure": _upgrade_failure(row["failure"])}


def with_images(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request with `images`; earlier versions stored a single image as `image`."""
    one = request.get("image")
    return {**request, "images": request.get("images") or ([one] if one else [])}


def failure_kind(failure: Mapping[str, Any]) -> str:
    """The kind of a stored failure, by today's name; empty if it cannot be read."""
    try:
        return _typed_failure(failure)["kind"] if _is_old(failure) else failure.get("kind", "")
    except MALFORMED:
        return ""


def _upgrade_text(value: Any) -> Any:
    """A note or a price; both were text."""
    return {"kind": "earlier", "text": value} if isinstance(value, str) else value


def _upgrade_failure(failure: Any) -> Any:
    if failure is None or isinstance(failure, Unexpected):
        return failure
    return _typed_failure(failure) if _is_old(failure) else failure


def _is_old(failure: Mapping[str, Any]) -> bool:
    return "field" in failure


def _typed_failure(failure: Mapping[str, Any]) -> dict[str, Any]:
    """With the fields of its own type; acceptance is unknown unless the row says that the request was not accepted."""
    old = {**OLD_FIELDS, **failure}
    match old["kind"]:
        case "Unavailable" | "Timeout" | "RateLimited" | "QuotaError" | "AuthError":
            return _outage_failure(old)
        case "BadResponse":
            if old["field"] == "pictures":
                return _own_failure(old, "PicturesGone")
            return _provider_failure(old, flaw=FLAWS.get(old["field"]))
        case "ContentRejected":
            return _rejection(old)
        case "InvalidRequest":
            if old["field"] == "upload":
                return _own_failure(old, "UploadGone")
            return _provider_failure(old, option=old["field"])
        case "QueueFull":
            return _queue_full(old)
        case "Interrupted" | "Cancelled":
            return _own_failure(old, old["kind"])
        case _:
            return _own_failure(old, "Unexpected")


def _outage_failure(old: Mapping[str, Any]) -> dict[str, Any]:
    cause, retry_after = old["kind"], old["retry_after"]
    if old["field"] == "pause" or (old["field"] == "outage" and not old["takes"]):
        return _own_failure(old, "Paused", cause=cause, retry_after=retry_after)
    if old["field"] == "outage":
        return _own_failure(old, "Down", cause=cause, retry_after=retry_after, since=float(old["takes"]))
    fields = _provider_failure(old, retry_after=retry_after, blames_model=old["answered"])
    return fields | {"option": old["field"]} if cause == "Unavailable" else fields


def _rejection(old: Mapping[str, Any]) -> dict[str, Any]:
    if old["field"] == "member":
        return _own_failure(old, "Suspended", provider=old["subject"] or "", seconds=float(old["takes"]) * 60)
    return _provider_failure(old, counts_against_member=old["field"] == "prompt")


def _queue_full(old: Mapping[str, Any]) -> dict[str, Any]:
    if old["field"] in ROOMS:
        return _own_failure(old, "NoRoom", room=ROOMS[old["field"]])
    return _own_failure(old, "QueueFull", whose=old["field"], limit=int(old["takes"]))


def _own_failure(old: Mapping[str, Any], kind: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "detail": old["detail"], **fields}


def _provider_failure(old: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """A provider's error, whose detail was an HTTP status and a message, the provider's or Easel's own."""
    status, _, said = old["detail"].partition(": ")
    if not (status.isdigit() and len(status) == 3):
        status, said = "", old["detail"]
    # A single word is the name of an exception.
    detail, said = (status, said) if " " in said or status else (old["detail"], "")
    taken = "not taken" if old["unaccepted"] else "unknown"
    common = {"kind": old["kind"], "detail": detail, "said": said, "reference": old["reference"], "taken": taken}
    return common | fields
