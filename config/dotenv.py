"""Reads .env."""

import logging
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from dotenv import dotenv_values
from dotenv.parser import Original, parse_stream

from config.reading import ConfigError

PROGRAM_FOLDER = Path(__file__).absolute().parent.parent
"""Where bot.py is."""


class Dotenv(NamedTuple):
    """What was found in .env."""

    path: Path
    """Where it was looked for."""
    values: Mapping[str, str | None] | None
    """None: there is no such file."""
    mistakes: list[str]
    """A sentence for each line that cannot be read."""

    @property
    def elsewhere(self) -> Path | None:
        """The file beside bot.py, where it was not looked for."""
        beside = PROGRAM_FOLDER / self.path.name
        return beside if self.values is None and beside != self.path and beside.is_file() else None


def read_dotenv() -> Dotenv:
    """Read it in the working directory; ConfigError."""
    path = Path(".env").absolute()
    try:
        text = path.read_text("utf-8-sig")  # some editors write a byte order mark
    except FileNotFoundError:
        return Dotenv(path, None, [])
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is no UTF-8 text: save it as UTF-8.") from None
    except OSError as error:
        raise ConfigError(_unreadable(path, error)) from None
    logging.getLogger("dotenv").setLevel(logging.ERROR)  # its warnings about lines are returned as sentences
    wrong = [each.original for each in parse_stream(StringIO(text)) if each.error]
    sentences = [f"Line {_line(each)} of .env is not NAME=value, and is left out." for each in wrong]
    return Dotenv(path, dotenv_values(stream=StringIO(text)), sentences)


def _unreadable(path: Path, error: OSError) -> str:
    if path.is_dir():
        return f"{path} is a folder, as Docker makes one where a mounted file is missing: put a file in its place."
    return f"{path} cannot be read: {error.strerror}."


def _line(found: Original) -> int:
    """The line's number; the parsed text begins with any empty lines before it."""
    return found.line + found.string[: -len(found.string.lstrip())].count("\n")
