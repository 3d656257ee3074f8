# pyright: basic
"""Downloads connect to public addresses only."""

import socket

import pytest

from domain import BadResponse, EaselError, Unavailable
from providers.http import addresses
from providers.http.addresses import guarded_socket, is_public, web_link

PRIVATE = """
0.0.0.0 0.1.2.3 10.0.0.1 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.168.1.1
100.64.0.1 100.127.255.255 192.0.0.8 192.0.2.1 192.88.99.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1
239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 fe80::1 fe80::1%lo
168.63.129.16 ::ffff:168.63.129.16 3fff::1 3fff:fff::1
fc00::1 fd00::1 fec0::1 ff02::1 ff0e::1 2001:db8::1 100::1 5f00::1 2002:7f00:1:: 2002:a00:1::
64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b:1::1 2001:0:4136:e378:8000:63bf:80ff:fffe 2606:4700::1%eth0
"""
PUBLIC = """
1.1.1.1 8.8.8.8 93.184.216.34 162.159.135.232 100.63.255.255 100.128.0.1 172.32.0.1
2606:4700::1111 2a00:1450:4001::1 ::ffff:8.8.8.8 2002:808:808:: 64:ff9b::808:808
"""
NO_ADDRESSES = ["", "localhost", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "1.1.1.1.", "[::1]", "1.1.1.1/0"]
FORBIDDEN_LINKS = [
    *("http://127.0.0.1/", "http://localhost/", "https://localhost:443/", "http://[::1]/", "http://0.0.0.0/"),
    *("http://0x7f.1/", "http://2130706433/", "http://0177.0.0.1/", "http://127.1/", "http://127.0.0.1./"),
    *("http://[::ffff:127.0.0.1]/", "http://[::127.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/"),
    *("http://169.254.169.254/latest/", "http://10.0.0.1/", "http://192.168.0.1/", "http://100.64.0.1/"),
    *("http://1.1.1.1:8080/", "https://8.8.8.8:22/", "http://224.0.0.1/", "http://[fe80::1%25lo]/"),
]
NO_LINKS = [
    *("", " ", "picture.png", "/picture.png", "//example.com/a", "file:///etc/passwd", "ftp://example.com/a"),
    *("javascript:alert(1)", "gopher://1.1.1.1/", "http://", "http:///a", "http://[::1", "http://user:pw@example.com/"),
    *("http://user@example.com/", "http://example.com:99999/", "http://example.com:x/", "unix:///run/x", "about:blank"),
    *("http://a\r\nHost: b/", "https://"),
]
NOWHERE = [
    "http://nowhere.invalid/",
    "http://exa mple.com/",
    "http://\x00/",
    "http://xn--/",
    "http://.../",
    "http://%zz/",
    f"http://{'a' * 70}.invalid/",
]


NO_NAMES = [
    *(f"a{sign}b.example" for sign in (" ", "\x00", "\x1f", "\x7f", "\u00a0", "\u3000", "\u200b", "\u202e", "\ud800")),
    *(
        f"a{sign}b.example"
        for sign in ("<", ">", '"', "'", "\\", "|", "^", "`", "{", "}", "!", "$", "&", "(", "*", "+")
    ),
    *(f"a{sign}b.example" for sign in (",", ";", "=", "~", "%", "%00", "%20", "%3C", "%2e", "%2F", "\uff1c", "..")),
    *(".a.example", "a.example..", ".", "%", "", "[::1", "[a.example]", "[fe80::1%25eth0]", "[fe80::1%<b>]"),
    *("a" * 64 + ".example", f"{'a' * 60}." * 5 + "example"),
]
NAMES = {
    "Pictures.Example": "pictures.example",
    "pictures.example.": "pictures.example.",
    "r3---sn-4g.pictures.example": "r3---sn-4g.pictures.example",
    "my_bucket.s3.example": "my_bucket.s3.example",
    "a" * 63 + ".example": "a" * 63 + ".example",
    "b\u00fccher.example": "xn--bcher-kva.example",
    "fa\u00df.example": "xn--fa-hia.example",
    "\u4f8b\u3048.\u30c6\u30b9\u30c8": "xn--r8jz45g.xn--zckzah",
    "xn--bcher-kva.example": "xn--bcher-kva.example",
    "pictures\u3002example": "pictures.example",
    "8.8.8.8": "8.8.8.8",
    "[2606:4700::1111]": "2606:4700::1111",
    "localhost": "localhost",
    "comfyui_1": "comfyui_1",
}


