"""Which addresses are of the public internet: asked when a platform is saved, and again when it is connected to."""

import ipaddress
import socket
from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")
_COMPATIBLE = ipaddress.ip_network("::/96")


def addresses_of(host: str) -> list[str]:
    """What a name resolves to now, in the order in which to try. Raises OSError when it is unknown."""
    try:
        found = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    except UnicodeError as error:
        raise OSError("This is no name of a host.") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(host: str) -> bool:
    """Whether a name resolves, and to nothing but addresses of the public internet."""
    try:
        found = addresses_of(host)
    except OSError:
        return False
    return bool(found) and all(map(is_public_address, found))


def is_public_address(text: str) -> bool:
    """Whether an address is of the public internet, and whatever it leads to as well."""
    address = ipaddress.ip_address(text.split("%", 1)[0])
    return all(one.is_global and not one.is_multicast for one in (address, *_inside(address)))


def is_within(text: str, networks: Iterable[Network]) -> bool:
    """Whether an address is in one of these networks. An IPv4 address is the same one when it is written as IPv6."""
    address = ipaddress.ip_address(text.split("%", 1)[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


def _inside(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses that an IPv6 address leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64 or address in _COMPATIBLE:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    if address in _LOCAL_NAT64:  # where in it an IPv4 address stands is the network's own affair
        found.append(ipaddress.IPv4Address(0))
    return [one for one in found if one is not None]
