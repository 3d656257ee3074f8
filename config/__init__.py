"""The host's settings, read once from the environment and .env, validated, and never printed."""

from config.dotenv import read_dotenv
from config.reading import ConfigError, read_config
from config.settings import Config
from config.spelling import misspelt

__all__ = ["Config", "ConfigError", "misspelt", "read_config", "read_dotenv"]
