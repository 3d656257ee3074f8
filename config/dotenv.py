"""Reads .env."""

import logging
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Original, parse_stream

from config.reading import ConfigError


def read_dotenv() -> tuple[Mapping[str, str | None], list[str]]:
    """The variables in .env, and a sentence for each line that cannot be read."""
    try:
        text = Path(".env").read_text("utf-8-sig")  # some editors write a byte order mark
    except FileNotFoundError:
        return {}, []
    except UnicodeDecodeError:
        raise ConfigError(".env is no UTF-8 text: save it as UTF-8.") from None
    except OSError as error:
        raise ConfigError(f".env cannot be read: {error.strerror}.") from None
    logging.getLogger("dotenv").setLevel(logging.ERROR)  # its warnings about lines are returned as sentences
    wrong = [each.original for each in parse_stream(StringIO(text)) if each.error]
    sentences = [f"Line {_line(each)} of .env is not NAME=value, and is left out." for each in wrong]
    return dotenv_values(stream=StringIO(text)), sentences


def _line(found: Original) -> int:
    """The line's number; the parsed text begins with any empty lines before it."""
    return found.line + found.string[: -len(found.string.lstrip())].count("\n")