ODD_HOSTS = [
    *("http://good.example\\@inside.lan/", "http://inside.lan\\.good.example/", "http://good.example\t.inside.lan/"),
    *("http://good.example%00.inside.lan/", "http://good.example%2Finside.lan/", "http://good.example#@inside.lan/"),
    *("http://good.example?@inside.lan/", "http://inside.lan:80@good.example/", "http://g\u2024example/"),
    *("http://\u24dbocalhost/", "http://EXÄMPLE.example/", "http://good.example:80:90/", "http://[::1].good.example/"),
    *("http://good.example\n.inside.lan/", " http://good.example/", "http:good.example/", "http:///good.example/"),
    *("http://good.example;inside.lan/", "http://good.example&inside.lan/", "http://\u3002good.example/"),
]


@pytest.mark.parametrize("address", [*PRIVATE.split(), *NO_ADDRESSES])
def test_private(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC.split())
def test_public(address):
    assert is_public(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_no_socket_for_private_addresses(address):
    with pytest.raises(PermissionError):
        guarded_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)))


@pytest.mark.parametrize(("port", "allowed"), [(80, True), (443, True), (22, False), (8080, False), (0, False)])
def test_ports(port, allowed):
    info = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("1.1.1.1", port))
    if allowed:
        guarded_socket(info).close()
    else:
        with pytest.raises(PermissionError):
            guarded_socket(info)


class Resolver:
    """Resolves every name to one address; without one, to none."""

    def __init__(self, address: str = "") -> None:
        self.address = address
        self.asked: list[str] = []

    async def resolve(self, host, port=0, family=socket.AF_INET):
        self.asked.append(host)
        if not self.address:
            raise OSError("no such name")
        return [{"hostname": host, "host": self.address, "port": port, "family": family, "proto": 6, "flags": 0}]

    async def close(self):
        pass


@pytest.fixture
def resolve_to(transport):
    def resolve_to(address: str) -> None:
        transport._guarded_session.connector._resolver = Resolver(address)

    return resolve_to


@pytest.mark.parametrize("link", FORBIDDEN_LINKS)
async def test_forbidden_links(transport, link):
    with pytest.raises(BadResponse):
        await transport.download(link)


@pytest.mark.parametrize("link", NO_LINKS)
async def test_an_invalid_web_link_is_refused(transport, resolve_to, link):
    resolve_to("")
    with pytest.raises(BadResponse):
        await transport.download(link)


@pytest.mark.parametrize("link", NOWHERE)
async def test_an_unresolvable_link_is_refused_or_unavailable(transport, resolve_to, link):
    resolve_to("")
    with pytest.raises(EaselError) as caught:
        await transport.download(link)
    assert type(caught.value) in (BadResponse, Unavailable)


@pytest.mark.parametrize("link", ODD_HOSTS)
async def test_the_checked_host_is_the_one_that_is_resolved(transport, resolve_to, link):
    resolve_to("")
    with pytest.raises(EaselError):
        await transport.download(link)
    for host in transport._guarded_session.connector._resolver.asked:
        assert host == web_link(link).raw_host


@pytest.mark.parametrize("host", NO_NAMES)
def test_an_invalid_host_name_is_refused(host):
    for port in ("", ":8080"):
        with pytest.raises(BadResponse):
            web_link(f"https://{host}{port}/a.png")


