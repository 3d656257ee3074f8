"""Log lines as text or JSON, with secrets redacted."""

import json
import logging
import re
import traceback
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime

from providers.http.redaction import REDACTED, Redactor

TOKEN_PATTERNS = (
    re.compile(r"(?<=/webhooks/)\d+/[^/\s?\"']+"),
    re.compile(r"(?<=/interactions/)\d+/[^/\s?\"']+"),
    re.compile(r"(?i)(?<=bearer )[^\s\"',]+"),
    re.compile(r"\b[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}"),
)
"""Secrets that are not in the config: tokens of interactions, webhooks and bots, and bearer tokens."""
INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of control and format characters, lone surrogates, and line and paragraph separators."""
NOISY = ("alembic", "asyncio", "PIL")
"""At DEBUG, Pillow logs each tag of a picture's EXIF, such as where it was taken."""


def visible(text: str) -> str:
    """A text on one line, with the characters that would control a terminal or hide words as escapes."""
    if text.isprintable():
        return text
    return "".join(each if unicodedata.category(each) not in INVISIBLE else _escape(each) for each in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode()


class Formatter(logging.Formatter):
    """One line for each record, followed by its traceback."""

    def __init__(self, secrets: Iterable[str], *, as_json: bool) -> None:
        super().__init__()
        self._redactor = Redactor(tuple(secrets))
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        message = visible(self.redact(record.getMessage()))
        trace = self.redact("".join(traceback.format_exception(*record.exc_info))) if record.exc_info else ""
        trace = "\n".join(map(visible, trace.split("\n")))
        if self._as_json:
            fields = {"time": moment, "level": record.levelname, "name": record.name, "message": message}
            return json.dumps(fields | ({"trace": trace} if trace else {}), ensure_ascii=False)
        return f"{moment} {record.levelname:7} {record.name}: {message}" + (f"\n{trace}" if trace else "")

    def redact(self, text: str) -> str:
        text = self._redactor.strike(text)
        for pattern in TOKEN_PATTERNS:
            text = pattern.sub(REDACTED, text)
        return text


def set_up_logging(level: str, secrets: Iterable[str], *, as_json: bool) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter(secrets, as_json=as_json))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    # It logs a traceback for each statement while the database is down; studio.work.job_queue logs one line instead.
    logging.getLogger("pgqueuer").setLevel(logging.CRITICAL)
    # At DEBUG, discord.py logs bodies and URLs that contain tokens.
    logging.getLogger("discord").setLevel(max(logging.INFO, logging.getLevelNamesMapping()[level]))
