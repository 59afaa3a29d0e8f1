"""Certificates by ACME: a real platform, a real authority, real proofs by HTTP-01."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.platforms import LocalPlatform, free_ports
from tests.server.acme_world import Pebble, needs_pebble
from tests.server.https_world import shown, visit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.slow, needs_pebble]


def certificates(platform: LocalPlatform, app: str) -> dict[str, dict[str, Any]]:
    """How the app's hosts stand."""
    answer = platform.call("GET", f"/apps/{platform.user}/{app}/certs")
    return {one["host"]: one for one in answer.json()["certificates"]}


def until(holds: Callable[[], bool], why: Callable[[], object]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, why()
        time.sleep(0.1)


def create(platform: LocalPlatform, name: str, *domains: str) -> None:
    """An app with these domains, stopped."""
    body = {"name": name, "version": "0.1.0", "domains": list(domains), "jitsu": {"https": True}}
    answer = platform.call("POST", f"/apps/{platform.user}", body)
    assert answer.status_code == 201, answer.text


def test_domains_get_certificates_and_keep_them(tmp_path: Path) -> None:
    """From a domain to HTTPS and on to its renewal, with an authority that is away in between."""
    home, (tls,) = tmp_path / "home", free_ports(1)
    platform = LocalPlatform(home)
    pebble = Pebble(tmp_path / "pebble", 0)
    home.mkdir()
    (home / "server.toml").write_text(
        f'[api]\nhost = "api.example.com"\n[router]\nhttps = {tls}\ndomain = "apps.example.com"\n'
        f'[acme]\nemail = "ops@example.com"\ndirectory = "{pebble.directory}"\nca = "{pebble.ca}"\n'
    )
    with platform:
        pebble.http_port = int(platform.status.router.rpartition(":")[2])
        create(platform, "shop", "shop.example.com")

        def of_shop() -> dict[str, Any]:
            return certificates(platform, "shop")["shop.example.com"]

        # Nobody answers there yet.
        until(lambda: of_shop()["state"] == "waiting", of_shop)
        assert pebble.directory in of_shop()["error"]
        with pebble.running():
            for host in ("shop.example.com", "shop.apps.example.com"):
                until(lambda: certificates(platform, "shop")[host]["state"] != "none", of_shop)  # noqa: B023
                path = f"/apps/{platform.user}/shop/certs/{host}/retry"
                assert platform.call("POST", path).status_code == 200
            until(
                lambda: {one["state"] for one in certificates(platform, "shop").values()} == {"valid"},
                of_shop,
            )
            assert of_shop()["source"] == "acme"
            context = pebble.trusting()
            answer, _ = asyncio.run(visit(tls, "shop.example.com", context))
            assert answer.status == 503  # the app's page: it is stopped
            key = next((home / "certificates").glob("acme-*.key"))
            assert key.stat().st_mode & 0o777 == 0o600
            # Two thirds of its life are over.
            before = asyncio.run(shown(tls, "shop.example.com"))
            with sqlite3.connect(home / "state.db", timeout=30) as state:
                now = time.time()
                state.execute(
                    "UPDATE certificates SET begins = ?, ends = ? WHERE host = 'shop.example.com'",
                    (now - 70 * 86400, now + 30 * 86400),
                )
            until(lambda: asyncio.run(shown(tls, "shop.example.com")) != before, of_shop)
            answer, _ = asyncio.run(visit(tls, "shop.example.com", context))
            assert answer.status == 503
            # What no app has is asked for by nobody.
            with sqlite3.connect(home / "state.db", timeout=30) as state:
                hosts = {row[0] for row in state.execute("SELECT host FROM certificates")}
            assert hosts <= {"shop.example.com", "shop.apps.example.com", "api.example.com"}
