# pyright: basic, reportMissingImports=false
"""Gemini: the types of Google's own Python package, by the names that they have in JSON."""

from datetime import date
from typing import Literal

from google.genai import types
from pydantic import BaseModel, ConfigDict, Field

from conformance.endpoints import Api, Endpoint, by_model

Ratio = Literal["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "1:4", "4:1", "1:8", "8:1"]
"""The package takes any text here and in `imageSize`; its comments name eight of these ratios, and 1K, 2K and 4K."""
# unconfirmed: 4:5, 5:4, 1:4, 4:1, 1:8, 8:1 and 512, of which no text of the maker was read


class ImageConfig(BaseModel):
    """Of `generationConfig`: the package's own converter writes these two for the Gemini API."""

    model_config = ConfigDict(extra="forbid", strict=True)
    aspect_ratio: Ratio | None = Field(None, alias="aspectRatio")
    image_size: Literal["512", "1K", "2K", "4K"] | None = Field(None, alias="imageSize")


class GenerationConfig(types.GenerationConfig):
    image_config: ImageConfig | None = Field(None, alias="imageConfig")


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")
    contents: list[types.Content]
    generation_config: GenerationConfig | None = Field(None, alias="generationConfig")
    safety_settings: list[types.SafetySetting] | None = Field(None, alias="safetySettings")
    system_instruction: types.Content | None = Field(None, alias="systemInstruction")


def api() -> Api:
    key = {"x-goog-api-key": ".+"}
    endpoints = [
        Endpoint("GET", "/v1beta/models", headers=key),
        Endpoint("POST", r"/v1beta/models/[\w.-]+:generateContent", body=by_model(Body), headers=key),
    ]
    return Api(source="google-genai 3.6.1", seen=date(2026, 12, 1), endpoints=endpoints)
