"""Settings of servers of the host's own, which may ask for user and password (HTTP Basic)."""

from typing import Any, ClassVar, TypedDict, cast

from pydantic import SecretStr, model_validator
from yarl import URL

from providers.http.encoding import encode_base64
from providers.kit.settings import ProviderSettings


class Authorization(TypedDict):
    """Arguments of `Provider.api`."""

    header: str
    prefix: str
    key: SecretStr | None


class OwnServerSettings(ProviderSettings):
    """Its base URL may have user and password; they are taken out of it before anything can log it."""

    without_variable: ClassVar[frozenset[str]] = ProviderSettings.without_variable | {"user", "password"}

    user: str | None = None
    password: SecretStr | None = None

    @model_validator(mode="before")
    @classmethod
    def _take_account(cls, values: Any) -> Any:
        given = cast("dict[str, Any]", values)
        try:
            url = URL(given["base_url"])
        except (KeyError, TypeError, ValueError):
            return given
        if url.user is None and url.password is None:
            return given
        account = {"user": url.user or "", "password": SecretStr(url.password or "")}
        return {**given, "base_url": str(url.with_user(None)), **account}

    @property
    def authorization(self) -> Authorization:
        """User and password of the base URL, else the key as a bearer token."""
        if self.user is None:
            return Authorization(header="Authorization", prefix="Bearer ", key=self.api_key)
        password = self.password.get_secret_value() if self.password else ""
        return basic_authorization(f"{self.user}:{password}")

    def two_logins(self, name: str) -> str | None:
        """A sentence if there are a key and a user, of which only one can be sent."""
        both = self.api_key and self.user is not None
        return f"{name.upper()}_API_KEY and the user in {name.upper()}_BASE_URL: only one can be sent" if both else None


def basic_authorization(account: str) -> Authorization:
    """account: `user:password`, sent in UTF-8 (RFC 7617)."""
    return Authorization(header="Authorization", prefix="Basic ", key=SecretStr(encode_base64(account.encode())))
