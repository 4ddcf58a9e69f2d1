"""Which addresses a provider may be reached at. A base URL comes from a user, so without rules it would let them send
requests from inside the server's network (server-side request forgery).

The rules are checked twice: for the user's sake when a base URL is saved, as far as it tells, and for safety's sake on
each socket before it connects. By then the address is a number, so neither a DNS answer nor an odd spelling gets around
it.
"""

import socket
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from aiohttp import AddrInfoType

IPAddress = IPv4Address | IPv6Address

METADATA_NAMES = {
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "instance-data",
    "instance-data.ec2.internal",
}
METADATA_NETWORKS = [
    ip_network(network)
    for network in (
        "100.100.100.200/32",  # Alibaba Cloud
        "168.63.129.16/32",  # Azure's wire server
        "192.0.0.192/32",  # Oracle Cloud
        "fd00:ec2::/32",  # Amazon: fd00:ec2::254 and the services beside it
        "fd00:c1::a9fe:a9fe/128",  # Oracle Cloud
        "fd20:ce::254/128",  # Google Cloud
    )
]
LAST_FOUR_BYTES = [ip_network(network) for network in ("::/96", "64:ff9b::/96", "64:ff9b:1::/48")]
"""IPv4-compatible addresses and NAT64: the IPv4 address is in the last four bytes."""

SITE_LOCAL = ip_network("fec0::/10")
NEVER = "Link-local and cloud metadata addresses are never allowed."


class AddressRefused(OSError, ValueError):
    """The address may not be used; the message is a sentence. An OSError too, since that is what a connection attempt
    may raise."""


def effective(address: IPAddress) -> IPAddress:
    """The IPv4 address that the kernel or a gateway sends the packets for this IPv6 address to, where there is one."""
    if not isinstance(address, IPv6Address) or address.is_loopback or address.is_unspecified:
        return address
    if address.teredo:
        return address.teredo[1]
    if any(address in network for network in LAST_FOUR_BYTES):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def check_address(text: str, *, allow_private: bool) -> None:
    """Raises AddressRefused where nobody may connect to this IP address, or only with `allow_private`."""
    address = effective(ip_address(text))
    if address.is_link_local or any(address in network for network in METADATA_NETWORKS):
        raise AddressRefused(NEVER)
    if address.is_loopback or address.is_unspecified:
        refuse_private(allow_private)
    elif address.is_multicast or address.is_reserved or address in SITE_LOCAL:
        raise AddressRefused("Multicast and reserved addresses are never allowed.")
    elif not address.is_global:
        refuse_private(allow_private)


def refuse_private(allow_private: bool) -> None:
    if not allow_private:
        raise AddressRefused(
            "Loopback and private addresses are only allowed where an administrator sets the provider's allow_private."
        )


def checked_socket(*, allow_private: bool) -> Callable[[AddrInfoType], socket.socket]:
    """A maker of sockets for aiohttp's connector: it refuses the address that is about to be connected to."""

    def make(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        check_address(str(address[0]), allow_private=allow_private)
        return socket.socket(family=family, type=kind, proto=protocol)

    return make


def check_base_url(url: str, *, allow_private: bool) -> None:
    """Raises AddressRefused for a base URL that could never be used. A host name is not looked up, which may take long:
    what it stands for is checked at each connection."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise AddressRefused("The base URL is not a URL.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise AddressRefused("The base URL must start with http:// or https:// and name a host.")
    if any(character.isspace() or character in "\\%\x7f" or character < " " for character in url):
        raise AddressRefused("The base URL holds characters that do not belong in a URL.")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("The base URL may not hold a user name or password; give the key as api_key.")
    if parts.query or parts.fragment:
        raise AddressRefused("The base URL may not hold a query or a fragment.")
    host = parts.hostname.rstrip(".").lower()
    if host in METADATA_NAMES:
        raise AddressRefused(NEVER)
    if host == "localhost" or host.endswith(".localhost"):
        refuse_private(allow_private)
    elif address := literal_address(host):
        check_address(address, allow_private=allow_private)


def literal_address(host: str) -> str | None:
    """The IP address that this is, in whatever spelling (`127.1`, `0x7f000001`); None for a name."""
    with suppress(ValueError):
        return str(ip_address(host))
    with suppress(OSError, ValueError):
        return socket.inet_ntoa(socket.inet_aton(host))
    return None
