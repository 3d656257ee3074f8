"""Pydantic types of the host's settings: each parses the text of a variable."""

import re
import ssl
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import quote

from pydantic import AfterValidator, SecretStr
from yarl import URL

from domain.network import Proxy
from providers import REGISTRY
from providers.kit.variables import Secret, UnreadableError, one_of, parse_with, split_list

DATABASES = {"sqlite": "sqlite", "postgresql": "postgresql", "postgres": "postgresql"}
PORT_PATTERN = re.compile(r"[0-9]{1,9}")
PLAIN_IN_URL = " /\\:+"
"""Characters of a path that SQLAlchemy reads as they are."""
NAME_PATTERN = re.compile(r"[a-z][a-z0-9]{0,29}")
SHARDS_PATTERN = re.compile(r"([0-9]{1,6})(?:-([0-9]{1,6}))?")
MAX_MODELS_FILE_BYTES = 1_000_000
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


def _proxy(written: str) -> Proxy:
    try:
        url = URL(written if "://" in written else f"http://{written}")
        if url.scheme in ("http", "https") and url.host and ":" not in (url.user or "") and url.path in ("", "/"):
            return Proxy(url=str(url.origin()), user=url.user, password=SecretStr(url.password or ""))
    except ValueError:
        pass
    raise UnreadableError("is no URL such as http://proxy:3128 or http://user:password@proxy:3128")


def _model_tables(written: str) -> Mapping[str, Any]:
    """The tables of a TOML file about models, by provider."""
    try:
        with Path(written).open("rb") as file:
            content = file.read(MAX_MODELS_FILE_BYTES + 1)
        tables = tomllib.loads(content.decode()) if len(content) <= MAX_MODELS_FILE_BYTES else None
    except OSError as error:
        raise UnreadableError(f"names a file that cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UnreadableError(f"names a file that is no TOML: {error}") from None
    if tables is None:
        raise UnreadableError(f"names a file of more than {MAX_MODELS_FILE_BYTES:,} bytes")
    if wrong := next((name for name, value in tables.items() if not isinstance(value, dict)), None):
        raise UnreadableError(f"names a file in which {wrong} is no table such as [openai]")
    return tables


def _certificates(path: Path) -> Path:
    try:
        path.read_bytes()
        ssl.create_default_context(cafile=path)
    except (ssl.SSLError, ValueError):
        raise UnreadableError("names a file without certificates in PEM format") from None
    except OSError as error:
        raise UnreadableError(f"names a file that cannot be read: {error.strerror}") from None
    return path.absolute()


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
HttpProxy = Annotated[Proxy, parse_with(_proxy)]
Entries = Annotated[tuple[str, ...], parse_with(lambda written: tuple(written.lower().replace(",", " ").split()))]
"""Of a list with commas or blanks."""
Certificates = Annotated[Path, AfterValidator(_certificates)]
ModelTables = Annotated[Mapping[str, Any], parse_with(_model_tables)]
"""The content of a TOML file, by the provider that each table is about."""
Bucket = Annotated[str, parse_with(_bucket)]
Address = Annotated[tuple[str, int], parse_with(_address)]
"""Host and port, from `9090`, for this machine only, or from `0.0.0.0:9090`, for every machine that can reach it."""
ShardIds = Annotated[tuple[int, ...], parse_with(_shard_ids)]
"""From `0,1` or `0-3`."""
