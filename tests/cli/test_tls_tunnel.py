"""The way to a database over TLS and through a proxy: trusted or refused as all requests are."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from websockets.sync.server import serve

from jitsu_py import errors
from jitsu_py.api import Client
from tests.cli.tls_world import Authority, proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from websockets.sync.server import ServerConnection

NAME = "jitsu.example"


def echo(connection: ServerConnection) -> None:
    """Give back what comes."""
    for message in connection:
        connection.send(message)


@contextmanager
def far_end(certificate: Path) -> Iterator[int]:
    """A server of web sockets behind TLS; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serve(echo, "127.0.0.1", 0, ssl=context) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join()


def silent(words: str) -> None:
    """Where no word is expected."""
    raise AssertionError(words)


def echoed(client: Client) -> bytes:
    """What comes back of a word through a tunnel."""
    with (
        client.databases.tunnel("cache", 0, silent) as tunnel,
        socket.create_connection(("127.0.0.1", tunnel.port), timeout=60) as near,
    ):
        near.sendall(b"word")
        return near.recv(4)


def test_a_private_authority(tmp_path: Path) -> None:
    """Its certificate, named by --cacert, is what makes the server trusted; without it nothing is sent."""
    authority = Authority(tmp_path)
    with far_end(authority.issue("localhost", "127.0.0.1")) as port:
        host = f"https://127.0.0.1:{port}"
        with Client(host, "ada", "token", verify=str(authority.file)) as client:
            assert echoed(client) == b"word"
        with Client(host, "ada", "token") as client, pytest.raises(errors.UnreachableError) as refused:
            echoed(client)
        assert "no safe connection" in refused.value.message
        assert "--cacert" in refused.value.hint


def test_a_certificate_for_another_name(tmp_path: Path) -> None:
    """It is refused, whoever signed it."""
    authority = Authority(tmp_path)
    with (
        far_end(authority.issue("elsewhere.example")) as port,
        Client(f"https://localhost:{port}", "ada", "token", verify=str(authority.file)) as client,
        pytest.raises(errors.UnreachableError, match="another name"),
    ):
        echoed(client)


def test_a_proxy_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is gone through, with its login; inside it is TLS with the server itself."""
    authority = Authority(tmp_path)
    with far_end(authority.issue(NAME)) as port, proxy(port, "me:proxy-word") as running:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:proxy-word@127.0.0.1:{running.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with Client(f"https://{NAME}", "ada", "token", verify=str(authority.file)) as client:
            assert echoed(client) == b"word"
        assert set(running.asked) == {f"CONNECT {NAME}:443 HTTP/1.1"}
        running.login = "me:another-word"
        with (
            Client(f"https://{NAME}", "ada", "token", verify=str(authority.file)) as client,
            pytest.raises(errors.UnreachableError) as refused,
        ):
            echoed(client)
    assert refused.value.code == "proxy"
    assert "proxy-word" not in f"{refused.value.message} {refused.value.hint}"
