"""Where the API says that it is found, by what it listens on and who asks."""

from __future__ import annotations

import platform as machine

import pytest

from jitsu_py.server.address import Address

OWN = machine.node()


@pytest.mark.parametrize(
    ("listens", "here", "elsewhere", "came_by_name"),
    [
        ("127.0.0.1", "http://127.0.0.1:9002", "http://127.0.0.1:9002", "http://127.0.0.1:9002"),
        ("::1", "http://[::1]:9002", "http://[::1]:9002", "http://[::1]:9002"),
        ("10.0.0.7", "http://10.0.0.7:9002", "http://10.0.0.7:9002", "http://10.0.0.7:9002"),
        ("0.0.0.0", "http://127.0.0.1:9002", f"http://{OWN}:9002", "http://box.lan:9002"),
        ("::", "http://[::1]:9002", f"http://{OWN}:9002", "http://box.lan:9002"),
    ],
)
def test_without_a_name_of_its_own(listens: str, here: str, elsewhere: str, came_by_name: str) -> None:
    """What listens on all addresses is told to everybody as one that they can use."""
    address = Address(listens, 9002, router_port=8080)
    assert (address.api, address.public) == (here, elsewhere)
    assert address.seen("box.lan") == came_by_name


def test_who_came_by_an_address_of_version_6() -> None:
    """It has brackets in a URL."""
    assert Address("::", 9002, router_port=80).seen("fe80::1") == "http://[fe80::1]:9002"


def test_with_a_name_of_its_own() -> None:
    """People elsewhere use the router; who came by another way stays there."""
    address = Address("127.0.0.1", 9002, router_port=80, https=443, host="api.example.com")
    assert address.public == "https://api.example.com"
    assert address.seen("api.example.com") == "https://api.example.com"
    assert address.seen("localhost") == "http://127.0.0.1:9002"
