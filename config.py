"""All that the host sets, read from the environment and .env once, checked, and never printed."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple, cast, get_args

from pydantic import SecretStr
from yarl import URL

from domain import Access
from domain.frozen import Frozen

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
LogFormat = Literal["text", "json"]
PROVIDERS = ("popcord", "imagepipeline", "nebulablock", "appypie")
DRIVERS = {"sqlite": "sqlite+aiosqlite"}
NUMBER = re.compile(r"[0-9]{1,9}")
TOKEN = re.compile(r"[\w-]{2,}\.[\w-]{2,}\.[\w-]{2,}")


class ConfigError(Exception):
    """One sentence for the host: which variable, and what is wrong with it. Never its value, if that is a secret."""


class Config(Frozen):
    token: SecretStr | None
    discord_api_url: str | None
    database_url: SecretStr
    data_dir: Path
    default_provider: str | None
    log_level: LogLevel
    log_format: LogFormat
    access: dict[str, Access]
    preview_providers: bool
    """Whether the offline page draws with all that is configured, and not only with Sketch."""

    def secrets(self) -> list[str]:
        """What must not appear in any log."""
        keys = [access.key for access in self.access.values()]
        return [secret.get_secret_value() for secret in (self.token, *keys) if secret and secret.get_secret_value()]


class _Variables(NamedTuple):
    """The environment, with blanks taken for unset."""

    values: Mapping[str, str | None]

    def get(self, name: str) -> str | None:
        return (self.values.get(name) or "").strip() or None

    def secret(self, name: str) -> SecretStr | None:
        value = self.get(name)
        if value and not (value.isascii() and value.isprintable() and " " not in value):
            raise ConfigError(f"{name} holds characters that no key has; copy it again.")
        return SecretStr(value) if value else None

    def url(self, name: str) -> str | None:
        """A base URL without its trailing slash."""
        value = self.get(name)
        if value is None:
            return None
        try:
            url = URL(value)
            extra = url.user or url.password or url.query_string or url.fragment
            valid = url.scheme in ("http", "https") and bool(url.host) and not extra
        except ValueError:
            valid = False
        if not valid:
            raise ConfigError(f"{name} is no URL such as https://api.example.com/v1.")
        return value.rstrip("/")

    def number(self, name: str, default: int, low: int, high: int) -> int:
        value = self.get(name) or str(default)
        if not (NUMBER.fullmatch(value) and low <= int(value) <= high):
            raise ConfigError(f"{name} is no number from {low} to {high}.")
        return int(value)

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.get(name) or default
        found = next((choice for choice in choices if choice.casefold() == value.casefold()), None)
        if found is None:
            raise ConfigError(f"{name} is none of {', '.join(choices)}.")
        return found

    def switch(self, name: str, default: str) -> bool:
        return self.choice(name, default, ("on", "off")) == "on"

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        """id=title, id=title; a title may be left out."""
        entries = [entry.strip() for entry in (self.get(name) or "").split(",") if entry.strip()]
        parted = [entry.partition("=") for entry in entries]
        if any(not id.strip() for id, _, _ in parted):
            raise ConfigError(f"{name} is no list such as id=title, id=title.")
        return tuple((id.strip(), title.strip() or id.strip()) for id, _, title in parted)


def read_config(values: Mapping[str, str | None]) -> Config:
    """Everything at once; ConfigError for the first variable that is wrong."""
    read = _Variables(values)
    data_dir = Path(read.get("DATA_DIR") or "data").absolute()
    return Config(
        token=_token(read),
        discord_api_url=read.url("DISCORD_API_URL"),
        database_url=SecretStr(_database_url(read.get("DATABASE_URL") or f"sqlite:///{data_dir / 'easel.db'}")),
        data_dir=data_dir,
        default_provider=read.get("DEFAULT_PROVIDER"),
        log_level=cast("LogLevel", read.choice("LOG_LEVEL", "INFO", get_args(LogLevel))),
        log_format=cast("LogFormat", read.choice("LOG_FORMAT", "text", get_args(LogFormat))),
        access={name: _access(read, name) for name in PROVIDERS}
        | {"sketch": Access(enabled=read.switch("SKETCH", "on"))},
        preview_providers=read.switch("PREVIEW_PROVIDERS", "off"),
    )


def _token(read: _Variables) -> SecretStr | None:
    token = read.secret("DISCORD_TOKEN")
    if token and not TOKEN.fullmatch(token.get_secret_value()):
        raise ConfigError("DISCORD_TOKEN is no bot token: those have three parts with dots between them.")
    return token


def _database_url(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in DRIVERS or not rest.strip("/"):
        raise ConfigError("DATABASE_URL is no URL such as sqlite:////var/lib/easel/easel.db.")
    return f"{DRIVERS[scheme]}://{rest}"


def _access(read: _Variables, name: str) -> Access:
    prefix = name.upper()
    access = Access(
        key=read.secret(f"{prefix}_API_KEY"),
        base_url=read.url(f"{prefix}_BASE_URL"),
        concurrency=read.number(f"{prefix}_CONCURRENCY", Access().concurrency, 1, 100),
    )
    if name != "imagepipeline":
        return access
    generation = int(read.choice("IMAGEPIPELINE_GENERATION", "1", ("1", "3")))
    return access.model_copy(update={"models": read.pairs("IMAGEPIPELINE_MODELS"), "generation": generation})
