"""All that the host sets, read from the environment and .env once, checked, and never printed."""

import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, NamedTuple, cast, get_args

from pydantic import SecretStr
from yarl import URL

from domain import Access, Limits, SpoolPlace
from domain.frozen import Frozen

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
LogFormat = Literal["text", "json"]
PROVIDERS = (
    *("popcord", "imagepipeline", "nebulablock", "appypie"),
    *("openai", "automatic1111", "comfyui", "aihorde", "pollinations", "gemini"),
    *("replicate", "fal", "bfl", "stability", "huggingface"),
)
MOST_AT_ONCE = {"bfl": 24}
"""The largest `…_CONCURRENCY` of a provider that takes fewer than 100 jobs at once (docs/providers.md)."""
DATABASES = {"sqlite": "sqlite", "postgresql": "postgresql", "postgres": "postgresql"}
AWS_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
AWS = ("AWS_ACCESS_KEY_ID", *AWS_SECRETS, "AWS_REGION", "AWS_ENDPOINT_URL")
NUMBER = re.compile(r"[0-9]{1,9}")
HOST = re.compile(r"[a-z0-9._:-]+")
NAME = re.compile(r"[a-z][a-z0-9]{0,29}")
SHARDS = re.compile(r"([0-9]{1,6})(?:-([0-9]{1,6}))?")
NEARLY = 0.85
"""How like a known name, from 0 to 1 by difflib's measure, a name has to be to count as that one mistyped."""
AKIN = 0.7
"""The same, among those that begin with the same word."""
COMMON = ("AWS", "DATA", "DATABASE", "DEFAULT", "LOG")
"""First words of settings that other programs' settings may have, too."""
OF_EACH = ("API_KEY", "BASE_URL", "CONCURRENCY", "MODELS", "QUALITY", "LINK_HOSTS", "PROFILE")
"""What a provider's settings end with."""
TOKEN = re.compile(r"[\w-]{2,}\.[\w-]{2,}\.[\w-]{2,}")


class ConfigError(Exception):
    """One sentence for the host: which variable, and what is wrong with it. Never its value, if that is a secret."""


class Config(Frozen):
    token: SecretStr | None
    discord_api_url: str | None
    database_url: SecretStr
    """`sqlite:///path` or `postgresql://…`, as the host writes it."""
    data_dir: Path
    spool: SpoolPlace | None
    """None: a folder in `data_dir`."""
    shard_count: int | None
    """None: as many as Discord recommends."""
    shard_ids: tuple[int, ...] | None
    """Those of this process; None: all."""
    metrics: tuple[str, int] | None
    """Host and port to serve metrics at."""
    limits: Limits
    default_provider: str | None
    log_level: LogLevel
    log_format: LogFormat
    access: dict[str, Access]
    preview_providers: bool
    """Whether the offline page draws with all that is configured, and not only with Sketch."""
    known: frozenset[str]
    """The names of all variables that are read."""

    def secrets(self) -> list[str]:
        """What must not appear in any log."""
        keys = [access.key for access in self.access.values()]
        aws = [self.spool.options.get(name.lower()) for name in AWS_SECRETS] if self.spool else []
        secrets = [self.token, *keys, *aws]
        told = [secret.get_secret_value() for secret in secrets if secret]
        return [secret for secret in (*told, self._database_password()) if secret]

    def _database_password(self) -> str:
        """As it is spelt in the URL, for so it would appear in a log."""
        account, at, _ = self.database_url.get_secret_value().partition("://")[2].rpartition("@")
        return account.partition(":")[2] if at else ""


class _Variables(NamedTuple):
    """The environment, with blanks taken for unset."""

    values: Mapping[str, str | None]
    asked: set[str]

    def get(self, name: str) -> str | None:
        self.asked.add(name)
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
            raise ConfigError(f"{name} has to be {', '.join(choices[:-1])} or {choices[-1]}.")
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

    def hosts(self, name: str) -> tuple[tuple[str, int | None], ...]:
        """host, host:port."""
        entries = [entry.strip() for entry in (self.get(name) or "").split(",") if entry.strip()]
        found = [_host(entry) for entry in entries]
        if None in found:
            hint = ", without http://" if any("://" in entry for entry in entries) else ""
            raise ConfigError(f"{name} is no list of hosts such as images.lan, 192.168.1.20:9000{hint}.")
        return tuple(host for host in found if host)


def _host(text: str) -> tuple[str, int | None] | None:
    """A host, and its port where one is told; None for anything else."""
    try:
        url = URL(f"http://{text}")
        host = url.raw_host if url == url.origin() else None
    except ValueError:
        return None
    return (host, url.explicit_port) if host and HOST.fullmatch(host) else None


def read_config(values: Mapping[str, str | None]) -> Config:
    """Everything at once; ConfigError for the first variable that is wrong."""
    read = _Variables(values, set())
    data_dir = Path(read.get("DATA_DIR") or "data").absolute()
    return Config(
        token=_token(read),
        discord_api_url=read.url("DISCORD_API_URL"),
        database_url=SecretStr(_database_url(read.get("DATABASE_URL") or f"sqlite:///{data_dir / 'easel.db'}")),
        data_dir=data_dir,
        spool=_spool(read),
        shard_count=read.number("SHARD_COUNT", 1, 1, 100_000) if read.get("SHARD_COUNT") else None,
        shard_ids=_shard_ids(read),
        metrics=_metrics(read),
        limits=Limits(
            per_member=read.number("QUEUE_PER_MEMBER", Limits().per_member, 1, 100_000),
            per_server=read.number("QUEUE_PER_SERVER", Limits().per_server, 1, 100_000),
            uploads_mib=read.number("SPOOL_QUOTA_MIB", Limits().uploads_mib, 128, 100_000_000),
        ),
        default_provider=(read.get("DEFAULT_PROVIDER") or "").lower() or None,
        log_level=cast("LogLevel", read.choice("LOG_LEVEL", "INFO", get_args(LogLevel))),
        log_format=cast("LogFormat", read.choice("LOG_FORMAT", "text", get_args(LogFormat))),
        access={name: _access(read, name) for name in PROVIDERS}
        | {"sketch": Access(enabled=read.switch("SKETCH", "on"))}
        | {name: _compatible(read, name) for name in _compatible_names(read)},
        preview_providers=read.switch("PREVIEW_PROVIDERS", "off"),
        known=frozenset(read.asked),
    )


