"""HTTPS in the router: a real HAProxy, real handshakes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import ssl
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from jitsu_py.server.parts import front
from jitsu_py.server.router import ApiHost, Front, Https, Router, find_haproxy
from jitsu_py.server.router.front import HSTS
from jitsu_py.server.settings import load
from tests.platforms import free_ports
from tests.server.https_world import (
    certificate,
    close,
    secure_router,
    serial,
    shown,
    trusting,
    trusting_anybody,
    visit,
)
from tests.server.router_world import HOST, ask, drone, route

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

OTHER = "other.localhost"
ACME = "/.well-known/acme-challenge/some-token"


def worker_of(run: Path) -> int:
    """The pid of HAProxy's worker: another one after a reload."""
    import psutil

    master = psutil.Process(int((run / "haproxy.pid").read_text()))
    return int(master.children()[0].pid)


async def again(port: int, home: Path) -> str:
    """Visit until there is an answer: a connection that a killed HAProxy held is reset."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                return (await visit(port, HOST, trusting(home)))[0].name
            await asyncio.sleep(0.05)


def test_certificates_come_and_go_without_a_reload(tmp_path: Path) -> None:
    """A host is served by HTTPS once it has a certificate, and by the new one when it is renewed."""

    async def story() -> None:
        run, (port, tls) = tmp_path / "run", free_ports(2)
        async with secure_router(run, port, tls) as router, drone("a") as target:
            await router.apply([route("r1", target, hosts=[HOST, OTHER])])
            before = worker_of(run)
            first = await certificate(tmp_path / "ca", HOST)
            await router.certify([first])
            answer, agreed = await visit(tls, HOST, trusting(tmp_path / "ca"))
            assert (answer.status, answer.name) == (200, "a")
            assert "x-forwarded-proto: https" in answer.body
            assert agreed.version() == "TLSv1.3"
            renewed = await certificate(tmp_path / "ca", HOST)
            await router.certify([renewed, await certificate(tmp_path / "ca", OTHER)])
            assert await shown(tls, HOST) == serial(renewed)
            assert (await visit(tls, OTHER, trusting(tmp_path / "ca")))[0].status == 200
            await router.certify([])
            assert await shown(tls, HOST) not in {serial(first), serial(renewed)}
            assert worker_of(run) == before

    asyncio.run(story())


def test_nobody_notices_a_renewal(tmp_path: Path) -> None:
    """While a certificate is replaced again and again, every handshake is good."""

    async def story() -> None:
        run, (port, tls) = tmp_path / "run", free_ports(2)
        async with secure_router(run, port, tls) as router, drone("a") as target:
            await router.apply([route("r1", target)])
            await router.certify([await certificate(tmp_path / "ca", HOST)])
            context, done, statuses = trusting(tmp_path / "ca"), asyncio.Event(), list[int]()

            async def visitor() -> None:
                while not done.is_set():
                    statuses.append((await visit(tls, HOST, context))[0].status)

            async with asyncio.TaskGroup() as group:
                for _ in range(3):
                    group.create_task(visitor())
                for _ in range(10):
                    await router.certify([await certificate(tmp_path / "ca", HOST)])
                    await asyncio.sleep(0.05)
                done.set()
            assert len(statuses) >= 3
            assert set(statuses) == {200}

    asyncio.run(story())


def test_an_unknown_name_gets_the_default_certificate(tmp_path: Path) -> None:
    """Visitors of names without a certificate are answered, by one that is good for no name."""

    async def story() -> None:
        run, (port, tls) = tmp_path / "run", free_ports(2)
        async with secure_router(run, port, tls) as router:
            await router.certify([await certificate(tmp_path / "ca", HOST)])
            with pytest.raises(ssl.SSLCertVerificationError):
                await visit(tls, "nobody.localhost", trusting(tmp_path / "ca"))
            answer, _ = await visit(tls, "nobody.localhost", trusting_anybody())
            assert answer.status == 503  # no routes yet
            await router.apply([])
            answer, _ = await visit(tls, "nobody.localhost", trusting_anybody())
            assert answer.status == 404

    asyncio.run(story())


def test_old_protocols_are_refused_and_http2_is_spoken(tmp_path: Path) -> None:
    """TLS 1.2 at least, with forward secrecy; HTTP/2 for who can."""

    async def story() -> None:
        run, (port, tls) = tmp_path / "run", free_ports(2)
        async with secure_router(run, port, tls) as router:
            await router.certify([await certificate(tmp_path / "ca", HOST)])
            old = trusting(tmp_path / "ca")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
                old.set_ciphers("ALL:@SECLEVEL=0")
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await visit(tls, HOST, old)
            weak = trusting(tmp_path / "ca")
            weak.maximum_version = ssl.TLSVersion.TLSv1_2
            weak.set_ciphers("AES128-SHA:AES256-SHA:@SECLEVEL=0")
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await visit(tls, HOST, weak)
            fine = trusting(tmp_path / "ca")
            fine.maximum_version = ssl.TLSVersion.TLSv1_2
            _, agreed = await visit(tls, HOST, fine)
            suite = agreed.cipher()
            assert suite is not None
            assert suite[0].startswith("ECDHE-")
            modern = trusting(tmp_path / "ca")
            modern.set_alpn_protocols(["h2", "http/1.1"])
            _, writer = await asyncio.open_connection("127.0.0.1", tls, ssl=modern, server_hostname=HOST)
            assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
            await close(writer)

    asyncio.run(story())


def test_only_hosts_with_a_certificate_send_their_visitors_to_https(tmp_path: Path) -> None:
    """An app that asks for HTTPS sends visitors there, path and query kept, once it has a certificate."""

    async def story() -> None:
        run, (port, tls) = tmp_path / "run", free_ports(2)
        async with secure_router(run, port, tls, hsts=100) as router, drone("a") as target:
            asking = replace(route("r1", target), secure=True)
            await router.apply([asking])
            assert (await ask(port)).status == 200
            await router.certify([await certificate(tmp_path / "ca", HOST)])
            sent = await ask(port, path="/a/b?c=d&e")
            assert (sent.status, sent.headers["location"]) == (301, f"https://{HOST}:{tls}/a/b?c=d&e")
            assert (await ask(port, method="POST")).status == 308
            whole = await ask(port, path=f"http://{HOST}/x")  # the absolute form, as proxies send it
            assert whole.headers["location"] == f"https://{HOST}:{tls}/x"
            answer, _ = await visit(tls, HOST, trusting(tmp_path / "ca"))
            # It would hold for every port, and so for what else a developer runs at this name.
            assert "strict-transport-security" not in answer.headers
            await router.apply([replace(asking, secure=False)])
            assert (await ask(port)).status == 200

    asyncio.run(story())


def test_browsers_are_told_to_come_by_https(tmp_path: Path) -> None:
    """HSTS comes with what asks for HTTPS, by HTTPS only."""

    async def story() -> None:
        run, (port, tls) = tmp_path / "run", free_ports(2)
        host = "app.example.com"
        async with secure_router(run, port, tls, hsts=100) as router, drone("a") as target:
            await router.apply([replace(route("r1", target, hosts=[host]), secure=True)])
            answer, _ = await visit(tls, host, trusting_anybody())
            assert "strict-transport-security" not in answer.headers
            await router.certify([replace(await certificate(tmp_path / "ca", HOST), hosts=(host,))])
            answer, _ = await visit(tls, host, trusting_anybody())
            assert answer.headers["strict-transport-security"] == "max-age=100"
            assert "strict-transport-security" not in (await ask(port, host)).headers

    asyncio.run(story())


def test_browsers_remember_https_only_where_it_is_on_the_usual_port(tmp_path: Path) -> None:
    """A promise of HTTPS holds for every port of a name; on another port it is made only when asked for."""
    file = tmp_path / "server.toml"
    file.write_text("[router]\nhttps = 443\n")
    assert front(load(tmp_path), 9002) == Front(Https(443, HSTS))
    file.write_text("[router]\nhttps = 8443\n")
    assert front(load(tmp_path), 9002) == Front(Https(8443, 0))
    file.write_text("[router]\nhttps = 8443\nhsts = 60\n[api]\nhost = 'api.example.com'\n")
    api = ApiHost("api.example.com", "127.0.0.1", 9002)
    assert front(load(tmp_path), 9002) == Front(Https(8443, 60), api)


def test_challenges_are_answered_by_the_router(tmp_path: Path) -> None:
    """An ACME server gets the answer for the host it was made for; all else goes to the app."""

    async def story() -> None:
        run, (port, tls) = tmp_path / "run", free_ports(2)
        async with secure_router(run, port, tls) as router, drone("a") as target:
            await router.apply([replace(route("r1", target, hosts=[HOST, OTHER]), secure=True)])
            await router.prove({f"{HOST}{ACME}": "some-token.thumb"})
            assert (await ask(port, path=ACME)).body == "some-token.thumb"
            assert (await ask(port, OTHER, ACME)).name == "a"
            assert (await ask(port, path=ACME + "x")).name == "a"
            # Also where all else is sent to HTTPS.
            await router.certify([await certificate(tmp_path / "ca", HOST)])
            assert (await ask(port, path=ACME)).body == "some-token.thumb"
            await router.prove({})
            assert (await ask(port, path=ACME)).status == 301

    asyncio.run(story())


def test_a_new_haproxy_has_the_certificates(tmp_path: Path) -> None:
    """Killed, HAProxy comes back with all of HTTPS; a new server takes it over; keys are in no file."""

    async def story() -> None:
        run, (port, tls) = tmp_path / "run", free_ports(2)
        mine = await certificate(tmp_path / "ca", HOST)
        async with drone("a") as target:
            routes = [replace(route("r1", target), secure=True)]
            async with secure_router(run, port, tls, stops=False) as router:
                await router.apply(routes)
                await router.certify([mine])
                os.kill(int((run / "haproxy.pid").read_text()), signal.SIGKILL)
                assert await again(tls, tmp_path / "ca") == "a"
            async with secure_router(run, port, tls) as router:
                before = worker_of(run)
                assert await shown(tls, HOST) == serial(mine)
                assert (await ask(port)).status == 301
                await router.certify([mine])
                await router.apply(routes)
                assert (await visit(tls, HOST, trusting(tmp_path / "ca")))[0].name == "a"
                assert worker_of(run) == before
                assert not [file for file in run.rglob("*") if file.suffix == ".pem"]
                texts = [file.read_bytes() for file in run.rglob("*") if file.is_file()]
                assert not [text for text in texts if b"PRIVATE KEY" in text]

    asyncio.run(story())


def test_https_can_be_switched_on_and_moved(tmp_path: Path) -> None:
    """A server that finds its HAProxy without HTTPS, or with it elsewhere, has it where it is wanted."""

    async def story() -> None:
        run, (port, tls, other) = tmp_path / "run", free_ports(3)
        async with drone("a") as target:
            haproxy = find_haproxy()
            assert haproxy is not None
            plain = Router(haproxy, run, port=port)
            await plain.start()
            await plain.apply([route("r1", target)])
            await plain.close(leave_running=True)
            for at in (tls, other):
                async with secure_router(run, port, at, stops=at == other) as router:
                    await router.certify([await certificate(tmp_path / "ca", HOST)])
                    assert (await visit(at, HOST, trusting(tmp_path / "ca")))[0].name == "a"
                    assert (await ask(port)).name == "a"

    asyncio.run(story())


def test_the_api_answers_under_its_own_name(tmp_path: Path) -> None:
    """Requests for the API's host go to the API, by HTTPS only."""

    async def story() -> None:
        run, (port, tls) = tmp_path / "run", free_ports(2)
        async with drone("api") as target:
            api = ApiHost(OTHER, "127.0.0.1", target.port)
            async with secure_router(run, port, tls, api=api) as router:
                await router.apply([])
                await router.certify([await certificate(tmp_path / "ca", OTHER)])
                answer, _ = await visit(tls, OTHER, trusting(tmp_path / "ca"))
                assert answer.name == "api"
                assert (await ask(port, OTHER)).status == 301
                assert (await ask(port, OTHER, method="PUT")).status == 308

    asyncio.run(story())
