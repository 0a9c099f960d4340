"""Keeps requests to sources on the public internet, so that no URL reaches internal services (SSRF).

It works below TLS: the address that was checked is the one that is connected to.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import httpcore
from typing_extensions import override

from uploader_service.sources.deadline import Deadline, TimedStream
from uploader_service.sources.problems import ForbiddenAddress, SourceFailed

Resolver: TypeAlias = Callable[[str, int], Sequence[str]]
"""Host and port to addresses. Raises `OSError` when there are none."""

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

# Python's own `is_global` differs between patch releases, so what matters is spelled out: the special registries of
# RFC 6890 and after. For IPv6 only what IANA has given out as unicast is public, which leaves out IPv4-mapped
# addresses, NAT64 and everything local by itself.
_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")
_SPECIAL_V6 = tuple(ipaddress.IPv6Network(net) for net in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
_SPECIAL_V4 = tuple(
    ipaddress.IPv4Network(net)
    for net in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)


def system_resolver(host: str, port: int) -> Sequence[str]:
    """Resolve a name with the operating system; its order is kept."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(text: str) -> bool:
    """Return whether the text is an address of the public internet."""
    try:
        address: Address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not any(address in net for net in _SPECIAL_V4)
    in_special = any(address in net for net in _SPECIAL_V6)
    return address.scope_id is None and address.is_global and address in _PUBLIC_V6 and not in_special


class GuardedNetwork(httpcore.NetworkBackend):
    """Connects to public addresses, and to the trusted origins (`host:port`) wherever they are.

    A name is resolved once per connection. One address that is not public refuses the name, as DNS rebinding mixes
    public and private ones. TLS above still checks the certificate against the name.
    """

    def __init__(self, trusted: frozenset[str], resolver: Resolver, deadline: Deadline) -> None:
        self._trusted = frozenset(origin.lower() for origin in trusted)
        self._resolver = resolver
        self._deadline = deadline
        self._system = httpcore.SyncBackend()

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Raises `SourceFailed` for a forbidden address, and what httpcore's own backend raises."""
        failure: httpcore.ConnectError | httpcore.ConnectTimeout = httpcore.ConnectError(f"{host} has no address")
        for address in self._addresses(host, port):
            try:
                step_timeout = self._deadline.shorten(timeout)
                stream = self._system.connect_tcp(address, port, step_timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return TimedStream(stream, self._deadline)
        raise failure

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            addresses = self._resolver(host, port)
        # A name that IDNA cannot encode is an unknown name too; getaddrinfo reports it in its own way.
        except (OSError, UnicodeError) as error:
            message = f"the name {host} cannot be resolved"
            raise httpcore.ConnectError(message) from error
        if f"{host.lower()}:{port}" not in self._trusted:
            for address in addresses:
                if not is_public(address):
                    raise SourceFailed(ForbiddenAddress(host=host, address=address))
        return addresses