@pytest.mark.parametrize("host", NO_NAMES)
async def test_a_link_with_an_invalid_host_name_is_not_passed_on(transport, resolve_to, host):
    resolve_to("")
    with pytest.raises(BadResponse):
        await transport.fetch(f"https://{host}/a.png")
    assert transport._guarded_session.connector._resolver.asked == []


@pytest.mark.parametrize(("host", "read"), NAMES.items())
def test_which_hosts_may_be_public(host, read):
    assert web_link(f"https://{host}/a.png").raw_host == read


@pytest.mark.parametrize(
    ("link", "opens"),
    [
        ("https://pictures.example/a?sig=%2F", True),
        ("https://pictures.example:8443/a", False),
        ("https://localhost./a", False),
        ("https://nas.LAN./a", False),
        ("https://\u24dbocalhost/a", False),
        ("https://pictures.example/?X-Amz-Security-Token=" + "a" * 1900, True),
        ("https://pictures.example/" + "a" * 8000, False),
    ],
)
def test_which_links_a_member_can_open(link, opens):
    assert addresses.can_be_opened(web_link(link)) is opens


@pytest.mark.parametrize("host", ["a" * 70, f"{'a' * 70}.invalid", "a..invalid", ".a.invalid"])
async def test_an_invalid_host_name_is_not_resolved(transport, host):
    with pytest.raises(BadResponse):
        await transport.download(f"http://{host}/")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254"])
async def test_names_that_resolve_to_private_addresses_are_refused(popcord, resolve_to, monkeypatch, address):
    monkeypatch.setattr(addresses, "WEB_PORTS", (popcord.server.port,))
    resolve_to(address)
    with pytest.raises(BadResponse):
        await popcord.transport.download(f"http://example.com:{popcord.server.port}/pictures/0.png")
    assert popcord.server.requests == []


@pytest.mark.parametrize("own", [True, False])
async def test_names_that_resolve_to_private_addresses_are_refused_even_if_the_provider_is_private(
    popcord, resolve_to, monkeypatch, own
):
    monkeypatch.setattr(addresses, "WEB_PORTS", (popcord.server.port,))
    resolve_to("127.0.0.1")
    popcord.transport._api_session.connector._resolver = Resolver("127.0.0.1")
    with pytest.raises(BadResponse):
        await popcord.transport.download(
            f"http://example.com:{popcord.server.port}/pictures/0.png", own=popcord.server.url if own else ""
        )
    assert popcord.server.requests == []


async def test_dns_rebinding_is_refused(popcord, resolve_to, monkeypatch):
    """The address is checked at every connection, whatever an earlier lookup returned."""
    monkeypatch.setattr(addresses, "WEB_PORTS", (popcord.server.port,))
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1")
    connector = popcord.transport._guarded_session.connector
    connector._force_close = True
    for address in ("127.0.0.1", "127.0.0.2"):
        resolve_to(address)
        connector.clear_dns_cache()
        with pytest.raises(BadResponse):
            await popcord.transport.download(f"http://example.com:{popcord.server.port}/")
    assert len(popcord.server.requests) == 1


@pytest.mark.parametrize(
    "host",
    [
        *("127.1", "10.0.0.1.", "0x7f.0.0.0x1", "2130706433", "0177.0.0.1", "1.2.3.4.", "pictures.0x", "a.b.1"),
        *("xn--0000h", "xn--a.example", "xn--", "pictures.xn--99999999999.com"),
    ],
)
async def test_numbers_in_odd_notation_and_unreadable_punycode_are_no_links(transport, resolve_to, host):
    """A resolver takes numbers for an address, which a check of names does not see."""
    resolve_to("")
    for port in ("", ":8188"):
        with pytest.raises(BadResponse):
            web_link(f"http://{host}{port}/a.png")
    with pytest.raises(BadResponse):
        await transport.fetch(f"http://{host}/a.png", own="http://10.0.0.1:8188")
    assert transport._guarded_session.connector._resolver.asked == []
