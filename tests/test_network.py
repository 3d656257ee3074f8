# pyright: basic
"""Through the host's proxy, and with the host's certificates: API calls, downloads, Discord."""

import asyncio
import json
import signal
import socket
import ssl
from collections.abc import Generator
from pathlib import Path

import pytest
import trustme
from aiohttp import web
from pydantic import SecretStr
from yarl import URL

from check.network import check_network
from config import ConfigError, read_config
from domain import BadResponse, Unavailable
from domain.network import Network, Proxy
from providers.http.transport import Transport
from tests.buckets import KEYS, s3_server
from tests.discord_server import DiscordServer
from tests.proxy import lead_to, proxy_to
from tests.replay.pictures import draw
from tests.test_environment import row
from tests.test_main import ended, process
from tests.test_process import ROOT, SECONDS, TOKEN, easel

PNG = draw("a boat")
PUBLIC, PRIVATE = "93.184.215.14", "10.0.0.7"


@pytest.mark.parametrize(
    ("no_proxy", "host", "port", "is_direct"),
    [
        ("", "api.test", 443, False),
        *(("", host, 443, True) for host in ("localhost", "a.localhost", "127.0.0.1", "127.1.2.3", "::1")),
        ("*", "api.test", 443, True),
        *(
            (entry, "api.test", 443, True)
            for entry in ("api.test", "API.test", ".test", "test", "*.test", "api.test:443")
        ),
        *((entry, "api.test", 443, False) for entry in ("pi.test", "api.test:80", "x.api.test", "api", ".", "*.")),
        ("api.test.", "api.test", 443, True),
        ("api.test", "api.test.", 443, True),
        ("a, b.test  c.test", "x.c.test", 443, True),
        ("192.168.0.0/16", "192.168.7.7", 8188, True),
        ("192.168.7.7", "192.168.7.7", 8188, True),
        ("192.168.7.7:8188", "192.168.7.7", 8188, True),
        ("192.168.7.7:80", "192.168.7.7", 8188, False),
        ("fd00::/8", "fd00::1", 80, True),
        ("[fd00::1]:80", "fd00::1", 80, True),
        ("168.7.7", "192.168.7.7", 80, False),
    ],
)
def test_what_no_proxy_stands_for(no_proxy, host, port, is_direct):
    network = read_config({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": no_proxy}).network
    assert (network.proxy_for("https", host, port) is None) is is_direct
    assert network.proxy_for("http", host, port) is None


def test_names_in_lower_case_are_read_and_come_first():
    given = {
        "https_proxy": "http://lower:1",
        "HTTPS_PROXY": "http://upper:1",
        "http_proxy": "",
        "HTTP_PROXY": "upper:2",
    }
    network = read_config(given).network
    assert network.https == Proxy(url="http://lower:1")
    assert network.http == Proxy(url="http://upper:2")


def test_a_user_with_blanks_and_umlauts():
    proxy = read_config({"HTTP_PROXY": "http://Jörg M:p%40ss wörd@proxy:3128"}).network.http
    assert proxy == Proxy(url="http://proxy:3128", user="Jörg M", password=SecretStr("p@ss wörd"))


async def picture(request: web.Request) -> web.Response:
    if request.path == "/private":
        raise web.HTTPFound("http://inner.test/picture.png")
    return web.Response(body=PNG)


@pytest.fixture
async def server():
    """The port of a server that answers with a picture."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", picture)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.fixture
def authority(tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return authority


@pytest.fixture
async def secure(authority):
    """The port of the same with TLS, by a certificate for api.test and localhost."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("api.test", "localhost").configure_cert(context)
    application = web.Application()
    application.router.add_get("/api/v10/gateway", _says({"url": "wss://localhost"}))
    application.router.add_get("/api/v10/users/@me", _says({"id": "1", "username": "Easel"}))
    application.router.add_get("/api/v10/oauth2/applications/@me", _says({"id": "1"}))
    application.router.add_route("*", "/{path:.*}", picture)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


def _says(value: dict):
    user = {"discriminator": "0", "avatar": None, "global_name": None, "flags": 0, "bot": True}
    user |= {"name": "", "description": "", "icon": None, "bot_public": True, "bot_require_code_grant": False}
    user |= {"verify_key": "", "owner": user | {"id": "1", "username": "me"}}

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=json.dumps({**user, **value}).encode(), content_type="application/json")

    return answer


@pytest.fixture
def names(monkeypatch):
    """What this machine's look-up finds."""
    known = {"pictures.test": PUBLIC, "inner.test": PRIVATE}
    usual = socket.getaddrinfo

    def look_up(host, port, *more, **options):
        if host in known:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (known[host], port))]
        if str(host).endswith(".test"):
            raise socket.gaierror(-2, "Name or service not known")
        return usual(host, port, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


def through(proxy, login: bool = False, ca_file: Path | None = None) -> Network:
    one = Proxy(url=proxy.url, **({"user": "Jörg", "password": SecretStr("p@ss wörd")} if login else {}))
    return Network(http=one, https=one, ca_file=ca_file)


async def test_api_calls_go_through_the_proxy(server):
    async with proxy_to(server, "Jörg:p@ss wörd") as proxy, Transport(network=through(proxy, login=True)) as transport:
        assert (await transport.call("GET", "http://api.test/v1")).body == PNG
        assert (await transport.call("POST", "http://api.test/v1", json={})).body == PNG
    assert [(each.method, each.target) for each in proxy.asked] == [
        ("GET", "http://api.test/v1"),
        ("POST", "http://api.test/v1"),
    ]


async def test_https_goes_through_a_tunnel_with_the_hosts_certificates(secure, tmp_path):
    async with (
        proxy_to(secure) as proxy,
        Transport(network=through(proxy, ca_file=tmp_path / "ca.pem")) as transport,
    ):
        assert (await transport.call("GET", "https://api.test/v1")).body == PNG
        assert (await transport.call("GET", f"https://localhost:{secure}/v1")).body == PNG
    assert [(each.method, each.target) for each in proxy.asked] == [("CONNECT", "api.test:443")]


async def test_a_certificate_that_is_not_trusted_is_said(secure):
    async with Transport(sleep=no_sleep) as transport:
        with pytest.raises(Unavailable, match="its certificate is not trusted; CA_FILE can name more"):
            await transport.call("GET", f"https://localhost:{secure}/v1")


async def no_sleep(_: float) -> None:
    pass


async def test_a_proxy_that_refuses_or_is_away_is_said(server):
    async with proxy_to(server, "other:login") as proxy, Transport(network=through(proxy), sleep=no_sleep) as transport:
        with pytest.raises(Unavailable, match=r"the proxy refuses the connection \(407\)"):
            await transport.call("GET", "https://api.test/v1")
    gone = Network(https=Proxy(url="http://127.0.0.1:9"))
    async with Transport(network=gone, sleep=no_sleep) as transport:
        with pytest.raises(Unavailable, match="the proxy cannot be reached"):
            await transport.call("GET", "https://api.test/v1")


async def test_downloads_go_through_the_proxy(server, names):
    async with proxy_to(server) as proxy, Transport(network=through(proxy)) as transport:
        assert await transport.download("http://pictures.test/a.png") == PNG
    assert [each.target for each in proxy.asked] == ["http://pictures.test/a.png"]


@pytest.mark.parametrize(
    "link",
    ["http://inner.test/a.png", "http://10.0.0.7/a.png", "http://pictures.test:8080/a.png", "http://[fd00::1]/a.png"],
)
async def test_the_proxy_opens_no_private_address(server, names, link):
    async with proxy_to(server) as proxy, Transport(network=through(proxy)) as transport:
        with pytest.raises(BadResponse, match="an address that is not allowed"):
            await transport.download(link)
    assert proxy.asked == []


async def test_a_redirect_to_a_private_address_is_not_followed(server, names):
    async with proxy_to(server) as proxy, Transport(network=through(proxy)) as transport:
        with pytest.raises(BadResponse, match="an address that is not allowed"):
            await transport.download("http://pictures.test/private")
    assert [each.target for each in proxy.asked] == ["http://pictures.test/private"]


async def test_a_name_that_this_machine_does_not_know_is_not_handed_on(server, names):
    async with proxy_to(server) as proxy, Transport(network=through(proxy)) as transport:
        with pytest.raises(Unavailable, match="is not found by this machine"):
            await transport.download("http://unknown.test/a.png")
    assert proxy.asked == []


async def test_downloads_past_the_proxy_stay_guarded(server):
    """Also of the proxy's own address."""
    async with proxy_to(server) as proxy, Transport(network=through(proxy)) as transport:
        for port in (server, URL(proxy.url).port):
            with pytest.raises(BadResponse, match="an address that is not allowed"):
                await transport.download(f"http://127.0.0.1:{port}/a.png")
    assert proxy.asked == []


async def test_the_bot_lives_behind_a_proxy(tmp_path):
    async with DiscordServer(TOKEN) as discord, proxy_to(URL(discord.api_url).port or 0, "me:canary@word") as proxy:
        api_url = str(URL(discord.api_url).with_host("discord.test"))
        password = {"HTTP_PROXY": proxy.url.replace("//", "//me:canary%40word@")}
        async with (
            asyncio.timeout(SECONDS),
            easel(discord, tmp_path, DISCORD_API_URL=api_url, **password) as bot,
        ):
            await discord.ready.wait()
            token = await discord.slash("imagine", prompt="a boat", size="64x64")
            await discord.sent(lambda each: each.files and token in each.path)
            bot.send_signal(signal.SIGTERM)
            _, log = await bot.communicate()
        assert bot.returncode == 0
        assert b"canary" not in log
        assert b"Traceback" not in log
        assert discord.problems == []
    paths = [URL(each.target).path for each in proxy.asked]
    assert any("/webhooks/" in path for path in paths)
    assert {each.login for each in proxy.asked} == {"me:canary@word"}


@pytest.mark.parametrize("variable", ["", "CA_FILE", "SSL_CERT_FILE"])
async def test_discord_with_a_certificate_of_the_hosts(secure, tmp_path, variable):
    values = {variable: str(tmp_path / "ca.pem")} if variable else {}
    api_url = f"https://localhost:{secure}/api/v10"
    run = await process(
        tmp_path, str(ROOT / "bot.py"), "--check", DISCORD_TOKEN=TOKEN, DISCORD_API_URL=api_url, **values
    )
    out, log = await ended(run)
    assert "Traceback" not in out + log, log
    told = row(out.splitlines(), "discord")
    assert told.split()[1] == ("works" if variable else "fails")
    assert ("its certificate is not trusted; CA_FILE can name more" in told) is not bool(variable)


@pytest.mark.parametrize(
    ("demanded", "given", "told"),
    [
        ("", "", "works    {url} opens a tunnel to discord.com"),
        ("me:canary word", "me:canary%20word@", "works    {url} opens a tunnel to discord.com"),
        ("me:canary word", "", "fails    {url} asks for a user and a password"),
        ("me:canary word", "me:wrong@", "fails    {url} does not accept this user and password"),
    ],
)
async def test_the_check_tries_the_proxy(server, tmp_path, demanded, given, told):
    async with proxy_to(server, demanded) as proxy:
        url = proxy.url.replace("//", f"//{given}")
        run = await process(tmp_path, str(ROOT / "bot.py"), "--check", HTTPS_PROXY=url)
        out, log = await ended(run)
    assert row(out.splitlines(), "https_proxy") == f"https_proxy    {told.format(url=proxy.url)}"
    assert "canary" not in out + log


@pytest.mark.parametrize(("variable", "state"), [("HTTPS_PROXY", "fails"), ("HTTP_PROXY", "note")])
async def test_the_check_tells_of_a_proxy_without_tunnels(tmp_path, variable, state):
    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as refusing:
        url = f"http://127.0.0.1:{refusing.sockets[0].getsockname()[1]}"
        run = await process(tmp_path, str(ROOT / "bot.py"), "--check", **{variable: url})
        out, _ = await ended(run)
    name = variable.lower()
    assert row(out.splitlines(), name) == f"{name:14} {state:8} {url} opens no tunnel to discord.com: status 403"


async def test_a_proxy_that_is_not_asked_for_discord_may_refuse_tunnels(server, tmp_path):
    async with proxy_to(server, "other:login") as proxy:
        refusing = {"HTTPS_PROXY": proxy.url, "NO_PROXY": "discord.com"}
        run = await process(tmp_path, str(ROOT / "bot.py"), "--check", **refusing)
        out, _ = await ended(run)
    assert row(out.splitlines(), "no_proxy") == "no_proxy       works    reached without a proxy: discord"


async def test_the_check_tells_that_the_proxy_is_away(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        run = await process(tmp_path, str(ROOT / "bot.py"), "--check", HTTPS_PROXY=url)
        out, _ = await ended(run)
    assert row(out.splitlines(), "https_proxy") == f"https_proxy    fails    {url} cannot be reached"


OWN = {"COMFYUI_BASE_URL": "http://192.168.1.20:8188", "AUTOMATIC1111_BASE_URL": "http://127.0.0.1:7860"}
PROXIES = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
LED = ["note     comfyui has a private address, and goes through the proxy: NO_PROXY can name it"]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, []),
        ({"NO_PROXY": "gpu.lan"}, ["note     stands for nothing without HTTP_PROXY or HTTPS_PROXY"]),
        (PROXIES, []),
        (PROXIES | OWN, LED),
        (PROXIES | {"NO_PROXY": "gpu.lan"}, ["works    reached without a proxy: none of the servers set here"]),
        (PROXIES | OWN | {"NO_PROXY": "gpu.lan"}, ["works    reached without a proxy: automatic1111", *LED]),
        (PROXIES | OWN | {"NO_PROXY": "192.168.0.0/16"}, ["works    reached without a proxy: automatic1111, comfyui"]),
        (
            PROXIES | {"NO_PROXY": "*", "SPOOL_URL": "s3://a", "AWS_ENDPOINT_URL": "http://minio.lan:9000"},
            ["works    reached without a proxy: discord, spool"],
        ),
    ],
)
async def test_the_check_tells_what_is_reached_without_the_proxy(values, told):
    found = await check_network(read_config(values))
    assert [str(each) for each in found if each.name == "no_proxy"] == [f"no_proxy       {each}" for each in told]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "names a file that cannot be read: No such file or directory."),
        (b"", "names a file without certificates in PEM format."),
        (b"\x30\x82\x01\x0a\x02", "names a file without certificates in PEM format."),
        (
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "names a file without certificates in PEM format.",
        ),
    ],
)
async def test_a_file_without_certificates_is_told(tmp_path, content, told):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    run = await process(tmp_path, str(ROOT / "bot.py"), "--check", CA_FILE=str(path))
    _, log = await ended(run)
    assert (run.returncode, log.strip()) == (2, f"CA_FILE {told}")


