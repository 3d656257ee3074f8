"""Reads the settings from .env and the environment, and remarks on what the host should know of the two."""

from collections.abc import Iterator
from typing import NamedTuple

from config.dotenv import Dotenv, read_dotenv
from config.environment import Values
from config.reading import read_config
from config.settings import Config
from config.spelling import misspelt, misspelt_in_environment


class Remark(NamedTuple):
    """Something to tell the host about where settings come from."""

    source: str
    """`.env` or `environment`."""
    state: str
    """works, off, note or fails."""
    text: str


def read_settings(environment: Values) -> tuple[Config, list[Remark]]:
    """The settings, of which the environment's come before those of .env; ConfigError."""
    dotenv = read_dotenv()
    written = dotenv.values or {}
    config = read_config({**written, **environment})
    mistakes = [*dotenv.mistakes, *misspelt(written, config.known)]
    noted = misspelt_in_environment(environment.keys() - written.keys(), config.known)
    return config, [
        _of_file(dotenv),
        *(Remark("environment", "note", each) for each in noted),
        *(Remark(".env", "fails", each) for each in mistakes),
    ]


def _of_file(dotenv: Dotenv) -> Remark:
    if dotenv.values is not None:
        return Remark(".env", "works", str(dotenv.path))
    if other := dotenv.elsewhere:
        hint = f"{other} is read only by a bot that is started there: cd {other.parent}"
        return Remark(".env", "note", f"no file {dotenv.path}; {hint}")
    return Remark(".env", "off", f"no file {dotenv.path}, so all settings are from the environment")


def log_lines(remarks: list[Remark]) -> Iterator[tuple[bool, str]]:
    """Whether it is a mistake, and the text for the log."""
    for each in remarks:
        is_mistake = each.state == "fails"
        yield is_mistake, each.text if is_mistake or each.source != ".env" else f"settings: {each.text}"
