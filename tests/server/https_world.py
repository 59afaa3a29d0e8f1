"""A router with HTTPS for tests, certificates of an authority of their own, and visitors who know it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING

from cryptography import x509

from jitsu_py.server.certificates.making import AUTHORITY, FOLDER, LocalAuthority, default_pem
from jitsu_py.server.router import Certificate, Front, Https, Router, find_haproxy
from tests.server.router_world import Answer, ask_on

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from jitsu_py.server.router import ApiHost


@contextlib.asynccontextmanager
async def secure_router(
    run: Path, port: int, tls_port: int, *, hsts: int = 0, api: ApiHost | None = None, stops: bool = True
) -> AsyncIterator[Router]:
    """A started, watched router with HTTPS; with `stops`, ended with its HAProxy."""
    haproxy = find_haproxy()
    assert haproxy is not None
    router = Router(haproxy, run, port=port, front=Front(Https(tls_port, hsts), api), default=default_pem())
    await router.start()
    watching = asyncio.create_task(router.watch())
    try:
        yield router
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await router.close(leave_running=not stops)


async def certificate(home: Path, *hosts: str) -> Certificate:
    """A new certificate of the local authority in a folder, for its first host's visitors and the others'."""
    home.mkdir(exist_ok=True)
    issued = await LocalAuthority(home).issue(hosts[0])
    return Certificate(hosts, issued.chain + issued.key)


def serial(one: Certificate) -> int:
    """The number that tells one certificate from another."""
    return x509.load_pem_x509_certificates(one.pem.encode())[0].serial_number


def trusting(home: Path) -> ssl.SSLContext:
    """What a browser knows that trusts the local authority in a folder, and nobody else."""
    return ssl.create_default_context(cafile=str(home / FOLDER / AUTHORITY))


def trusting_anybody() -> ssl.SSLContext:
    """What takes every certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def visit(
    port: int, host: str, context: ssl.SSLContext, path: str = "/", *, headers: str = ""
) -> tuple[Answer, ssl.SSLObject]:
    """One request by HTTPS; with the answer, what was agreed on."""
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname=host, limit=256 * 1024
        )
        try:
            agreed = writer.get_extra_info("ssl_object")
            return await ask_on(reader, writer, f"{host}:{port}", path, headers=headers), agreed
        finally:
            await close(writer)


async def close(writer: asyncio.StreamWriter) -> None:
    """End a connection, and leave nothing of it behind when the loop ends."""
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def shown(port: int, host: str) -> int:
    """Serial number of the certificate that visitors of a host are shown."""
    async with asyncio.timeout(20):
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=trusting_anybody(), server_hostname=host
        )
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        await close(writer)
    return x509.load_der_x509_certificate(der).serial_number
