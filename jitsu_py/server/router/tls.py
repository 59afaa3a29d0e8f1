"""Which certificates HAProxy holds, whom it sends to HTTPS and what it answers to ACME: wanted and actual."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from . import runtime
from .front import CERTIFICATES, CHALLENGES, DEFAULT, SECURED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from .routes import Route

_NAMED: Final = re.compile(r"c-[0-9a-f]{32}\.pem")


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key, and the hosts whose visitors are shown it."""

    hosts: tuple[str, ...]
    """Exact host names."""
    pem: str = field(repr=False)
    """The chain, its leaf first, and the key."""

    @property
    def name(self) -> str:
        """What HAProxy calls it: another one, or for other hosts, has another name."""
        digest = hashlib.sha256("\n".join([*self.hosts, self.pem]).encode()).hexdigest()
        return f"c-{digest[:32]}.pem"


class Tls:
    """The state of HTTPS in one HAProxy.

    A certificate is never changed in place: a renewed one comes beside the old one, which then goes, so
    there is no moment without.

    Args:
        default: PEM that visitors of unknown names are shown.
        always: hosts that are HTTPS only, with or without a certificate.
    """

    def __init__(self, default: str = "", always: Iterable[str] = ()) -> None:
        self._default = default
        self._always = frozenset(always)
        self._wanted: dict[str, Certificate] = {}
        self._told = False
        self._loaded: set[str] = set()
        self._asking: frozenset[str] | None = None
        self._sent: set[str] = set()
        self.challenges: dict[str, str] = {}
        """`host/path` of what an ACME server may ask -> the answer."""
        self._answered: dict[str, str] = {}

    def want(self, certificates: Iterable[Certificate]) -> None:
        """Note which certificates are to be there."""
        self._wanted, self._told = {each.name: each for each in certificates}, True

    def ask(self, routes: Iterable[Route]) -> None:
        """Note the hosts whose apps ask for HTTPS."""
        self._asking = frozenset(host for route in routes if route.secure for host in route.hosts)

    def secured(self) -> set[str]:
        """Hosts whose visitors are to be sent to HTTPS: only those that have a certificate to show."""
        covered = {host for each in self._wanted.values() for host in each.hosts}
        return set((self._asking or frozenset()) & covered | self._always)

    def files(self) -> dict[str, str]:
        """What HAProxy starts from, by name; with them it is as wanted."""
        self._loaded, self._sent, self._answered = set(self._wanted), self.secured(), dict(self.challenges)
        listed = [DEFAULT, *(_entry(each) for each in self._wanted.values())]
        return {
            CERTIFICATES: "".join(f"{line}\n" for line in listed),
            DEFAULT: self._default,
            SECURED: "".join(f"{host} yes\n" for host in sorted(self._sent)),
            CHALLENGES: "".join(f"{key} {answer}\n" for key, answer in self._answered.items()),
            **{name: each.pem for name, each in self._wanted.items()},
        }

    async def adopt(self, socket: Path) -> None:
        """Learn what a running HAProxy has.

        Raises:
            OSError, TimeoutError: it cannot be talked to.
        """
        self._loaded = set(_NAMED.findall(await _say(socket, f"show ssl crt-list {CERTIFICATES}")))
        hosts = await _say(socket, f"show map {SECURED}")
        self._sent = {line.split()[1] for line in hosts.splitlines() if len(line.split()) > 1}
        self._answered = {"?": ""}  # unlike anything: they are sent anew

    async def follow(self, socket: Path) -> None:
        """Have HAProxy hold what is wanted.

        Raises:
            CommandError: it refuses something.
            OSError, TimeoutError: it cannot be talked to.
        """
        new = [each for name, each in self._wanted.items() if name not in self._loaded]
        for certificate in new:
            await _carry_out(socket, _arrival(certificate))
            self._loaded.add(certificate.name)
        if self.challenges != self._answered:
            lines = [f"add map {CHALLENGES} {key} {answer}" for key, answer in self.challenges.items()]
            await _carry_out(socket, [f"clear map {CHALLENGES}", *lines])
            self._answered = dict(self.challenges)
        secured = self.secured()
        if secured != self._sent and self._told and self._asking is not None:
            await _carry_out(socket, _changes(self._sent, secured))
            self._sent = secured
        for name in sorted(self._loaded - self._wanted.keys()) if self._told else ():
            await _carry_out(socket, _removal(name))
            self._loaded.discard(name)


def _entry(certificate: Certificate) -> str:
    return f"{certificate.name} {' '.join(certificate.hosts)}"


def _arrival(certificate: Certificate) -> list[str]:
    name = certificate.name
    return [
        f"new ssl cert {name}",
        f"set ssl cert {name} <<\n{certificate.pem.strip()}\n",
        f"commit ssl cert {name}",
        f"add ssl crt-list {CERTIFICATES} <<\n{_entry(certificate)}\n",
    ]


def _removal(name: str) -> list[str]:
    return [f"del ssl crt-list {CERTIFICATES} {name}", f"del ssl cert {name}"]


def _changes(before: Collection[str], after: Collection[str]) -> list[str]:
    gone = [f"del map {SECURED} {host}" for host in sorted(set(before) - set(after))]
    return gone + [f"add map {SECURED} {host} yes" for host in sorted(set(after) - set(before))]


_FINE: Final = re.compile(
    r"|New empty certificate store .*|Transaction (?:created|updated) .*|Committing .*Success!"
    r"|Inserting certificate .*Success!|Entry .* deleted in crtlist .*|Certificate .* deleted!",
    re.DOTALL,
)
"""What HAProxy says when it did as it was told."""


async def _carry_out(socket: Path, commands: Iterable[str]) -> None:
    for command in commands:
        reply = await _say(socket, command)
        if not _FINE.fullmatch(reply):
            raise runtime.CommandError(f"{command.partition(' <<')[0]}: {reply}")


async def _say(socket: Path, command: str) -> str:
    """One command on a connection of its own: a prompt would be among the lines of what is sent with it."""
    with runtime.reachable(socket) as short:
        reader, writer = await asyncio.open_unix_connection(short)
    try:
        writer.write(f"{command}\n".encode())
        async with asyncio.timeout(runtime.PATIENCE):
            return (await reader.read()).decode(errors="replace").strip()
    finally:
        writer.close()
