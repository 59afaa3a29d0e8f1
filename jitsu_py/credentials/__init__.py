"""Who we are to a host: a chain of places that may know, each asked only when those before it do not.

Environment > the embedded platform's own token > a `.jitsuconf` that a flag named > what `jitsu login` kept
(keyring, or a 0600 file where no keyring answers: `vault`) > the `.jitsuconf` at home > a question. There is
no flag: command lines are seen by everybody on the machine. Where nobody can be asked the last link is
`Refuse` instead of `Ask`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from jitsu_py.errors import NotLoggedInError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass(frozen=True)
class Credential:
    """A user and the secret that proves it."""

    username: str
    secret: str = field(repr=False)
    source: str
    """For people: where the secret was found."""


class Link(Protocol):
    """A place that may know."""

    def find(self, host: str, username: str | None) -> Credential | None:
        """The credential for `username` (None: whoever is known there) on `host`, if this place has one."""


@dataclass(frozen=True)
class Given:
    """A secret that is in our hands already, from the environment, the local token's file or an old file."""

    username: str | None
    secret: str = field(repr=False)
    source: str
    host: str | None = None
    """The only host it is good for; None: the one in use."""
    only: str | None = None
    """The only user it is good for; None: whoever is meant."""

    def find(self, host: str, username: str | None) -> Credential | None:
        if self.host not in {None, host} or (self.only and username not in {None, self.only}):
            return None
        name = username or self.username
        if name is None:
            raise NotLoggedInError(
                f"{self.source} gives a token, but not whose it is", hint="set JITSU_USERNAME or `username`"
            )
        return Credential(name, self.secret, self.source)


@dataclass(frozen=True)
class Adopt:
    """A secret of an old file that is to be kept in its new place, once the host has taken it.

    A host that does not take it is no reason to stop: later links may know better.
    """

    old: Given
    take: Callable[[Credential], Credential]
    """Proves the old secret to the host, keeps what the host knows us by from now on; gives that."""
    warn: Callable[[str], None]

    def find(self, host: str, username: str | None) -> Credential | None:
        found = self.old.find(host, username)
        if found is None:
            return None
        try:
            return self.take(found)
        except NotLoggedInError as error:
            self.warn(f"{host} does not take what {found.source} says of {found.username}: {error.message}")
            return None


@dataclass(frozen=True)
class Ask:
    """The last link where a person can be asked: logs in, which keeps a token, and goes on with it."""

    log_in: Callable[[str, str | None], Credential]

    def find(self, host: str, username: str | None) -> Credential | None:
        return self.log_in(host, username)


@dataclass(frozen=True)
class Refuse:
    """The last link where nobody can be asked."""

    def find(self, host: str, username: str | None) -> Credential | None:
        who = f" as {username}" if username else ""
        raise NotLoggedInError(
            f"not logged in{who} at {host}", hint="run `jitsu login`, or set JITSU_USERNAME and JITSU_TOKEN"
        )


def resolve(links: Iterable[Link], host: str, username: str | None) -> Credential:
    """The first credential that a link has.

    Raises:
        NotLoggedInError: none has one.
    """
    for link in links:
        if found := link.find(host, username):
            return found
    raise NotLoggedInError(f"not logged in at {host}", hint="run `jitsu login`")
