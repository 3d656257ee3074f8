"""The declarations of the host's settings: type, default, range, and the description for the docs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import quote

from pydantic import BaseModel, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.buckets import bucket_client
from config.environment import Environment, Values, with_lower_case
from config.values import (
    Address,
    Bucket,
    Certificates,
    Database,
    Entries,
    Folder,
    HttpProxy,
    LogFormat,
    LogLevel,
    ModelTables,
    Name,
    NewNames,
    ShardIds,
    Token,
    sqlite_url,
)
from domain import Limits, SpoolPlace
from domain.network import Network
from providers.kit.settings import ProviderSettings
from providers.kit.variables import Integer, KeyId, Secret, Switch, UnreadableError, Url

LOWER_CASE = ("http_proxy", "https_proxy", "no_proxy")
"""Variables that other programs read in lower case, too."""


class Config(BaseSettings):
    """The host's settings; each field but `providers` is read from the variable with its name in capitals."""

    model_config = SettingsConfigDict(frozen=True, hide_input_in_errors=True)

    discord_token: Token | None = Field(
        default=None,
        description="The bot's token, from https://discord.com/developers/applications, your application, Bot, "
        "Reset Token. Unset: the offline preview is started.",
    )
    providers: Mapping[str, ProviderSettings] = Field(default={}, description="What each provider reads for itself.")
    openai_compatible: NewNames = Field(
        default=(),
        description="More servers that speak like OpenAI, under names of your choice, such as `together,gpu`. Each "
        "then has variables of its own, such as `GPU_BASE_URL` and `GPU_PROFILE` (docs/providers.md).",
    )
    default_provider: Name | None = Field(
        default=None,
        description="Who draws where neither member nor server has chosen: the name of a provider, such as popcord "
        "or aihorde. Unset: the first with a key, else PopCord, else the first that is on.",
    )
    models_file: ModelTables | None = Field(
        default=None,
        description="A TOML file that adds models, or mends what Easel knows of them: titles, sizes, prices, ends "
        "(docs/models.md).",
    )
    queue_per_member: Integer = Field(
        default=Limits().per_member, ge=1, le=100_000, description="How many requests of one member may wait at once."
    )
    queue_per_server: Integer = Field(
        default=Limits().per_server, ge=1, le=100_000, description="How many requests of one server may wait at once."
    )
    data_dir: Folder = Field(
        default=Path("data"), description="The folder of the database, and of pictures on their way."
    )
    database_url: Database = Field(
        default_factory=lambda read: SecretStr(sqlite_url(read["data_dir"] / "easel.db")),
        examples=["sqlite:////var/lib/easel/easel.db"],
        description="PostgreSQL lets several processes work together: "
        "`postgresql://easel:password@localhost/easel`. Unset: SQLite in `DATA_DIR`.",
    )
    spool_url: Bucket | None = Field(
        default=None,
        examples=["s3://bucket/easel"],
        description="Where several machines share jobs, they share their pictures in an S3 bucket too. Unset: a "
        "folder in `DATA_DIR`.",
    )
    aws_access_key_id: KeyId | None = Field(default=None, description="The account that may use the bucket.")
    aws_secret_access_key: Secret | None = Field(default=None, description="That account's secret key.")
    aws_session_token: Secret | None = Field(default=None, description="That account's token, where it has one.")
    aws_region: KeyId | None = Field(default=None, description="Where the bucket is.")
    aws_endpoint_url: Url | None = Field(default=None, description="The bucket's address, where it is not Amazon's.")
    spool_quota_mib: Integer = Field(
        default=Limits().uploads_mib,
        ge=128,
        le=100_000_000,
        description="How many MiB of members' images are kept for Again; the oldest make room.",
    )
    metrics_port: Address | None = Field(
        default=None,
        description="Prometheus metrics and `/healthz`: a port, for this machine alone, or `0.0.0.0:9090`. Unset: off.",
    )
    log_level: LogLevel = Field(default="INFO", description="What is logged: DEBUG, INFO, WARNING or ERROR.")
    log_format: LogFormat = Field(default="text", description="How it is written: `text` or `json`.")
    shard_count: Integer | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="How many gateway connections there are in all. Unset: as many as Discord recommends.",
    )
    shard_ids: ShardIds | None = Field(
        default=None,
        description="Those of this process among them, such as `0-3`. Unset: all.",
    )
    preview_providers: Switch = Field(
        default=False,
        description="The preview has Sketch and AI Horde; `on` gives it the configured providers.",
    )
    discord_api_url: Url | None = Field(
        default=None,
        examples=["https://discord.com/api/v10"],
        description="A REST proxy in front of Discord, with the version in its path.",
    )

    http_proxy: HttpProxy | None = Field(
        default=None,
        description="A proxy for `http://` addresses, such as `http://user:password@proxy:3128`. The names in lower "
        "case are read too.",
    )
    https_proxy: HttpProxy | None = Field(
        default=None, description="The same for `https://` addresses, Discord's among them."
    )
    no_proxy: Entries = Field(
        default=(),
        description="What is reached without the proxy: `lan, 192.168.0.0/16, host:8188`, or `*`. A name stands for "
        "all below it; this machine is always reached without.",
    )
    ca_file: Certificates | None = Field(
        default=None,
        description="Certificates (PEM) to trust besides the system's: of a proxy that reads along, or of a server "
        "of yours.",
    )
    ssl_cert_file: Certificates | None = Field(
        default=None, description="Read in place of `CA_FILE` where that is not set."
    )

    def __init__(self, values: Values) -> None:
        read = Environment(type(self), self.variables(), with_lower_case(values, LOWER_CASE))
        super().__init__(_build_sources=((read,), {}))

    @field_validator("shard_ids")
    @classmethod
    def _below_the_count(cls, ids: tuple[int, ...] | None, info: ValidationInfo) -> tuple[int, ...] | None:
        count = info.data.get("shard_count")
        if ids is not None and (count is None or max(ids) >= count):
            raise UnreadableError("needs a SHARD_COUNT that is larger than each of them")
        return ids

    @classmethod
    def variables(cls) -> dict[str, str]:
        """The environment variable of each field."""
        return {field: field.upper() for field in cls.model_fields if field != "providers"}

    def having_providers(self, providers: Mapping[str, ProviderSettings]) -> Self:
        """A copy with the providers' own settings, which are read after the rest."""
        return self.model_copy(update={"providers": providers})

    @property
    def known(self) -> frozenset[str]:
        """The names of all variables that are read, providers' too."""
        of_providers = [variable for name, own in self.providers.items() for variable in own.variables(name).values()]
        return frozenset([*self.variables().values(), *LOWER_CASE, *of_providers])

    @property
    def limits(self) -> Limits:
        return Limits(
            per_member=self.queue_per_member, per_server=self.queue_per_server, uploads_mib=self.spool_quota_mib
        )

    @property
    def spool(self) -> SpoolPlace | None:
        """The bucket for the spool; None: a folder in `data_dir`."""
        if self.spool_url is None:
            return None
        set_options = {field: value for field, value in self if field.startswith("aws_") and value}
        options = {
            field: value if isinstance(value, SecretStr) else SecretStr(value) for field, value in set_options.items()
        }
        return SpoolPlace(
            url=self.spool_url, options=options, client=bucket_client(self.network, self.aws_endpoint_url)
        )

    @property
    def network(self) -> Network:
        """The proxies and certificates."""
        return Network(
            http=self.http_proxy,
            https=self.https_proxy,
            no_proxy=self.no_proxy,
            ca_file=self.ca_file or self.ssl_cert_file,
        )

    def secrets(self) -> list[str]:
        """The values to redact in logs."""
        own = _secrets_of(self, without="database_url")
        keys = [key for each in self.providers.values() for key in _secrets_of(each)]
        proxies = [each.password.get_secret_value() for each in (self.http_proxy, self.https_proxy) if each]
        quoted = [quote(each, safe="") for each in proxies]
        return [secret for secret in (*own, *keys, *proxies, *quoted, self._database_password()) if secret]

    def _database_password(self) -> str:
        """The password in the database's URL, encoded as there, which is how a log would show it."""
        account, at, _ = self.database_url.get_secret_value().partition("://")[2].rpartition("@")
        return account.partition(":")[2] if at else ""


def _secrets_of(settings: BaseModel, without: str = "") -> list[str]:
    """The values of its secret fields. without: a field to leave out."""
    return [value.get_secret_value() for field, value in settings if isinstance(value, SecretStr) and field != without]
