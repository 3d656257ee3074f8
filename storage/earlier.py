"""Rows of earlier versions, read as today's."""

from collections.abc import Mapping
from typing import Any

ROOMS = {"uploads": "turns", "share": "member's share", "room": "quota", "disk": "disk"}
FLAWS = {"bytes": "too long", "status": "withheld"}


def readable(row: dict[str, Any]) -> dict[str, Any]:
    """A job's row with its notes and its failure as they are kept today.

    Until November 2026 notes were sentences, and all failures had the same fields.
    """
    return {**row, "notes": [_note(note) for note in row["notes"]], "failure": _failure(row["failure"])}


def kind_of(failure: Mapping[str, Any]) -> str:
    """The kind of a failure, as it is called today."""
    return _renewed(failure)["kind"] if _is_old(failure) else failure["kind"]


def _note(note: Any) -> Any:
    return {"kind": "earlier", "text": note} if isinstance(note, str) else note


def _failure(failure: Any) -> Any:
    return _renewed(failure) if failure is not None and _is_old(failure) else failure


def _is_old(failure: Mapping[str, Any]) -> bool:
    return "unaccepted" in failure


def _renewed(old: Mapping[str, Any]) -> dict[str, Any]:
    """With fields of its own. Whether it was accepted is unknown, unless the row says that it surely was not."""
    match old["kind"]:
        case "Unavailable" | "Timeout" | "RateLimited" | "QuotaError" | "AuthError":
            return _outage(old)
        case "BadResponse":
            is_gone = old["field"] == "pictures"
            return _kept(old, "PicturesGone") if is_gone else _told(old, flaw=FLAWS.get(old["field"]))
        case "ContentRejected":
            return _rejected(old)
        case "InvalidRequest":
            return _kept(old, "UploadGone") if old["field"] == "upload" else _told(old, option=old["field"])
        case "QueueFull":
            return _full(old)
        case "Interrupted" | "Cancelled":
            return _kept(old, old["kind"])
        case _:
            return _kept(old, "Unexpected")


def _outage(old: Mapping[str, Any]) -> dict[str, Any]:
    cause, retry_after = old["kind"], old["retry_after"]
    if old["field"] == "pause":
        return _kept(old, "Paused", cause=cause, retry_after=retry_after)
    if old["field"] == "outage":
        return _kept(old, "Down", cause=cause, retry_after=retry_after, since=float(old["takes"]))
    told = _told(old, retry_after=retry_after, blames_model=old["answered"])
    return told | {"option": old["field"]} if cause == "Unavailable" else told


def _rejected(old: Mapping[str, Any]) -> dict[str, Any]:
    if old["field"] == "member":
        return _kept(old, "HeldBack", provider=old["subject"] or "", seconds=float(old["takes"]) * 60)
    return _told(old, counts_against_member=old["field"] == "prompt")


def _full(old: Mapping[str, Any]) -> dict[str, Any]:
    if old["field"] in ROOMS:
        return _kept(old, "NoRoom", room=ROOMS[old["field"]])
    return _kept(old, "QueueFull", whose=old["field"], limit=int(old["takes"]))


def _kept(old: Mapping[str, Any], kind: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "detail": old["detail"], **fields}


def _told(old: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """A provider's own error: its detail was a status, and behind it the provider's words, or words of ours."""
    status, _, said = old["detail"].partition(": ")
    if not (status.isdigit() and len(status) == 3):
        status, said = "", old["detail"]
    # A word alone is the name of an exception.
    detail, said = (status, said) if " " in said or status else (old["detail"], "")
    taken = "not taken" if old["unaccepted"] else "unknown"
    told = {"kind": old["kind"], "detail": detail, "said": said, "reference": old["reference"], "taken": taken}
    return told | fields
