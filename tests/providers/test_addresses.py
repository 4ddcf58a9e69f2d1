import socket

import msgspec
import pytest

from agents.providers.addresses import AddressRefused, check_address, check_base_url
from agents.providers.base import ProviderError
from tests.plugin import NetworkRefused
from tests.providers.conftest import QUICK, reply_of
from tests.upstreams.openai import OpenAIUpstream, reply

NEVER = [
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "::ffff:169.254.169.254",
    "::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd20:ce::254",
    "224.0.0.1",
    "ff02::1",
    "240.0.0.1",
    "255.255.255.255",
    "fec0::1",
]
PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "fd12:3456::1",
    "::ffff:10.0.0.1",
    "2002:a00:1::1",
    "198.18.0.1",
]
PUBLIC = ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", NEVER)
def test_addresses_that_nobody_may_use(address):
    for allow_private in (True, False):
        with pytest.raises(AddressRefused, match="never allowed"):
            check_address(address, allow_private=allow_private)


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_need_allow_private(address):
    check_address(address, allow_private=True)
    with pytest.raises(AddressRefused, match="allow_private"):
        check_address(address, allow_private=False)


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_that_everybody_may_use(address):
    check_address(address, allow_private=False)


LINK_LOCAL = [
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "[fe80::1]",
    "[::ffff:a9fe:a9fe]",
    "metadata.google.internal",
    "METADATA.google.internal.",
]
LOOPBACK = [
    "127.0.0.1:11434",
    "localhost",
    "Models.localhost.",
    "2130706433",
    "0x7f.1",
    "017700000001",
    "127.1",
    "[::]",
]


@pytest.mark.parametrize("host", LINK_LOCAL)
def test_a_link_local_host_is_refused_in_every_spelling(host):
    with pytest.raises(AddressRefused, match="never allowed"):
        check_base_url(f"http://{host}/v1", allow_private=True)


@pytest.mark.parametrize("host", LOOPBACK)
def test_a_loopback_host_needs_allow_private_in_every_spelling(host):
    check_base_url(f"http://{host}/v1", allow_private=True)
    with pytest.raises(AddressRefused, match="allow_private"):
        check_base_url(f"http://{host}/v1", allow_private=False)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://example.com", "must start with http"),
        ("file:///etc/passwd", "must start with http"),
        ("example.com/v1", "must start with http"),
        ("http://", "must start with http"),
        ("", "must start with http"),
        ("http://alice:secret@example.com", "user name or password"),
        ("http://alice@example.com", "user name or password"),
        ("https://example.com/v1?key=1", "query or a fragment"),
        ("https://example.com/v1#top", "query or a fragment"),
        ("https://exa mple.com", "do not belong"),
        ("https://example.com\\@127.0.0.1", "do not belong"),
        ("http://[fe80::1%25lo]", "do not belong"),
        ("https://example.com:port", "not a URL"),
        ("https://[::1", "not a URL"),
    ],
)
def test_what_is_no_base_url(url, words):
    with pytest.raises(AddressRefused, match=words):
        check_base_url(url, allow_private=True)


def test_a_host_name_is_not_looked_up():
    """A look-up would be refused here, see tests.plugin."""
    with pytest.raises(NetworkRefused):
        socket.getaddrinfo("models.example.com", 443)
    check_base_url("https://models.example.com/v1", allow_private=False)


ONCE = msgspec.structs.replace(QUICK, retries=0)
KINDS = ["anthropic", "openai", "ollama"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "base_url", ["http://127.0.0.1:{port}/v1", "http://[::ffff:127.0.0.1]:{port}/v1", "http://localhost:{port}/v1"]
)
async def test_the_address_is_checked_again_when_it_is_connected_to(opened, kind, base_url):
    async with OpenAIUpstream(always=lambda: reply("secret")) as upstream:
        provider = opened(kind, base_url=base_url.format(port=upstream.port), allow_private=False, patience=ONCE)
        with pytest.raises(ProviderError, match=f"{kind} may not be reached at its base URL: Loopback and private"):
            await reply_of(provider)
        with pytest.raises(ProviderError, match="may not be reached"):
            await provider.list_models()
        assert not upstream.requests


@pytest.mark.parametrize("kind", KINDS)
async def test_an_answer_of_the_name_server_that_changed_is_refused(opened, names, kind):
    names["models.example.com"] = "127.0.0.1"
    async with OpenAIUpstream(always=lambda: reply("secret")) as upstream:
        base_url = f"http://models.example.com:{upstream.port}/v1"
        provider = opened(kind, base_url=base_url, allow_private=False, patience=ONCE)
        with pytest.raises(ProviderError, match="may not be reached at its base URL: Loopback and private"):
            await reply_of(provider)
        assert not upstream.requests


@pytest.mark.parametrize("kind", KINDS)
async def test_proxies_of_the_environment_are_not_used(opened, names, kind, monkeypatch):
    async with OpenAIUpstream(always=lambda: reply("secret")) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        provider = opened(kind, base_url="http://models.example.com/v1", patience=ONCE)
        with pytest.raises(ProviderError, match="host name of its base URL is not known"):
            await reply_of(provider)
        assert not proxy.requests
