"""The host's settings, read once from the environment and .env, validated, and never printed."""

from config.reading import ConfigError, read_config
from config.settings import Config
from config.sources import Remark, log_lines, read_settings
from config.spelling import closest, misspelt
from config.values import sqlite_url

__all__ = [
    "Config",
    "ConfigError",
    "Remark",
    "closest",
    "log_lines",
    "misspelt",
    "read_config",
    "read_settings",
    "sqlite_url",
]
