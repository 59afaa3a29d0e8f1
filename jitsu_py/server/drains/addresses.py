"""Addresses of receivers: read, shown without their secrets, and which of them may be reached."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import os
import socket
import ssl
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Code

PORTS: Final = {"syslog+tcp": 601, "syslog+tls": 6514, "https": 443, "http": 80}
"""The schemes, with the port of each (RFC 6587, RFC 5425)."""

LONGEST: Final = 2048
"""Characters."""

NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that stand for an IPv4 one (RFC 6052); the standard library calls them public."""


@dataclass(frozen=True)
class Address:
    """A receiver's address."""

    url: str = field(repr=False)
    """Whole, with what it carries of secrets."""
    scheme: str
    host: str
    port: int
    path: str = field(repr=False)
    """With the query; of HTTP."""
    login: str = field(repr=False)
    """Value of an `Authorization` header; empty: none."""

    @property
    def is_syslog(self) -> bool:
        """Whether it speaks syslog, not HTTP."""
        return self.scheme.startswith("syslog+")

    @property
    def is_encrypted(self) -> bool:
        """Whether nobody on the way can read along."""
        return self.scheme in {"syslog+tls", "https"}

    @property
    def place(self) -> str:
        """What errors call it."""
        return f"{self.host}:{self.port}"

    @property
    def warning(self) -> str:
        """What a person should know of it; empty: nothing."""
        if self.is_encrypted or _is_loopback(self.host):
            return ""
        better = "syslog+tls://" if self.is_syslog else "https://"
        return f"{self.place} is not encrypted: whoever is on the way can read the lines; {better} is better"


def parse(url: object) -> Address:
    """Read an address.

    Raises:
        PlatformError: BAD_REQUEST, saying what is wrong with it.
    """
    if not isinstance(url, str) or not url:
        raise _wrong("is missing: an address such as syslog+tls://logs.example.com:6514")
    if len(url) > LONGEST or not url.isascii() or not url.isprintable() or " " in url:
        raise _wrong(f"is at most {LONGEST} printable ASCII characters, without spaces")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _wrong(f"is no address: {error}") from error
    if parts.scheme not in PORTS:
        raise _wrong(f"begins with one of {', '.join(f'{scheme}://' for scheme in PORTS)}")
    if not parts.hostname or port == 0:
        raise _wrong("names no host and port to connect to")
    if parts.fragment or (parts.scheme.startswith("syslog") and _more_than_a_host(parts)):
        raise _wrong("has parts that mean nothing to a receiver")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(url, parts.scheme, parts.hostname, port or PORTS[parts.scheme], path, _login(parts))


def shown(address: Address) -> str:
    """The address as anybody may see it: passwords and the query's values starred."""
    parts = urlsplit(address.url)
    before = "***@" if parts.username is not None else ""
    host = f"[{address.host}]" if ":" in address.host else address.host
    query = urlencode([(name, "***") for name, _ in parse_qsl(parts.query, keep_blank_values=True)], safe="*")
    return f"{parts.scheme}://{before}{host}:{address.port}{parts.path}{'?' + query if query else ''}"


async def resolve(host: str, port: int, *, anywhere: bool) -> list[str]:
    """The numeric addresses of a host that may be connected to.

    Asked before each connection, and the connection goes to what was checked: a name that changes its mind
    in between leads nowhere else.

    Args:
        anywhere: also to this machine, private networks and what else is not the internet.

    Raises:
        PlatformError: FORBIDDEN, when all are of places that are not allowed.
        OSError: the name cannot be resolved.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host} is no host name") from error
    numbers = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    allowed = [number for number in numbers if anywhere or is_public(number)]
    if not allowed:
        raise PlatformError(
            Code.FORBIDDEN,
            f"{host} is not on the internet ({', '.join(numbers)}), and this server ships logs nowhere else. "
            'Who runs it may set [logs] drains = "anywhere" in server.toml.',
        )
    return allowed


def why(error: BaseException | None) -> str:
    """What kept a connection from coming about, in the system's words: "connection refused"."""
    at, seen = error, 0
    while at is not None and seen < 10:
        if isinstance(at, ssl.SSLError):
            return str(at)
        if isinstance(at, OSError) and at.errno is not None and not isinstance(at, socket.gaierror):
            return os.strerror(at.errno).lower()
        at, seen = at.__cause__ or at.__context__, seen + 1
    return str(error or "it has no address") or type(error).__name__


def is_public(number: str) -> bool:
    """Whether a numeric address is one of the internet, whatever it is wrapped in."""
    address = ipaddress.ip_address(number.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return address.is_global and not address.is_multicast


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _more_than_a_host(parts: SplitResult) -> bool:
    return bool(parts.path.strip("/") or parts.query or parts.username is not None)


def _login(parts: SplitResult) -> str:
    if parts.username is None:
        return ""
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _wrong(why: str) -> PlatformError:
    return PlatformError(Code.BAD_REQUEST, f"url {why}.", details={"field": "url"})
