"""The API under its own name, behind the router and by HTTPS: all that a client does goes through."""

from __future__ import annotations

import io
import json
import os
import socket
import time
from typing import TYPE_CHECKING

import pytest

from jitsu_py import errors
from jitsu_py.api import Client
from jitsu_py.server import run
from tests.cli.tls_world import proxy
from tests.platforms import LocalPlatform, archive, free_ports, hello
from tests.server.acme_world import Pebble, needs_pebble

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, needs_pebble]

NAME = "api.example.com"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalPlatform, str, Path]]:
    """A platform whose API has a name, the address of that, and who signed its certificate."""
    folder = tmp_path_factory.mktemp("https")
    home = folder / "home"
    home.mkdir()
    api, port, tls = free_ports(3)
    pebble = Pebble(folder / "pebble", port)
    (home / "server.toml").write_text(
        f'[api]\nhost = "{NAME}"\n[router]\nhttps = {tls}\n[drones]\ngrace = 2\ndrain = 1\n[acme]\n'
        f'email = "ops@example.com"\ndirectory = "{pebble.directory}"\nca = "{pebble.ca}"\n'
    )
    with pebble.running():
        root = folder / "root.pem"
        root.write_text(pebble.root())
        platform = LocalPlatform(home)
        platform.status = run.start(home, api_port=api, router_port=port)
        try:
            yield platform, f"https://{NAME}:{tls}", root
        finally:
            run.stop(home)


@pytest.fixture
def client(world: tuple[LocalPlatform, str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Somebody elsewhere with a token; a proxy stands for the DNS."""
    platform, address, ca = world
    token = platform.call("PUT", f"/users/{platform.user}/tokens/far").json()["far"]
    with proxy(int(address.rpartition(":")[2])) as running:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{running.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        deadline = time.monotonic() + 60
        while True:
            try:
                with Client(address, platform.user, token, verify=str(ca), timeout=30) as made:
                    made.system.health()
                    yield made
                return
            except errors.UnreachableError:
                # Its certificate is made after the start.
                assert time.monotonic() < deadline
                time.sleep(0.2)


def test_a_deploy_goes_through(client: Client) -> None:
    """An app made, uploaded with its build's events, started, and its log followed."""
    client.apps.create({"name": "far", "version": "0.1.0"})
    big = {**hello("far"), "noise.bin": os.urandom(3_000_000)}
    built = client.snapshots.upload("far", "0.1.0", io.BytesIO(archive(big)))
    assert built.state == "ready"
    client.snapshots.activate("far", "0.1.0")
    assert client.apps.start("far").state == "started"


def test_endpoints_name_the_address_that_was_used(
    client: Client, world: tuple[LocalPlatform, str, Path]
) -> None:
    """An old client goes on at the address that is for people elsewhere; one on the machine, at its own."""
    platform, address, _ = world
    assert client.system.endpoints() == {"local": {"local": address}}
    assert platform.call("GET", "/endpoints").json() == {
        "endpoints": {"local": {"local": platform.status.api}}
    }


def test_the_machines_own_token_is_worth_nothing_from_elsewhere(
    client: Client, world: tuple[LocalPlatform, str, Path]
) -> None:
    """Who comes through the router is not on this machine, though the router is."""
    platform, address, ca = world
    far = Client(address, platform.user, platform.token, verify=str(ca))
    with far, pytest.raises(errors.NotLoggedInError):
        far.users.auth()
    assert client.users.auth().user == platform.user


def test_no_password_goes_in_the_clear(world: tuple[LocalPlatform, str, Path]) -> None:
    """By HTTP there is only the way to HTTPS."""
    platform, address, _ = world
    port = int(platform.status.router.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
        plain.sendall(f"PUT /apps/x HTTP/1.1\r\nhost: {NAME}\r\nconnection: close\r\n\r\n".encode())
        said = b""
        while chunk := plain.recv(65536):
            said += chunk
    assert said.startswith(b"HTTP/1.1 308")
    assert f"location: {address}/apps/x".encode() in said


def test_no_app_takes_the_apis_name(world: tuple[LocalPlatform, str, Path]) -> None:
    """409, whether as a domain or by its subdomain."""
    platform = world[0]
    answer = platform.call("POST", f"/apps/{platform.user}", {"name": "thief", "domains": [NAME]})
    assert (answer.status_code, answer.json()["error"]) == (409, "domain_taken"), json.dumps(answer.json())
