"""How the client of an S3 bucket reaches it: through which proxy, and with which certificates."""

from pydantic import SecretStr
from yarl import URL

from domain.network import Network

AMAZON = "https://s3.amazonaws.com"


def bucket_client(network: Network, endpoint: str | None) -> dict[str, SecretStr]:
    """obstore's settings. endpoint: the bucket's server, where it is not Amazon's."""
    found: dict[str, SecretStr] = {}
    url = URL(endpoint or AMAZON)
    if proxy := network.proxy_for(url.scheme, url.raw_host or "", url.port):
        through = URL(proxy.url).with_user(proxy.user).with_password(proxy.password.get_secret_value() or None)
        found["proxy_url"] = SecretStr(str(through))
    if network.ca_file:
        found["root_certificate"] = SecretStr(network.ca_file.read_text("ascii", "ignore"))
    return found
