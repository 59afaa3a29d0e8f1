"""Whether the outside finds this machine: HTTPS, the names of apps and of the API, the clock."""

from __future__ import annotations

import socket
import ssl
import time
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import psutil

from jitsu_py.server.address import LOOPBACK
from jitsu_py.server.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jitsu_py.server.settings import Settings

SKEW: Final = 60.0
"""Seconds by which a clock may be wrong; certificates and logins bear some minutes."""

_ASKED: Final = 5.0
"""Seconds for one question to somebody else."""

PROBE: Final = "jitsu-doctor"
"""A subdomain that stands for those of the apps."""


def outside(settings: Settings) -> Iterator[Finding]:
    """Look at what a server that others are to reach needs."""
    router = settings.router
    names = [settings.api.host] if settings.api.host else []
    if router.domain != "localhost":
        names.append(f"{PROBE}.{router.domain}")
    elif router.address not in LOOPBACK:
        yield _unnamed(router.address)
    for name in names:
        yield _dns(name)
    yield from _https(settings)
    if settings.router.https is None or not settings.acme.email:
        yield Finding("clock", "ok", "not compared: no authority is asked for certificates")
    else:
        yield _clock(settings.acme.directory)


def _unnamed(address: str) -> Finding:
    """Visitors are let in from elsewhere, where the apps' names lead to the visitor's own machine."""
    found = f"visitors may come to {address}, but apps are called NAME.localhost, which is their own machine"
    hint = "set domain in [router] of server.toml to a name that leads here, with all names below it"
    return Finding("domain", "warning", found, hint)


def _dns(name: str) -> Finding:
    """Whether a name leads to this machine."""
    check = f"dns {name}"
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        wanted = f"*.{name.partition('.')[2]}" if name.startswith(PROBE) else name
        hint = f"at your DNS provider, point {wanted} (A, and AAAA for IPv6) to this machine"
        return Finding(check, "failed", "the name is unknown", hint)
    shown = ", ".join(sorted(found))
    if found & addresses():
        return Finding(check, "ok", f"{shown} is this machine")
    hint = "point the name to this machine; behind NAT or a load balancer, see that its ports lead here"
    return Finding(check, "warning", f"{shown} is no address of this machine", hint)


def addresses() -> set[str]:
    """The IP addresses of this machine's interfaces, without scope."""
    families = (socket.AF_INET, socket.AF_INET6)
    listed = (each for group in psutil.net_if_addrs().values() for each in group if each.family in families)
    return {each.address.partition("%")[0] for each in listed}


def _https(settings: Settings) -> Iterator[Finding]:
    router, acme = settings.router, settings.acme
    public = router.domain != "localhost" or bool(settings.api.host)
    if router.https is None:
        if public:
            hint = "set https = 443 in [router] of server.toml, and your address as email in [acme]"
            yield Finding("https", "warning", "off: what visitors send can be read on the way", hint)
        return
    if not public or acme.email:
        yield Finding("https", "ok", f"port {router.https}")
    else:
        hint = "set your address as email in [acme] of server.toml, or `jitsu apps certs add` for each domain"
        yield Finding("https", "warning", "no authority is asked for certificates", hint)
    if acme.email and router.port != 80:
        hint = "set port = 80 in [router] of server.toml, unless something leads port 80 of the name here"
        yield Finding("acme", "warning", "authorities look for their proof on port 80", hint)


def _clock(directory: str) -> Finding:
    """Compare the clock with that of the authority for certificates, if it can be reached."""
    place = urlsplit(directory)
    try:
        connection = _connection(place.scheme, place.netloc)
        try:
            before = time.time()
            connection.request("HEAD", "/")
            date = parsedate_to_datetime(connection.getresponse().getheader("date") or "").timestamp()
        finally:
            connection.close()
    except (OSError, ValueError, HTTPException):
        return Finding("clock", "ok", f"not compared: {place.hostname} cannot be asked from here")
    off = (before + time.time()) / 2 - date
    if abs(off) <= SKEW:
        return Finding("clock", "ok", "right to a minute")
    where = "ahead" if off > 0 else "behind"
    hint = "have it set by itself: `timedatectl set-ntp true`"
    return Finding("clock", "failed", f"{abs(off):.0f} s {where}: certificates would not be good", hint)


def _connection(scheme: str, place: str) -> HTTPConnection:
    if scheme != "https":
        return HTTPConnection(place, timeout=_ASKED)
    # Only the time is asked for; with a wrong clock here, no certificate there would be good.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return HTTPSConnection(place, timeout=_ASKED, context=context)
