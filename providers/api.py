"""One provider's corner of the transport: its base URL and its key."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

from providers.answers import Answer
from providers.transport import Transport

LONGEST_TEXT = 64 * 1024


class Api:
    """Calls below one base URL. A key that an answer echoes is struck out before anybody reads it."""

    def __init__(
        self, transport: Transport, base_url: str, *, header: str = "", prefix: str = "", key: SecretStr | None = None
    ) -> None:
        self._transport = transport
        self._base_url = base_url.rstrip("/")
        self._key = key.get_secret_value() if key else ""
        self._headers = {header: prefix + self._key} if self._key else {}
        transport.trust(base_url)

    async def get(self, path: str, *, headers: Mapping[str, str] | None = None, tries: int = 3) -> Answer:
        return await self._call("GET", path, headers, None, tries)

    async def post(self, path: str, body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> Answer:
        return await self._call("POST", path, headers, body, 3)

    async def is_reachable(self) -> bool:
        """Whether anything answers at the base URL, be it a 404."""
        return await self._transport.reaches(self._base_url + "/")

    def with_key(self, header: str) -> dict[str, str]:
        """The key under another header's name."""
        return {header: self._key} if self._key else {}

    async def _call(
        self, method: str, path: str, headers: Mapping[str, str] | None, body: Mapping[str, Any] | None, tries: int
    ) -> Answer:
        url = f"{self._base_url}/{path.lstrip('/')}"
        answer = await self._transport.call(
            method, url, headers={**self._headers, **(headers or {})}, json=body, tries=tries
        )
        if not self._key or len(answer.body) > LONGEST_TEXT:  # no text of that length is shown to anybody
            return answer
        return answer._replace(body=answer.body.replace(self._key.encode(), b"***"))


def segment(text: str) -> str:
    """A remote id as one segment of a path, whatever it holds."""
    return quote(text, safe="")


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A request's body: only the fields that are set, for no API says what it makes of null."""
    return {name: value for name, value in fields.items() if value is not None}
