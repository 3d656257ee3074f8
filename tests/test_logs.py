# pyright: basic
"""No secret reaches a log line, as an argument, in a URL or in a traceback."""

import json
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs import REDACTED, Formatter, set_up_logging, visible
from tests import spellings
from tests.spellings import SPELLINGS, shows

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


def line(message: object, *args: object, error: BaseException | None = None, as_json: bool = False) -> str:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("easel", logging.INFO, __file__, 1, message, args, info)
    return Formatter([KEY, LONGER, ""], as_json=as_json).format(record)


def raised(text: str) -> BaseException:
    try:
        try:
            raise OSError(text)
        except OSError as first:
            raise ValueError("outer") from first
    except ValueError:
        return sys.exc_info()[1] or AssertionError()


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("secret", SECRET, ids=SECRET.values())
def test_a_secret_is_redacted(secret, as_json):
    lines = [
        line(f"before {secret} after", as_json=as_json),
        line("before %s after", secret, as_json=as_json),
        line("before %r after", [secret], as_json=as_json),
        line("before after", error=raised(secret), as_json=as_json),
    ]
    for each in lines:
        assert REDACTED in each
        assert [word for word in ("canary", "y0c", "and-more", "aW50") if word in each] == []
        assert [word for word in ("before", "after") if word not in each] == []


@given(st.text())
def test_json_is_one_line_that_parses(text):
    told = line(text, error=raised(text), as_json=True)
    assert "\n" not in told
    fields = json.loads(told)
    assert (fields["level"], fields["name"]) == ("INFO", "easel")
    assert "ValueError: outer" in fields["trace"]


def test_text_says_when_how_and_who():
    moment, *rest = line("a line").split()
    assert moment.endswith("+00:00")
    assert rest == ["INFO", "easel:", "a", "line"]


def test_discord_never_logs_bodies(loggers, capsys):
    set_up_logging("DEBUG", [KEY], as_json=False)
    logging.getLogger("discord.http").debug("a body")
    logging.getLogger("pgqueuer").info("a job")
    logging.getLogger("PIL.TiffImagePlugin").debug("tag: GPSLatitude (2) - value: 48.1")
    logging.getLogger("easel").debug("ours, %s", KEY)
    assert capsys.readouterr().err.splitlines()[0].endswith("ours, ***")


UNSEEN = "a\rb\x1b[31mc\u2028d\u202ee\u0085f\ud800g\nh"


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_what_controls_a_terminal_is_shown_as_an_escape(as_json):
    told = line("%s", UNSEEN, as_json=as_json)
    text = json.loads(told)["message"] if as_json else told
    assert text.endswith(r"a\rb\x1b[31mc\u2028d\u202ee\x85f\ud800g\nh")
    with_trace = line("before", error=raised(UNSEEN), as_json=as_json)
    assert not any(each in with_trace for each in UNSEEN if not each.isprintable() and each != "\n")


@pytest.mark.parametrize("text", ["a picture of München 🏔️ 東京", "\\ %s {x}"])
def test_other_text_stays(text):
    assert visible(text) == text


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_a_secret_is_logged(spelling, as_json):
    record = logging.LogRecord("easel", logging.INFO, __file__, 1, "%s", (SPELLINGS[spelling](spellings.SECRET),), None)
    told = Formatter([spellings.SECRET], as_json=as_json).format(record)
    assert "***" in told
    assert not shows(told)
