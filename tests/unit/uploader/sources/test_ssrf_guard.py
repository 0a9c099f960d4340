"""No address outside the public internet is connected to, however it is written."""

import socket
import ssl
from collections.abc import Sequence
from contextlib import closing

import httpcore
import pytest

from uploader_service.sources.deadline import Deadline
from uploader_service.sources.problems import ForbiddenAddress, SourceFailed, TemporarilyUnavailable
from uploader_service.sources.reader import SourceReader
from uploader_service.sources.ssrf_guard import GuardedNetwork, is_public, system_resolver

FORBIDDEN = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:0808:0808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1111%eth0",
    "fec0::1",
    "ff02::1",
    "not an address",
    "",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_special_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"]
)
def test_public_address_is_public(address: str) -> None:
    assert is_public(address)


def always(*addresses: str) -> "Names":
    return Names(addresses)


class Names:
    """A resolver that knows one answer and counts how often it is asked."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.addresses = addresses
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        if not self.addresses:
            message = "no such name"
            raise OSError(message)
        return self.addresses


NO_LIMIT = Deadline(lambda: 0.0)


@pytest.mark.parametrize("addresses", [("10.0.0.1",), ("8.8.8.8", "127.0.0.1"), ("::ffff:10.0.0.1",)])
def test_one_forbidden_address_refuses_the_name(addresses: tuple[str, ...]) -> None:
    with pytest.raises(SourceFailed) as failed:
        GuardedNetwork(frozenset(), always(*addresses), NO_LIMIT).connect_tcp("videos.example", 443)
    assert failed.value.problem == ForbiddenAddress(host="videos.example", address=addresses[-1])


def test_checked_address_is_the_connected_one() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        names = always("127.0.0.1")
        network = GuardedNetwork(frozenset({f"videos.example:{port}"}), names, NO_LIMIT)
        stream = network.connect_tcp("Videos.Example", port, timeout=5.0)
        assert stream.get_extra_info("server_addr") == ("127.0.0.1", port)
        stream.close()
    assert names.asked == [("Videos.Example", port)]


def test_trust_is_for_one_port() -> None:
    network = GuardedNetwork(frozenset({"videos.example:8443"}), always("127.0.0.1"), NO_LIMIT)
    with pytest.raises(SourceFailed):
        network.connect_tcp("videos.example", 443)


def test_next_address_is_tried_if_one_refuses() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        network = GuardedNetwork(
            frozenset({f"videos.example:{port}"}), always("127.0.0.2", "127.0.0.1"), Deadline(lambda: 0.0)
        )
        stream = network.connect_tcp("videos.example", port, timeout=5.0)
        assert stream.get_extra_info("server_addr") == ("127.0.0.1", port)
        stream.close()


def test_unknown_name_is_a_connect_error() -> None:
    with pytest.raises(httpcore.ConnectError, match=r"videos\.example cannot be resolved"):
        GuardedNetwork(frozenset(), always(), NO_LIMIT).connect_tcp("videos.example", 443)


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f000001", "127.1", "[::1]", "[::ffff:127.0.0.1]"])
def test_no_spelling_of_loopback_passes(host: str) -> None:
    with SourceReader(ssl.create_default_context()) as sources:
        problem = sources.probe(f"https://{host}/video.mp4")
    assert isinstance(problem, ForbiddenAddress)
    assert problem.message.startswith("source.url: It points to ")


def test_unknown_name_is_a_temporary_problem() -> None:
    with SourceReader(ssl.create_default_context(), resolver=always()) as sources:
        problem = sources.probe("https://videos.example/a.mp4?signature=planted")
    assert isinstance(problem, TemporarilyUnavailable)
    assert "videos.example cannot be resolved" in problem.message
    assert "planted" not in problem.message


def test_system_resolves_addresses_to_themselves() -> None:
    assert system_resolver("127.0.0.1", 443) == ("127.0.0.1",)
