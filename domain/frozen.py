"""The base of every value here: once made, it does not change."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True, hide_input_in_errors=True)
