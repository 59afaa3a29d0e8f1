"""How fast the API answers: logins by token, and a list of many apps."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from jitsu_py.server.store import apps, load_sealer, open_store, users
from tests.platforms import LocalPlatform

if TYPE_CHECKING:
    from collections.abc import Callable

PER_SECOND = 800
"""`GET /auth` with a token, wanted."""

LIST_SECONDS = 0.050
"""`GET /apps/:user` with a thousand apps, wanted as the median."""


def run(small: bool = False) -> list[dict[str, Any]]:
    """Measure, over one connection, as a client does that keeps it.

    Args:
        small: few requests and apps, to see that it works.

    Returns:
        Rows with name, ours, other (what it is held against), other_s, ratio, target.
    """
    count = 20 if small else 1000
    with tempfile.TemporaryDirectory() as folder, LocalPlatform(Path(folder) / "home") as platform:
        _fill(platform, count)
        made = platform.call("PUT", f"/users/{platform.user}/tokens/bench").json()["bench"]
        with requests.Session() as session:
            session.auth = (platform.user, made)
            session.trust_env = False
            return [_auth(platform, session, 50 if small else 4000), _list(platform, session, count, small)]


def _auth(platform: LocalPlatform, session: requests.Session, count: int) -> dict[str, Any]:
    import http.client
    from base64 import b64encode

    host = platform.status.api.removeprefix("http://")
    user, secret = session.auth  # type: ignore[misc]
    login = {"authorization": "Basic " + b64encode(f"{user}:{secret}".encode()).decode()}
    connection = http.client.HTTPConnection(host, timeout=30)

    def ask() -> None:
        connection.request("GET", "/auth", headers=login)
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read()

    ask()
    began = time.perf_counter()
    for _ in range(count):
        ask()
    rate = count / (time.perf_counter() - began)
    connection.close()
    return {
        "name": "GET /auth with a token",
        "ours": rate,
        "unit": "/s",
        "other": "wanted",
        "other_s": PER_SECOND,
        "ratio": rate / PER_SECOND,
        "target": 1.0,
        "at_least": True,
    }


def _list(platform: LocalPlatform, session: requests.Session, count: int, small: bool) -> dict[str, Any]:
    url = f"{platform.status.api}/apps/{platform.user}"

    def ask() -> None:
        # Read, not parsed: what the client does with it is not the server's time.
        assert len(session.get(url, timeout=30).content) > count * 100

    seconds = _median(ask, 3 if small else 30)
    assert len(json.loads(session.get(url, timeout=30).content)["apps"]) == count
    return {
        "name": f"GET /apps/:user with {count} apps, median",
        "ours": seconds,
        "other": "wanted",
        "other_s": LIST_SECONDS,
        "ratio": seconds / LIST_SECONDS,
        "target": 1.0,
    }


def _median(call: Callable[[], None], turns: int) -> float:
    call()
    spent = []
    for _ in range(turns):
        began = time.perf_counter()
        call()
        spent.append(time.perf_counter() - began)
    return statistics.median(spent)


def _fill(platform: LocalPlatform, count: int) -> None:
    """Put apps with some settings and variables into the store; the API would take its time."""
    store = open_store(platform.home, load_sealer(platform.home))
    with store.write() as connection:
        owner = users.get(connection, platform.user)
        for number in range(count):
            manifest = {
                "version": "1.0.0",
                "scripts": {"start": "node server.js"},
                "engines": {"node": "20.x"},
            }
            env = store.sealer.seal({"KEY": "value", "OTHER": "x" * 40})
            name = f"app-{number:04}"
            apps.create(connection, owner.id, name, subdomain=name, manifest=manifest, env=env)
    store.close()
