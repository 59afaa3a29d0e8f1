"""The web socket that leads to a database: who may enter, what is refused and how, how it ends."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from jitsu_py import wire
from jitsu_py.server import run

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow


def database(platform: LocalPlatform, name: str) -> dict[str, Any]:
    """Make a redis."""
    answer = platform.call("POST", f"/databases/{platform.user}/{name}", {"type": "redis"})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["database"]
    return made


def entered(platform: LocalPlatform, path: str, login: str | None = None, **headers: str) -> ClientConnection:
    """A web socket to the platform, as the local account unless `login` (`user:secret`) says otherwise."""
    proof = f"{platform.user}:{platform.token}" if login is None else login
    given = {"Authorization": f"Basic {base64.b64encode(proof.encode()).decode()}"} if proof else {}
    return connect(
        platform.status.api.replace("http", "ws") + path,
        additional_headers={**given, **headers},
        open_timeout=60,
        close_timeout=30,
        compression=None,
        proxy=None,
    )


def refused(platform: LocalPlatform, path: str, login: str | None = None, **headers: str) -> tuple[int, str]:
    """The status and error code with which a web socket is refused, in the API's own form."""
    with pytest.raises(InvalidStatus) as caught, entered(platform, path, login, **headers):
        pass
    response = caught.value.response
    assert "Nodejitsu" in response.headers[wire.POWERED_BY]
    assert response.headers[wire.REQUEST_ID]
    body = json.loads(response.body or b"")
    assert body["message"]
    return response.status_code, body["error"]


def test_bytes_reach_the_database_and_come_back(shared_platform: LocalPlatform) -> None:
    """Pieces arrive as they are; after the end is said the answers still come, then the close."""
    made = database(shared_platform, "reached")
    with entered(shared_platform, f"/databases/{shared_platform.user.upper()}/reached/tunnel") as socket:
        socket.send(f"AUTH {made['metadata']['password']}\r\nPI".encode())
        socket.send(b"NG\r\n*2\r\n$4\r\nECHO\r\n$2\r\n\xff\xfe\r\n")
        socket.send(wire.TUNNEL_END)
        found = b"".join(message for message in socket if isinstance(message, bytes))
    assert found == b"+OK\r\n+PONG\r\n$2\r\n\xff\xfe\r\n"
    assert socket.close_code == 1000


def test_the_tunnel_opens_no_database_by_itself(shared_platform: LocalPlatform) -> None:
    """The database's own password is still asked for."""
    database(shared_platform, "locked")
    with entered(shared_platform, f"/databases/{shared_platform.user}/locked/tunnel") as socket:
        socket.send(b"GET a\r\n")
        assert b"NOAUTH" in socket.recv(timeout=60, decode=False)


def test_who_may_not_enter(shared_platform: LocalPlatform) -> None:
    """Each refusal is an answer like any other: its status, its code, a sentence."""
    platform, user = shared_platform, shared_platform.user
    database(platform, "guarded")
    path = f"/databases/{user}/guarded/tunnel"
    assert refused(platform, path, "") == (401, "unauthorized")
    assert refused(platform, path, f"{user}:wrong") == (401, "unauthorized")
    assert refused(platform, "/databases/somebody/guarded/tunnel") == (403, "forbidden")
    assert refused(platform, f"/databases/{user}/nothing/tunnel") == (404, "not_found")
    assert refused(platform, path, Origin="https://elsewhere.example") == (403, "forbidden")
    for scope in ("read", "deploy"):
        made = platform.call("PUT", f"/users/{user}/tokens/{scope}", {"scope": scope}).json()
        assert refused(platform, path, f"{user}:{made[scope]}") == (403, "forbidden")
    full = platform.call("PUT", f"/users/{user}/tokens/all").json()["all"]
    with entered(platform, path, f"{user}:{full}"):
        pass


def test_other_paths_take_no_web_sockets(shared_platform: LocalPlatform) -> None:
    """There the answer is a 404 of ours; the tunnel's path without a web socket is one too."""
    user = shared_platform.user
    for path in ("/", f"/apps/{user}", "/nothing", f"/databases/{user}/x/tunnel/more"):
        assert refused(shared_platform, path) == (404, "not_found")
    answer = shared_platform.call("GET", f"/databases/{user}/x/tunnel")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


def test_a_database_that_does_not_run(shared_platform: LocalPlatform) -> None:
    """The refusal says so at once, and is the system's, not the caller's."""
    database(shared_platform, "asleep")
    path = f"/databases/{shared_platform.user}/asleep"
    assert shared_platform.call("POST", f"{path}/stop").ok
    assert refused(shared_platform, f"{path}/tunnel") == (503, "unavailable")


def test_what_is_no_traffic_does_no_harm(shared_platform: LocalPlatform) -> None:
    """Other texts are ignored, too long a message ends the connection, half a handshake is answered."""
    made = database(shared_platform, "sturdy")
    path = f"/databases/{shared_platform.user}/sturdy/tunnel"
    with entered(shared_platform, path) as socket:
        socket.send("what is this?")
        socket.send(b"")
        socket.send(f"AUTH {made['metadata']['password']}\r\n".encode())
        assert socket.recv(timeout=60) == b"+OK\r\n"
        socket.send(b"x" * (wire.TUNNEL_MESSAGE + 1))
        with pytest.raises(ConnectionClosed) as ended:
            socket.recv(timeout=60)
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.code == 1009
    half = {"Connection": "Upgrade", "Upgrade": "websocket"}
    answer = requests.get(shared_platform.status.api + path, headers=half, timeout=60)
    assert 400 <= answer.status_code < 500
    with entered(shared_platform, path) as again:
        again.send(b"PING\r\n")
        assert again.recv(timeout=60)


def test_a_database_that_ends_closes_its_tunnels(shared_platform: LocalPlatform) -> None:
    """Whoever is connected sees the end."""
    database(shared_platform, "ending")
    path = f"/databases/{shared_platform.user}/ending"
    with entered(shared_platform, f"{path}/tunnel") as socket:
        assert shared_platform.call("DELETE", path).ok
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=60)


def test_a_server_that_stops_waits_for_no_tunnel(platform: LocalPlatform) -> None:
    """It closes them and is gone; the database goes on where drones do."""
    database(platform, "left")
    with entered(platform, f"/databases/{platform.user}/left/tunnel") as socket:
        assert run.stop(platform.home)
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=60)