async def test_a_folder_is_no_file_with_certificates(tmp_path):
    with pytest.raises(ConfigError, match=r"^CA_FILE names a file that cannot be read: Is a directory\.$"):
        read_config({"CA_FILE": str(tmp_path)})


async def test_the_check_names_the_hosts_certificates(tmp_path):
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    run = await process(tmp_path, str(ROOT / "bot.py"), "--check", CA_FILE=str(tmp_path / "ca.pem"))
    out, _ = await ended(run)
    assert row(out.splitlines(), "ca_file").split()[1] == "works"


@pytest.fixture(scope="module")
def bucket() -> Generator[int]:
    """The port of an S3 server."""
    with s3_server() as url:
        yield URL(url).port or 0


async def check_of_bucket(folder: Path, endpoint: str, **values: str) -> str:
    """What `--check` says of a bucket, without its first word."""
    spool = {"SPOOL_URL": "s3://easel/pictures", "AWS_ENDPOINT_URL": endpoint}
    run = await process(folder, str(ROOT / "bot.py"), "--check", **KEYS, **spool, **values)
    out, log = await ended(run)
    assert "canary" not in out + log
    return row(out.splitlines(), "spool").split(maxsplit=1)[1]


async def test_the_bucket_is_reached_through_the_proxy(bucket, tmp_path):
    async with proxy_to(bucket, "me:canary@word") as proxy:
        through = {"HTTP_PROXY": proxy.url.replace("//", "//me:canary%40word@")}
        told = await check_of_bucket(tmp_path, "http://minio", **through)
    assert told.startswith("works"), told
    assert {each.login for each in proxy.asked if "//minio/" in each.target} == {"me:canary@word"}


async def test_the_bucket_may_have_a_certificate_of_the_hosts(bucket, tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(tls)
    front = await asyncio.start_server(lead_to(bucket), "127.0.0.1", 0, ssl=tls)
    async with front:
        endpoint = f"https://localhost:{front.sockets[0].getsockname()[1]}"
        trusting = await check_of_bucket(tmp_path, endpoint, CA_FILE=str(tmp_path / "ca.pem"))
        without = await check_of_bucket(tmp_path, endpoint)
    assert trusting.startswith("works"), trusting
    assert without.startswith("fails"), without
