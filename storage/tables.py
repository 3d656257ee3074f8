"""The tables. A job's columns are the fields of `domain.Job`, and its lease: owner and heartbeat."""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

metadata = MetaData()


class UtcDateTime(TypeDecorator[datetime]):
    """A time in UTC; SQLite alone would return it without its time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=value.tzinfo or UTC) if value else None


class TextWithoutNul(TypeDecorator[str]):
    """Text from outside, stripped of NUL, which PostgreSQL refuses."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return value.replace("\0", "") if value else value


jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("application_id", BigInteger, nullable=False),
    Column("guild_id", BigInteger),
    Column("channel_id", BigInteger),
    Column("user_id", BigInteger, nullable=False),
    Column("message_id", BigInteger),
    Column("token", TextWithoutNul, key="reply_token"),
    Column("token_expires", UtcDateTime, nullable=False, key="reply_deadline"),
    Column("upload_limit", BigInteger, nullable=False, key="file_limit"),
    Column("private", Boolean, nullable=False),
    Column("request", JSON, nullable=False),
    Column("asked", JSON(none_as_null=True)),
    Column("tried", JSON, nullable=False, server_default="[]"),
    Column("provider", String(64), nullable=False),
    Column("model", TextWithoutNul, nullable=False),
    Column("model_title", TextWithoutNul, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("notes", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("calls_done", Integer, nullable=False),
    Column("remote", JSON(none_as_null=True)),
    Column("drawn", JSON, nullable=False),
    Column("failure", JSON(none_as_null=True)),
    Column("parked", Boolean, nullable=False),
    Column("refused", JSON(none_as_null=True)),
    Column("cancelled", Boolean, nullable=False, server_default=false()),
    Column("upscales", Boolean, nullable=False, server_default=false()),
    Column("retried_by", String(32)),
    Column("parent", String(32)),
    Column("cost", JSON(none_as_null=True)),
    Column("seconds", Float),
    Column("created", UtcDateTime, nullable=False),
    Column("started", UtcDateTime),
    Column("owner", String(64)),
    Column("heartbeat", UtcDateTime),
    Index("jobs_by_state", "state", "parked"),
    Index("jobs_by_user", "user_id"),
    Index("jobs_by_age", "created"),
    Index("jobs_by_guild", "guild_id"),
)

guild_settings = Table(
    "guild_settings",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("settings", JSON, nullable=False),
)

outages = Table(
    "outages",
    metadata,
    Column("provider", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("pause", Float, nullable=False),
    Column("turn", Integer, key="generation", nullable=False, server_default="0"),
    Column("trying", Boolean, key="probing", nullable=False, server_default=false()),
)

meta = Table("meta", metadata, Column("key", String(128), primary_key=True), Column("value", Text, nullable=False))
