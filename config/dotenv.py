"""Reading .env."""

import logging
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Original, parse_stream

from config.errors import ConfigError


def read_dotenv() -> tuple[Mapping[str, str | None], list[str]]:
    """What is set there, and a sentence for each line that sets nothing."""
    try:
        text = Path(".env").read_text("utf-8-sig")  # some editors begin with a mark
    except FileNotFoundError:
        return {}, []
    except UnicodeDecodeError:
        raise ConfigError(".env is no UTF-8 text: save it as UTF-8.") from None
    except OSError as error:
        raise ConfigError(f".env cannot be read: {error.strerror}.") from None
    logging.getLogger("dotenv").setLevel(logging.ERROR)  # what it says of a line is said here
    wrong = [each.original for each in parse_stream(StringIO(text)) if each.error]
    told = [f"Line {_line(each)} of .env is not NAME=value, and is left out." for each in wrong]
    return dotenv_values(stream=StringIO(text)), told


def _line(found: Original) -> int:
    """Its number: what is found begins with the empty lines before it."""
    return found.line + found.string[: -len(found.string.lstrip())].count("\n")
