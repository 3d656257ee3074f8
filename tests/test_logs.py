# pyright: basic
"""No secret reaches a log line, whichever way it comes."""

import json
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs import STRUCK, Formatter, set_up_logging

KEY, LONGER = "canary-key-123", "canary-key-123-and-more"
TOKEN = "MTA4MDk4NzY1NDMyMTA5ODc2.GcanaR.y0canary0canary0canary0canary0canary0"
INTERACTION = "aW50ZXJhY3Rpb246Y2FuYXJ5.canary-token_1"
SECRET = {
    KEY: "known",
    LONGER: "known, and begins with another",
    TOKEN: "of a bot",
    f"https://discord.com/api/v10/webhooks/123/{INTERACTION}/messages/@original": "of a webhook",
    f"/webhooks/123/{INTERACTION}": "of a webhook, at the end of its path",
    f"POST https://discord.com/api/v10/interactions/77/{INTERACTION}/callback?with_response=1": "of an interaction",
    "{'Authorization': 'Bearer canary-bearer'}": "of a bearer",
    '"authorization: bearer canary-bearer"': "of a bearer, in lower case",
}


@pytest.fixture
def format_line(request):
    formatter = Formatter([KEY, LONGER, ""], as_json=request.param)

    def line(message: object, *args: object, error: BaseException | None = None) -> str:
        info = (type(error), error, error.__traceback__) if error else None
        return formatter.format(logging.LogRecord("easel", logging.INFO, __file__, 1, message, args, info))

    return line


def raised(text: str) -> BaseException:
    try:
        try:
            raise OSError(text)
        except OSError as first:
            raise ValueError("outer") from first
    except ValueError:
        return sys.exc_info()[1] or AssertionError()


@pytest.mark.parametrize("format_line", [False, True], indirect=True, ids=["text", "json"])
@pytest.mark.parametrize("secret", SECRET, ids=SECRET.values())
def test_a_secret_is_struck(format_line, secret):
    lines = [
        format_line(f"before {secret} after"),
        format_line("before %s after", secret),
        format_line("before %r after", [secret]),
        format_line("before after", error=raised(secret)),
    ]
    for line in lines:
        for word in ("canary", "y0c", "and-more", "aW50"):
            assert word not in line
        assert STRUCK in line
        assert "before" in line
        assert "after" in line


@pytest.mark.parametrize("format_line", [True], indirect=True)
@given(text=st.text())
def test_json_is_one_line_that_parses(format_line, text):
    line = format_line(f"{text}{{}}", error=raised(text))
    assert "\n" not in line
    fields = json.loads(line)
    assert (fields["level"], fields["name"]) == ("INFO", "easel")
    assert "ValueError: outer" in fields["trace"]


@pytest.mark.parametrize("format_line", [False], indirect=True)
def test_text_says_when_how_and_who(format_line):
    moment, level, name, message = format_line("a line").split()[:4]
    assert moment.endswith("+00:00")
    assert (level, name, message) == ("INFO", "easel:", "a")


@pytest.fixture
def loggers():
    """Puts back what setting up changes for the whole process."""
    touched = [logging.getLogger(), *map(logging.getLogger, ("discord", "pgqueuer", "alembic", "aiosqlite"))]
    before = [(each, each.level, each.handlers[:]) for each in touched]
    touched[0].handlers[:] = []
    yield
    for each, level, handlers in before:
        each.setLevel(level)
        each.handlers[:] = handlers


def test_discord_never_logs_bodies(loggers, capsys):
    set_up_logging("DEBUG", [KEY], as_json=False)
    logging.getLogger("discord.http").debug("a body")
    logging.getLogger("pgqueuer").info("a job")
    logging.getLogger("easel").debug("ours, %s", KEY)
    assert capsys.readouterr().err.splitlines()[0].endswith("ours, ***")
