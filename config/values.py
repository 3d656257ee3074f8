"""Pydantic types of the host's settings: each parses the text of a variable."""

import re
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import quote

from pydantic import AfterValidator, SecretStr

from providers import REGISTRY
from providers.kit.variables import Secret, UnreadableError, one_of, parse_with, split_list

DATABASES = {"sqlite": "sqlite", "postgresql": "postgresql", "postgres": "postgresql"}
PORT_PATTERN = re.compile(r"[0-9]{1,9}")
PLAIN_IN_URL = " /\\:+"
"""Characters of a path that SQLAlchemy reads as they are."""
NAME_PATTERN = re.compile(r"[a-z][a-z0-9]{0,29}")
SHARDS_PATTERN = re.compile(r"([0-9]{1,6})(?:-([0-9]{1,6}))?")
BOT_TOKEN_PATTERN = re.compile(r"[\w-]{2,}\.[\w-]{2,}\.[\w-]{2,}")


def _token(token: SecretStr) -> SecretStr:
    if not BOT_TOKEN_PATTERN.fullmatch(token.get_secret_value()):
        raise UnreadableError("is no bot token: those have three parts with dots between them")
    return token


def _database_url(written: str) -> str:
    scheme, separator, rest = written.partition("://")
    if not separator or scheme not in DATABASES or not rest.strip("/"):
        raise UnreadableError(
            "is no URL such as sqlite:////var/lib/easel/easel.db or postgresql://easel:password@host/easel"
        )
    return f"{DATABASES[scheme]}://{rest}"


def sqlite_url(path: Path) -> str:
    """The URL of an SQLite file, whatever characters its path has."""
    return f"sqlite:///{quote(str(path), safe=PLAIN_IN_URL)}"


def _bucket(written: str) -> str:
    if not (written.startswith("s3://") and written.removeprefix("s3://").strip("/")):
        raise UnreadableError("is no URL such as s3://bucket/folder")
    return written


def _address(written: str) -> tuple[str, int]:
    host, _, port = written.rpartition(":")
    if not (PORT_PATTERN.fullmatch(port) and 0 < int(port) < 65536):
        raise UnreadableError("is no port such as 9090 or 0.0.0.0:9090")
    return host or "127.0.0.1", int(port)


def _shard_ids(written: str) -> tuple[int, ...]:
    found = [SHARDS_PATTERN.fullmatch(part.strip()) for part in written.split(",")]
    ids = [id for part in found if part for id in range(int(part[1]), int(part[2] or part[1]) + 1)]
    if not ids or not all(found):
        raise UnreadableError("is no list such as 0,1 or 0-3")
    return tuple(sorted(set(ids)))


def _new_names(written: str) -> tuple[str, ...]:
    names = tuple(name.lower() for name in split_list(written))
    taken = {"default", *(kind.name for kind in REGISTRY)}
    if any(not NAME_PATTERN.fullmatch(name) or name in taken for name in names):
        raise UnreadableError("is no list of new names such as together,localai")
    return names


_Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
_Format = Literal["text", "json"]
LogLevel = Annotated[_Level, one_of(*get_args(_Level))]
LogFormat = Annotated[_Format, one_of(*get_args(_Format))]
Token = Annotated[Secret, AfterValidator(_token)]
Name = Annotated[str, parse_with(str.lower)]
NewNames = Annotated[tuple[str, ...], parse_with(_new_names)]
"""Names of servers, from `together,localai`."""
Folder = Annotated[Path, AfterValidator(Path.absolute)]
Database = Annotated[SecretStr, parse_with(_database_url)]
Bucket = Annotated[str, parse_with(_bucket)]
Address = Annotated[tuple[str, int], parse_with(_address)]
"""Host and port, from `9090`, for this machine only, or from `0.0.0.0:9090`, for every machine that can reach it."""
ShardIds = Annotated[tuple[int, ...], parse_with(_shard_ids)]
"""From `0,1` or `0-3`."""
