"""Extracts the message from an error's JSON, cleaned for people."""

import re
from html import unescape
from typing import Any, cast

MAX_SENTENCE = 300
MAX_ERROR_TEXT = 6000
"""Characters of a message that are cleaned: the patterns take quadratic time."""
TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
LINK = re.compile(r"https?://\S+", re.IGNORECASE)


def one_line(text: str) -> str:
    """Untrusted text on one line, without tags, links and control characters, truncated."""
    text = TAG.sub(" ", unescape(text[:MAX_ERROR_TEXT]))
    text = LINK.sub("(link)", "".join(each if each.isprintable() else " " for each in text))
    return " ".join(text.split())[:MAX_SENTENCE]


def error_sentence(body: Any) -> str:
    """The first message found, in the order in which APIs tend to put them."""
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
    told = {name: error_sentence(value) for name, value in list(fields.items())[:5]}
    return "; ".join(f"{name}: {sentence}" for name, sentence in told.items() if sentence)


def _location(fields: dict[str, Any]) -> str:
    where: Any = fields.get("loc")
    return str(cast("list[Any]", where)[-1]) if isinstance(where, list) and where else ""
