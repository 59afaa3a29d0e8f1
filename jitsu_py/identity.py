"""How we find out who we are to a platform: the places that may know, and logging in as the last of them."""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jitsu_py.credentials import Adopt, Ask, Credential, Given, Refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jitsu_py.api.client import Client
    from jitsu_py.console import Console
    from jitsu_py.credentials import Link
    from jitsu_py.credentials.vault import Vault
    from jitsu_py.embedded import Embedded
    from jitsu_py.settings import Settings


@dataclass(frozen=True)
class Target:
    """The platform that a run talks to."""

    host: str
    """Base URL of its API."""
    embedded: Embedded | None
    """The platform on this machine, where that is the one; it runs."""


class Identity:
    """Who we are to a target.

    Args:
        target: the platform.
        environ: the environment's variables.
        settings: may name a user, and what an old jitsu left.
        console: asks, and says where a secret went.
        vault: gives what `jitsu login` keeps, when it comes to that.
        connect: makes a client of the target for a user and a secret.
    """

    def __init__(
        self,
        target: Target,
        environ: Mapping[str, str],
        settings: Settings,
        console: Console,
        vault: Callable[[], Vault],
        connect: Callable[[str, str], Client],
    ) -> None:
        self._target = target
        self._environ = environ
        self._settings = settings
        self._console = console
        self._vault = vault
        self._connect = connect

    def log_in(self, host: str, username: str | None, secret: str | None = None) -> Credential:
        """Prove ourselves with a password, make a token named after this machine and keep that.

        Args:
            host: the target's.
            username: asked for when None.
            secret: a password; asked for, unseen, when None.
        """
        questions = self._console.questions
        self._console.say(f"Log in to {host}")
        username = (username or questions.ask("Username", flag="--username or JITSU_USERNAME")).lower()
        password = secret or questions.ask_secret("Password", flag="JITSU_TOKEN or --token-stdin")
        made = self._connect(username, password).tokens.create(f"jitsu@{socket.gethostname()}")
        self._console.hide(made.token)
        return Credential(username, made.token, self._vault().keep(host, username, made.token))

    def links(self) -> Iterator[Link]:
        """The places that may know who we are, best first; none is touched before those above it failed."""
        local = self._target.embedded
        if token := self._environ.get("JITSU_TOKEN", "").strip():
            # On this machine's platform the local account is who is meant unless somebody else is named.
            yield Given(local.user if local else None, token, "environment JITSU_TOKEN")
        if local:
            yield Given(local.user, local.token(), "the local token", only=local.user)
        yield from self._old_links(named=True)
        yield self._vault()
        yield from self._old_links(named=False)
        yield Ask(self.log_in) if self._console.interactive else Refuse()

    def _old_links(self, *, named: bool) -> Iterator[Link]:
        """What a `.jitsuconf` knows; the one at home (not `named` by a flag) moves into the vault."""

        old = self._settings.old
        if not (old and old.host and old.username):
            return
        place, only = str(old.path), old.username
        token = Given(only, old.token, place, old.host, only) if old.token else None
        if token and old.asked_for and named:
            yield token
        if token and not old.asked_for and not named:
            yield Adopt(token, self._adopt_token, self._console.warn)
        if old.password and not named:
            password = Given(only, old.password, place, old.host, only)
            yield Adopt(password, self._exchange_password, self._console.warn)

    def _adopt_token(self, found: Credential) -> Credential:
        """Keep the token of an old file in the vault, if the host takes it."""
        self._connect(found.username, found.secret).users.auth()
        kept = self._vault().keep(self._target.host, found.username, found.secret)
        self._console.say(f"the token in {found.source} is kept in: {kept}; that file is not needed any more")
        return replace(found, source=kept)

    def _exchange_password(self, found: Credential) -> Credential:
        """Log in with the password of an old file and keep the token; the password goes nowhere else."""
        made = self.log_in(self._target.host, found.username, found.secret)
        self._console.say(f"the password in {found.source} was exchanged for a token, kept in: {made.source}")
        self._console.warn(
            f"{found.source} still holds the password as anybody can read it: delete that line"
        )
        return made