def misspelt(names: Iterable[str], known: Collection[str]) -> list[str]:
    """A sentence for each name that is not read, but nearly is one that is, or begins or ends like one."""
    told = [_in_vain(name, known) for name in names if name not in known]
    return [sentence for sentence in told if sentence]


def _in_vain(name: str, known: Collection[str]) -> str | None:
    first, _, rest = name.partition("_")
    akin = [each for each in known if each.partition("_")[0] == first not in COMMON]
    if near := get_close_matches(name, known, 1, NEARLY) or get_close_matches(name, akin, 1, AKIN):
        return f"{name} is no setting; {near[0]} is."
    if akin:
        return f"{name} is no setting."
    is_unnamed = rest in OF_EACH and first not in ("", *COMMON)
    return f"{name} is no setting: OPENAI_COMPATIBLE does not name {first.lower()}." if is_unnamed else None


def _token(read: _Variables) -> SecretStr | None:
    token = read.secret("DISCORD_TOKEN")
    if token and not TOKEN.fullmatch(token.get_secret_value()):
        raise ConfigError("DISCORD_TOKEN is no bot token: those have three parts with dots between them.")
    return token


def _database_url(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in DATABASES or not rest.strip("/"):
        raise ConfigError(
            "DATABASE_URL is no URL such as sqlite:////var/lib/easel/easel.db or postgresql://easel:password@host/easel."
        )
    return f"{DATABASES[scheme]}://{rest}"


def _spool(read: _Variables) -> SpoolPlace | None:
    """An S3 bucket; what else there is to say of it stands in AWS's own variables."""
    url = read.get("SPOOL_URL")
    options = {name.lower(): value for name in AWS if (value := read.secret(name))}
    if url is None:
        return None
    if not (url.startswith("s3://") and url.removeprefix("s3://").strip("/")):
        raise ConfigError("SPOOL_URL is no URL such as s3://bucket/folder.")
    return SpoolPlace(url=url, options=options)


def _metrics(read: _Variables) -> tuple[str, int] | None:
    """A port, for this machine alone; or `0.0.0.0:9090`, for whoever can reach it."""
    value = read.get("METRICS_PORT")
    if value is None:
        return None
    host, _, port = value.rpartition(":")
    if not (NUMBER.fullmatch(port) and 0 < int(port) < 65536):
        raise ConfigError("METRICS_PORT is no port such as 9090 or 0.0.0.0:9090.")
    return host or "127.0.0.1", int(port)


def _shard_ids(read: _Variables) -> tuple[int, ...] | None:
    """Such as 0,1 or 0-3."""
    text, count = read.get("SHARD_IDS"), read.get("SHARD_COUNT")
    if text is None:
        return None
    found = [SHARDS.fullmatch(part.strip()) for part in text.split(",")]
    ids = [id for part in found if part for id in range(int(part[1]), int(part[2] or part[1]) + 1)]
    if not ids or not all(found):
        raise ConfigError("SHARD_IDS is no list such as 0,1 or 0-3.")
    if count is None or max(ids) >= read.number("SHARD_COUNT", 1, 1, 100_000):
        raise ConfigError("SHARD_IDS needs a SHARD_COUNT that is larger than each of them.")
    return tuple(sorted(set(ids)))


def _access(read: _Variables, name: str) -> Access:
    prefix = name.upper()
    access = Access(
        key=read.secret(f"{prefix}_API_KEY"),
        base_url=read.url(f"{prefix}_BASE_URL"),
        concurrency=read.number(f"{prefix}_CONCURRENCY", Access().concurrency, 1, MOST_AT_ONCE.get(name, 100)),
        models=read.pairs(f"{prefix}_MODELS"),
        quality=read.get(f"{prefix}_QUALITY"),
        link_hosts=read.hosts(f"{prefix}_LINK_HOSTS"),
    )
    match name:
        case "imagepipeline":
            return access.model_copy(
                update={"generation": int(read.choice("IMAGEPIPELINE_GENERATION", "1", ("1", "3")))}
            )
        case "aihorde":
            return access.model_copy(update={"enabled": read.switch("AIHORDE", "on" if access.key else "off")})
        case "comfyui":
            fields = ("workflow", "image_workflow", "mask_workflow")
            files = {field: read.get(f"COMFYUI_{field.upper()}") for field in fields}
            return access.model_copy(update={field: Path(path) if path else None for field, path in files.items()})
        case _:
            return access


def _compatible_names(read: _Variables) -> list[str]:
    """Of servers that speak like OpenAI: the host names them, and so their variables."""
    names = [name.strip().lower() for name in (read.get("OPENAI_COMPATIBLE") or "").split(",") if name.strip()]
    if any(not NAME.fullmatch(name) or name in (*PROVIDERS, "sketch", "default") for name in names):
        raise ConfigError("OPENAI_COMPATIBLE is no list of new names such as together,localai.")
    return names


def _compatible(read: _Variables, name: str) -> Access:
    return _access(read, name).model_copy(update={"profile": read.get(f"{name.upper()}_PROFILE") or name})
